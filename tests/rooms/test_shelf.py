"""The services folder while the service runs: what a change does, and what a mistake does not."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pbx_bridge import provision
from pbx_bridge.directory.reading import BadDirectory
from pbx_bridge.directory.service import Directory
from pbx_bridge.hours.schedule import ALWAYS, DESK
from pbx_bridge.settings import SHIPPED, Settings, SettingsError, load
from pbx_bridge.shelf import Shelf, shelf_of

from ..directory.files import text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    there = tmp_path / "services"
    there.mkdir()
    (there / "aa.toml").write_text(text("aa"))
    return there


@pytest.fixture
def heard() -> list[Directory]:
    return []


@pytest.fixture
def shelf(folder: Path, heard: list[Directory]) -> Shelf:
    made = Shelf(folder)
    made.on_change.append(heard.append)
    return made


def test_a_reload_takes_what_the_files_say_now(shelf: Shelf, folder: Path, heard: list[Directory]) -> None:
    (folder / "bb.toml").write_text(text("bb"))
    assert shelf.reload() == ()
    assert list(shelf.directory.services) == ["aa", "bb"]
    assert heard == [shelf.directory]


def test_the_view_of_services_is_of_the_present_directory(shelf: Shelf, folder: Path) -> None:
    view = shelf.services
    (folder / "bb.toml").write_text(text("bb"))
    (folder / "aa.toml").unlink()
    shelf.reload()
    assert list(view) == ["bb"]
    assert len(view) == 1
    assert view["bb"].queue == "bb"
    assert "aa" not in view


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"queue = ", "bb.toml: is not TOML: "),
        (b"\xff", "bb.toml: is not UTF-8 at byte 1"),
        (b'queue = "bb"', "bb.toml: names: is missing"),
    ],
)
def test_a_mistake_keeps_the_old_directory_and_says_why(
    shelf: Shelf, folder: Path, heard: list[Directory], broken: bytes, why: str
) -> None:
    before = shelf.directory
    (folder / "bb.toml").write_bytes(broken)
    problems = shelf.reload()
    assert str(problems[0]).startswith(why)
    assert shelf.directory is before
    assert heard == []


def test_a_folder_that_is_gone_keeps_the_old_directory(shelf: Shelf, folder: Path) -> None:
    shutil.rmtree(folder)
    assert "cannot be read" in str(shelf.reload()[0])
    assert list(shelf.services) == ["aa"]


def test_a_change_of_comments_is_no_news(shelf: Shelf, folder: Path, heard: list[Directory]) -> None:
    (folder / "aa.toml").write_text("# why\n" + text("aa"))
    assert shelf.reload() == ()
    assert heard == []


def test_a_change_is_taken_once_it_has_come_to_rest(shelf: Shelf, folder: Path, heard: list[Directory]) -> None:
    whole = text("bb")
    shelf.look()
    (folder / "bb.toml").write_text(whole[:40])
    shelf.look()
    (folder / "bb.toml").write_text(whole)
    shelf.look()
    assert heard == []
    shelf.look()
    assert [list(each.services) for each in heard] == [["aa", "bb"]]
    shelf.look()
    assert len(heard) == 1


def test_a_mistake_that_stays_is_told_once_and_its_mending_is_taken(shelf: Shelf, folder: Path) -> None:
    (folder / "bb.toml").write_text("queue =")
    with capture_logs() as logged:
        for _ in range(4):
            shelf.look()
    assert [(each["log_level"], "the old one stays" in each["event"]) for each in logged] == [("error", True)]
    (folder / "bb.toml").write_text(text("bb"))
    shelf.look()
    shelf.look()
    assert "bb" in shelf.services


def test_a_file_of_the_same_length_and_time_is_seen_by_its_new_place(shelf: Shelf, folder: Path) -> None:
    found = (folder / "aa.toml").stat()
    fresh = folder / "fresh"
    fresh.write_text(text("aa").replace("Линия", "Лыния"))
    os.utime(fresh, ns=(found.st_atime_ns, found.st_mtime_ns))
    fresh.replace(folder / "aa.toml")
    shelf.look()
    shelf.look()
    assert shelf.services["aa"].name("ru") == "Лыния aa"


def test_one_who_cannot_take_the_change_keeps_it_from_nobody_else(
    shelf: Shelf, folder: Path, heard: list[Directory]
) -> None:
    def fails(directory: Directory) -> None:
        raise RuntimeError(directory.digest)

    shelf.on_change.insert(0, fails)
    (folder / "bb.toml").write_text(text("bb"))
    assert shelf.reload() == ()
    assert len(heard) == 1


async def test_the_watch_takes_a_change_by_itself(shelf: Shelf, folder: Path) -> None:
    news = asyncio.Event()
    shelf.on_change.append(lambda _: news.set())
    watching = asyncio.create_task(shelf.watch(0.001))
    (folder / "bb.toml").write_text(text("bb"))
    async with asyncio.timeout(10):
        await news.wait()
    watching.cancel()
    assert "bb" in shelf.services


def test_what_editors_leave_behind_is_not_read(folder: Path) -> None:
    for name in (".#bb.toml", "bb.toml~", "bb.toml.bak", "README.md"):
        (folder / name).write_text("no service")
    assert list(Shelf(folder).services) == ["aa"]


def test_a_start_with_a_mistake_is_refused(folder: Path) -> None:
    (folder / "bb.toml").write_text("queue =")
    with pytest.raises(BadDirectory, match=r"bb\.toml: is not TOML"):
        Shelf(folder)


def test_without_any_folder_the_shipped_services_are_there() -> None:
    assert shelf_of(Settings()).folder == SHIPPED
    assert list(shelf_of(Settings()).services) == ["citizens", "reference", "round-the-clock", "support"]


def test_services_of_an_older_configuration_never_close_and_need_no_folder() -> None:
    shelf = shelf_of(Settings.model_validate({"services": {"support": "support"}}))
    assert shelf.folder is None
    assert shelf.services["support"].hours == ALWAYS
    assert shelf.reload() == ()


def configured(tmp_path: Path, toml: str = "") -> Settings:
    config = tmp_path / "pbx-bridge.toml"
    config.write_text(toml)
    return load(config)


def test_the_folder_beside_the_configuration_is_taken(tmp_path: Path, folder: Path) -> None:
    assert configured(tmp_path).directory == folder
    assert list(shelf_of(configured(tmp_path)).services) == ["aa"]


def test_a_folder_that_is_named_counts_from_the_configuration_on(tmp_path: Path, folder: Path) -> None:
    folder.rename(tmp_path / "desk")
    assert configured(tmp_path, 'directory = "desk"').directory == tmp_path / "desk"


def test_a_folder_that_is_named_and_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadDirectory, match="desk: cannot be read"):
        shelf_of(configured(tmp_path, 'directory = "desk"'))


def test_a_folder_and_entries_of_the_configuration_exclude_each_other(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"directory and \[services\] are both set"):
        configured(tmp_path, 'directory = "services"\n[services]\na = "aa"')


def test_setup_lays_the_shipped_folder_down_to_be_edited(tmp_path: Path) -> None:
    config = provision.setup(tmp_path / "made", provision.Plan(), lambda _: None)
    assert load(config).directory == tmp_path / "made" / "services"
    assert shelf_of(load(config)).services["support"].hours == DESK


def test_setup_keeps_a_services_folder_that_is_there(tmp_path: Path, folder: Path) -> None:
    said: list[str] = []
    provision.setup(tmp_path, provision.Plan(), said.append)
    assert [each.name for each in folder.iterdir()] == ["aa.toml"]
    assert f"{folder} is there already: kept as it is." in said
