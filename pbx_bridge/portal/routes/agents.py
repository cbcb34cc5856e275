"""Agents: who they are, and logging them in and out, pausing them, taking them back. Every change is in the audit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from aiohttp import web
from pydantic import TypeAdapter

from ...directory.service import Agent
from .. import complaints
from .. import desk_answers as answers
from ..bodies import as_json, read_json, read_query
from ..desk_schemas import AgentRequest, PauseRequest
from ..grant import GRANT
from ..needs import NEEDS
from ..operations import Answer, Body, Operation
from ..problems import Problem
from ..queries import NoQuery
from ..queue_pictures import agent_picture

Model = TypeVar("Model", bound=AgentRequest)
_WHERE, _PAUSE = TypeAdapter(AgentRequest), TypeAdapter(PauseRequest)


async def find(request: web.Request) -> web.Response:
    """All who may log in, and where they are."""
    read_query(request, NoQuery)
    needs = request.app[NEEDS]
    directory, views = needs.directory(), needs.conductor.queues()
    agents = [agent_picture(directory.agents[id_], views) for id_ in sorted(directory.agents)]
    return as_json({"agents": agents, "pause_reasons": _reasons(request)})


async def log_in(request: web.Request) -> web.Response:
    """Harmless when repeated."""
    agent, body = await _asked(request, _WHERE)
    return await _done(request, agent, request.app[NEEDS].conductor.log_in(agent.id, body.queue, by=_by(request)))


async def log_out(request: web.Request) -> web.Response:
    """Harmless when repeated; a talk goes on."""
    agent, body = await _asked(request, _WHERE)
    return await _done(request, agent, request.app[NEEDS].conductor.log_out(agent.id, body.queue, by=_by(request)))


async def pause(request: web.Request) -> web.Response:
    """No more calls, until resumed."""
    agent, body = await _asked(request, _PAUSE)
    if body.reason is not None and body.reason not in _reasons(request):
        words = "is not among the reasons that GET /v1/agents lists as `pause_reasons`"
        raise complaints.problem([complaints.item("body", "/reason", words)])
    pausing = request.app[NEEDS].conductor.pause(agent.id, True, body.reason or "", body.queue, by=_by(request))
    return await _done(request, agent, pausing)


async def resume(request: web.Request) -> web.Response:
    """Takes calls again."""
    agent, body = await _asked(request, _WHERE)
    resuming = request.app[NEEDS].conductor.pause(agent.id, False, "", body.queue, by=_by(request))
    return await _done(request, agent, resuming)


async def _asked(request: web.Request, form: TypeAdapter[Model]) -> tuple[Agent, Model]:
    read_query(request, NoQuery)
    body, _ = await read_json(request, form)
    agent = request.app[NEEDS].directory().agents.get(request.match_info["agent_id"])
    if agent is None:
        raise Problem("unknown-agent")
    if body.queue is not None and body.queue not in agent.queues:
        raise Problem("agent-refused", "the agent does not work in that queue; agents.toml says where they do")
    return agent, body


async def _done(request: web.Request, agent: Agent, work: Awaitable[None]) -> web.Response:
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        await work
    return as_json({"agent": agent_picture(agent, needs.conductor.queues())})


def _by(request: web.Request) -> str:
    return request[GRANT].actor


def _reasons(request: web.Request) -> list[str]:
    return sorted(set(request.app[NEEDS].directory().pause_reasons.values()))


_ONE = {"application/json": answers.OneAgent}
_PROBLEMS = ("unknown-agent", "agent-refused", "asterisk-unavailable", "validation-failed")
_EXAMPLES = {"in one queue": {"queue": "support"}, "in all": {}}

OPERATIONS = (
    Operation(
        id="listAgents",
        method="GET",
        path="/v1/agents",
        summary="All agents, and where they are logged in",
        handler=find,
        answers=(Answer(200, "The agents, by id", {"application/json": answers.Agents}),),
        problems=("validation-failed",),
    ),
    Operation(
        id="logInAgent",
        method="POST",
        path="/v1/agents/{agent_id}/login",
        summary="Let an agent take calls of a queue, or of all of theirs",
        handler=log_in,
        body=Body(AgentRequest, _EXAMPLES),
        answers=(Answer(200, "The agent is logged in", _ONE),),
        problems=_PROBLEMS,
    ),
    Operation(
        id="logOutAgent",
        method="POST",
        path="/v1/agents/{agent_id}/logout",
        summary="Take an agent out of a queue, or of all of theirs",
        description="A talk goes on.",
        handler=log_out,
        body=Body(AgentRequest, _EXAMPLES),
        answers=(Answer(200, "The agent is logged out", _ONE),),
        problems=_PROBLEMS,
    ),
    Operation(
        id="pauseAgent",
        method="POST",
        path="/v1/agents/{agent_id}/pause",
        summary="Give an agent no calls for a while",
        handler=pause,
        body=Body(PauseRequest, {"for lunch": {"reason": "lunch"}, "in one queue": {"queue": "support"}}),
        answers=(Answer(200, "The agent pauses", _ONE),),
        problems=_PROBLEMS,
    ),
    Operation(
        id="resumeAgent",
        method="POST",
        path="/v1/agents/{agent_id}/resume",
        summary="Give an agent calls again",
        handler=resume,
        body=Body(AgentRequest, _EXAMPLES),
        answers=(Answer(200, "The agent takes calls", _ONE),),
        problems=_PROBLEMS,
    ),
)
