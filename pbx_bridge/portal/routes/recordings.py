"""Recordings: pause them, take the consent back, see what is kept, and hear it.

Sound is for supervisors and auditors alone, and the audit knows of it before the first byte leaves.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

from aiohttp import hdrs, web
from pydantic import TypeAdapter

from ...call.model import Call
from ...conductor.recordings import Ask
from ...ledger import KeptRecording, Unreadable
from ...ledger.access import GivenConsent
from .. import answers
from ..bodies import as_json, read_json, read_query
from ..grant import GRANT
from ..needs import NEEDS
from ..noting import note, note_read
from ..operations import Answer, Body, Header, Operation
from ..own import ETAG, IF_MATCH, own_call, revision_wanted, with_call
from ..problems import Problem
from ..profiles import profile_of
from ..queries import NoQuery
from ..recording_schemas import RecordingRequest, RecordingsOfCall
from ..turns import TURNS
from .profile import CONSENTS

_BODY = TypeAdapter(RecordingRequest)
_ID = re.compile(r"rec_[a-z0-9]{1,64}_[0-9]{13}\Z")


async def steer(request: web.Request) -> web.Response:
    """Pause, resume, or take the consent back."""
    read_query(request, NoQuery)
    body, _ = await read_json(request, _BODY)
    call = await own_call(request)
    revision = revision_wanted(request, call)
    needs, grant = request.app[NEEDS], request[GRANT]
    ask = Ask(body.action)
    if ask is Ask.STOP and not grant.owns:
        raise Problem("wrong-role", "a consent is taken back by the citizen, or by their portal for them")
    async with asyncio.timeout(needs.settings.answer_s):
        after = await needs.conductor.steer_recording(call.id, ask, by=grant.actor, if_revision=revision)
        if ask is Ask.STOP:
            await _write_down(request, call)
    return with_call(after)


async def _write_down(request: web.Request, call: Call) -> None:
    """In the profile too: the next call asks nobody who has said no."""
    whose, needs = (call.request.client, call.request.user), request.app[NEEDS]
    async with request.app[TURNS].of(whose):
        profile = await profile_of(request, *whose)
        said = profile.consent or call.request.consent
        if said is None or (profile.consent is not None and not profile.consent.recording):
            return
        at = needs.clock()
        no = GivenConsent(replace(said, recording=False, at=None), at)
        await note(request, "write-profile", whose)
        await needs.ledger.keep_profile(replace(profile, consents=(*profile.consents, no)[-CONSENTS:], updated_at=at))


async def of_call(request: web.Request) -> web.Response:
    """What is kept of a call."""
    read_query(request, NoQuery)
    call = await own_call(request)
    await note_read(request, "read-recordings", [call])
    kept = await request.app[NEEDS].ledger.recordings_of_call(call.id)
    return as_json({"recordings": [_picture(each) for each in kept]})


async def hear(request: web.Request) -> web.StreamResponse:
    """The sound. What cannot be proved to be what was recorded is not given."""
    read_query(request, NoQuery)
    needs = request.app[NEEDS]
    id_ = request.match_info["recording_id"]
    recording = await needs.ledger.recording(id_) if _ID.match(id_) else None
    if recording is None or needs.sound is None:
        raise Problem("unknown-recording")
    if recording.key is None:
        raise Problem("recording-gone")
    await _note(request, recording)
    answer = _answer(recording)
    if request.method == hdrs.METH_HEAD:
        return answer
    pieces = needs.sound(recording)
    try:
        first = await anext(pieces, b"")
    except Unreadable:
        raise Problem("recording-broken") from None
    await answer.prepare(request)
    await answer.write(first)
    # A file that changes while it is heard ends here: its announced length tells the listener.
    async for piece in pieces:
        await answer.write(piece)
    await answer.write_eof()
    return answer


async def _note(request: web.Request, recording: KeptRecording) -> None:
    call = await request.app[NEEDS].conductor.call(recording.call_id)
    citizen = (call.request.client, call.request.user) if call else None
    detail = {"recording": recording.id, "call": recording.call_id}
    await note(request, "hear-recording", citizen, detail=detail)


def _answer(recording: KeptRecording) -> web.StreamResponse:
    headers = {
        hdrs.CONTENT_TYPE: "audio/wav",
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.CONTENT_LENGTH: str(recording.size),
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{recording.id}.wav"',
    }
    return web.StreamResponse(headers=headers)


def _picture(kept: KeptRecording) -> dict[str, Any]:
    return {
        "id": kept.id,
        "call_id": kept.call_id,
        "state": kept.state,
        "began_at": kept.began_at,
        "length_s": kept.length_ms / 1000,
        "size": kept.size,
        "sha256": kept.sha256,
        "consent": {"at": kept.consent_at, "how": kept.consent_how, "text_version": kept.consent_text},
        "keep_until": kept.keep_until,
    }


_SOUND = {"audio/wav": {"type": "string", "format": "binary"}}
_FILE = Header("Content-Disposition", "an attachment: browsers save it", required=True)

OPERATIONS = (
    Operation(
        id="steerRecording",
        method="POST",
        path="/v1/calls/{call_id}/recording",
        summary="Pause a recording, let it go on, or take the consent back",
        description="A pause leaves silence in the file. `stop` is the citizen's: nothing more is recorded of this "
        "call, nor of later ones until they agree anew; what was recorded before stays, until it is erased. Repeating "
        "`stop` is harmless.",
        handler=steer,
        headers=(IF_MATCH,),
        body=Body(RecordingRequest, {"pause": {"action": "pause"}, "take it back": {"action": "stop"}}),
        answers=(Answer(200, "The call", {"application/json": answers.OneCall}, (ETAG,)),),
        problems=("unknown-call", "not-steerable", "invalid-header", "revision-passed", "validation-failed"),
    ),
    Operation(
        id="listRecordings",
        method="GET",
        path="/v1/calls/{call_id}/recordings",
        summary="What is kept of a call's sound",
        description="Without the sound: that there is a recording, by which consent, and until when.",
        handler=of_call,
        answers=(Answer(200, "The recordings", {"application/json": RecordingsOfCall}),),
        problems=("unknown-call",),
    ),
    Operation(
        id="hearRecording",
        method="GET",
        path="/v1/recordings/{recording_id}",
        summary="Hear a recording",
        description="The audit has a line of it before the first byte. The file is compared with its checksum first.",
        handler=hear,
        answers=(Answer(200, "A WAV file", _SOUND, (_FILE,)),),
        problems=("unknown-recording", "recording-gone", "recording-broken"),
    ),
)
