"""The doctor on recordings: a place where they are offered, and nobody else who can look into it."""

from __future__ import annotations

from pathlib import Path

from pbx_bridge.doctor_recordings import recordings
from pbx_bridge.settings import Settings


def settings(tmp_path: Path, *, offer: bool, places: bool = True) -> Settings:
    services = tmp_path / "services"
    services.mkdir(exist_ok=True)
    (services / "support.toml").write_text(
        'queue = "support"\n[names]\nru = "а"\nen = "a"\n[hours]\ncalendar = "none"\nevery_day = ["00:00-24:00"]\n'
        f"[recording]\noffer = {str(offer).lower()}\n"
    )
    where = {"spool": tmp_path / "spool", "store": tmp_path / "store"} if places else {}
    return Settings(directory=services, recordings=where)  # type: ignore[arg-type]


async def said(settings: Settings) -> list[str]:
    return [f"{each.verdict} {each.words}" async for each in recordings(settings)]


async def test_nothing_is_said_where_nobody_records(tmp_path: Path) -> None:
    assert await said(settings(tmp_path, offer=False, places=False)) == []


async def test_an_offer_without_a_place_is_warned_of(tmp_path: Path) -> None:
    (line,) = await said(settings(tmp_path, offer=True, places=False))
    assert line.startswith("warn support offer recordings, and there is no place")


async def test_folders_that_are_missing_or_open_fail_and_sound_ones_are_in_order(tmp_path: Path) -> None:
    wanted = settings(tmp_path, offer=True)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o755)
    spool, store = await said(wanted)
    assert "spool is open to everybody" in spool
    assert "store is not there" in store
    (tmp_path / "spool").chmod(0o2770)
    (tmp_path / "store").mkdir(mode=0o700)
    assert await said(wanted) == ["ok offered by support"]
