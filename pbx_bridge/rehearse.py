"""`pbx-bridge simulate`: a day that has not happened yet, by the decisions that will be taken."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress

from .directory.reading import BadDirectory
from .directory.service import Service
from .hours.opening import OutOfReach
from .rehearse_tables import tables
from .settings import SHIPPED
from .shelf import read_folder
from .simulator.beside import Beside, beside
from .simulator.day import Run, simulate
from .simulator.figures import Spread, figures, together
from .simulator.plan import BadPlan, Plan, read

app = App(name="simulate", help="Simulate a day at the desk: waits, callbacks, promises, beside Erlang's formulas.")
out = Console(highlight=False)
look = Console(stderr=True)


class CannotSimulate(Exception):
    """The plan, the service or the day cannot be used. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All runs of a plan. `backlog` is the mean over the runs at each full hour."""

    plan: Plan
    service: Service
    seeds: tuple[int, ...]
    spreads: dict[str, Spread | None]
    beside: Beside
    backlog: tuple[float, ...]


@app.default
def simulate_(
    plan: Path,
    *,
    seed: int = 1,
    day: Annotated[str | None, Parameter(help="The first day, such as 2026-11-23; default: the plan's.")] = None,
    days: Annotated[int | None, Parameter(help="How many days; default: the plan's.")] = None,
    runs: Annotated[int | None, Parameter(help="How often, with seeds from SEED on; default: the plan's.")] = None,
    service: Annotated[str, Parameter(help="Whose hours, limits and rules.")] = "support",
    services: Annotated[Path, Parameter(help="The folder of services; default: those shipped.")] = SHIPPED,
    json_: Annotated[bool, Parameter(name="--json", negative="", help="Print figures for programs.")] = False,
) -> None:
    """Simulate the day that PLAN (TOML) describes. The same seed gives the same day."""
    wanted = read_plan(plan, {"day": day, "days": days, "runs": runs})
    told = rehearse(wanted, read_service(services, service), seed)
    if json_:
        out.out(json.dumps(as_data(told), ensure_ascii=False, indent=2))
        return
    for each in tables(told.plan, told.service, told.seeds, told.spreads, told.beside, told.backlog):
        out.print(each)


def read_plan(path: Path, changes: dict[str, Any]) -> Plan:
    """The plan in a file, with what the command line says otherwise. Raises CannotSimulate."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotSimulate(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotSimulate(f"{path} is not TOML: it is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise CannotSimulate(f"{path} is not TOML: {error}.") from None
    try:
        return read(data | {name: value for name, value in changes.items() if value is not None})
    except BadPlan as bad:
        raise CannotSimulate(f"The plan in {path} cannot be simulated:\n  " + "\n  ".join(bad.problems)) from None


def read_service(folder: Path, id_: str) -> Service:
    """One service of a folder. Raises CannotSimulate."""
    try:
        known = read_folder(folder).services
    except BadDirectory as bad:
        problems = "\n  ".join(str(problem) for problem in bad.problems)
        raise CannotSimulate(f"The services in {folder} cannot be used:\n  {problems}") from None
    if id_ not in known:
        raise CannotSimulate(f"There is no service {id_} in {folder}. Known: {', '.join(sorted(known))}.")
    return known[id_]


def rehearse(plan: Plan, service: Service, seed: int) -> Rehearsal:
    """All runs. Raises CannotSimulate."""
    seeds = tuple(range(seed, seed + plan.runs))
    runs: list[Run] = []
    try:
        with Progress(console=look, transient=True, disable=not look.is_terminal) as progress:
            for number, each in enumerate(seeds, 1):
                task = progress.add_task(f"run {number} of {len(seeds)}", total=1.0)
                runs.append(simulate(plan, service, each, lambda share: progress.update(task, completed=share)))  # noqa: B023
                progress.remove_task(task)
    except (OutOfReach, OverflowError):
        raise CannotSimulate(f"No calendar tells of {date.isoformat(plan.day)}; choose another day.") from None
    spreads = together([figures(run, plan.within_s) for run in runs])
    backlog = tuple(sum(sizes) / len(runs) for sizes in zip(*(run.backlog for run in runs), strict=True))
    return Rehearsal(plan, service, seeds, spreads, beside(plan, service, runs), backlog)


def as_data(told: Rehearsal) -> dict[str, Any]:
    """For programs: shares are 0 to 1, times are seconds unless the name says hours."""
    return {
        "plan": told.plan.model_dump(mode="json", exclude={"shifts"}) | {"shifts": _shifts(told.plan)},
        "service": told.service.id,
        "seeds": list(told.seeds),
        "figures": {name: asdict(spread) if spread else None for name, spread in told.spreads.items()},
        "erlang_c": _finite(told.beside.c),
        "erlang_a": _finite(told.beside.a),
        "backlog": list(told.backlog),
    }


def _shifts(plan: Plan) -> Sequence[Any]:
    return [
        {
            "agents": shift.agents,
            "hours": str(shift.hours),
            "breaks": [{"hours": str(each.hours), "agents": each.agents} for each in shift.breaks],
        }
        for shift in plan.shifts
    ]


def _finite(figures_: Any) -> Any:
    """JSON knows no endless wait: null."""
    if figures_ is None:
        return None
    return {name: value if value < float("inf") else None for name, value in asdict(figures_).items()}
