"""What may be said and is answered about recordings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from ..call.model import Given
from .answers import Part
from .schemas import Strict


class RecordingRequest(Strict):
    """What is to become of the recording."""

    action: Annotated[
        Literal["pause", "resume", "stop"],
        Field(description="`stop` takes the consent back, for this call and in the profile; it is the citizen's alone"),
    ]


class RecordingConsent(Part):
    """By which word it is kept."""

    at: AwareDatetime
    how: Given
    text_version: Annotated[str | None, Field(description="null after an erasure")]


class KeptRecording(Part):
    """One file: the talk with one person. Without its sound, which is another operation with another right."""

    id: str
    call_id: str
    state: Annotated[Literal["kept", "doomed", "gone"], Field(description="only `kept` can be heard")]
    began_at: AwareDatetime
    length_s: Annotated[float, Field(description="seconds")]
    size: Annotated[int, Field(description="bytes of the WAV file")]
    sha256: Annotated[str, Field(description="of the WAV file")]
    consent: RecordingConsent
    keep_until: AwareDatetime


class RecordingsOfCall(Part):
    """All of a call, in the order in which they began. A file comes a moment after the call has ended."""

    recordings: list[KeptRecording]
