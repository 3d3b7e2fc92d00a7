"""Where it is kept what is known of a folder, and what if that place is of no use."""

import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dataset_files import (
    write_image,
)
from dataset_reading import (
    change_in_secret,
    examined,
    load_what_reading_needs,
    look,
    names_of,
    ordinary_rights,
    public_folder,
    read,
)

from tuner_kit.data.read_dataset import find_layouts, inventory_path, list_lost_inventories
from tuner_kit.data.records import ImageRecord
from tuner_kit.errors import DatasetError, MachineError


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the inventories, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tuner_kit" / "inventories"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "set"


def records_of(root: Path) -> list[ImageRecord]:
    with read(root) as snapshot:
        return list(snapshot.inventory.records())


def damage_everything_behind_the_start(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def damage_the_images(path: Path) -> None:
    connection = sqlite3.connect(path)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'images'"
    ).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xff" * 4096
    path.write_bytes(content)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 5_000)


@pytest.mark.parametrize(
    "damage",
    [write_garbage, cut_in_half, damage_everything_behind_the_start, damage_the_images],
)
def test_a_damaged_database_is_made_anew(root: Path, damage: Callable[[Path], None]) -> None:
    for number in range(50):
        write_image(root / f"{number}.png", size=(8, 8), caption="a cat" * 100)
    with examined(root) as snapshot:
        path = snapshot.inventory.path

    damage(path)

    with examined(root) as snapshot:
        assert len(names_of(snapshot)) == 50
        assert snapshot.inventory.path == path
    with read(root) as snapshot:
        assert look(snapshot.inventory) == []


def make_file(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("in the way")


def make_folder_of_that_name(place: Path) -> None:
    place.mkdir(parents=True)


@pytest.mark.parametrize("what", ["a file instead of the folder", "a folder instead of the file"])
def test_without_a_place_in_the_cache_a_temporary_one_is_used(
    root: Path, cache_dir: Path, what: str
) -> None:
    write_image(root / "a.png", caption="a cat")
    if what.startswith("a file"):
        make_file(cache_dir)
    else:
        make_folder_of_that_name(inventory_path(root))

    with examined(root) as snapshot:
        temporary_dir = snapshot.inventory.path.parent
        assert names_of(snapshot) == ["a.png"]
        assert cache_dir not in snapshot.inventory.path.parents
        assert temporary_dir.is_dir()
    assert not temporary_dir.exists()


@pytest.mark.parametrize("is_known", [True, False], ids=["known before", "new"])
def test_in_a_cache_that_may_not_be_written_a_temporary_one_is_used(
    monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    with public_folder() as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        write_image(folder / "set" / "a.png", caption="a cat")
        load_what_reading_needs(folder)
        if is_known:
            records_of(folder / "set")
        for path in (folder / "cache").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with ordinary_rights(), examined(folder / "set") as snapshot:
            assert names_of(snapshot) == ["a.png"]
            assert not snapshot.inventory.path.is_relative_to(folder / "cache")
            temporary_dir = snapshot.inventory.path.parent
        assert not temporary_dir.exists()


def test_without_any_place_that_is_said(
    root: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(root / "a.png")
    make_file(cache_dir)
    monkeypatch.setattr("tempfile.tempdir", str(root / "missing"))
    with pytest.raises(MachineError) as caught:
        read(root)
    (problem,) = caught.value.problems
    assert problem.id == "M04"
    assert problem.where == str(cache_dir)


@contextmanager
def files_no_larger_than(num_bytes: int) -> Iterator[None]:
    """Let writing fail as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up_is_said_and_the_next_time_it_works(root: Path) -> None:
    write_image(root / "a.png", caption="a cat")
    for number in range(500):
        shutil.copy(root / "a.png", root / f"{number}-{'x' * 200}.png")

    with files_no_larger_than(100_000), pytest.raises(MachineError) as caught:
        read(root)

    assert caught.value.problems[0].id == "M04"
    assert len(records_of(root)) == 501


def test_two_that_read_one_folder_at_the_same_time_see_the_same(root: Path) -> None:
    write_image(root / "a.png", caption="a cat")
    with examined(root) as first, read(root) as second:
        assert list(first.inventory.records()) == list(second.inventory.records())
        assert first.inventory.path == second.inventory.path
        change_in_secret(root / "a.png")
        with read(root) as third:
            assert look(third.inventory) == ["a.png"]


def test_databases_of_folders_that_are_gone_are_listed(tmp_path: Path, cache_dir: Path) -> None:
    for name in ("kept", "gone"):
        write_image(tmp_path / name / "a.png")
        records_of(tmp_path / name)
    assert list_lost_inventories() == ()

    gone_path = inventory_path(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    write_garbage(cache_dir / "0123456789abcdef.sqlite")

    assert list_lost_inventories() == (gone_path,)
    assert (cache_dir / "0123456789abcdef.sqlite").read_bytes().startswith(b"no database")


def test_without_a_cache_nothing_is_lost(cache_dir: Path) -> None:
    assert not cache_dir.exists()
    assert list_lost_inventories() == ()


def test_a_folder_that_may_not_be_looked_for_is_not_taken_for_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with public_folder() as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        write_image(folder / "mine" / "set" / "a.png")
        records_of(folder / "mine" / "set")
        (folder / "mine").chmod(0o000)
        with ordinary_rights():
            lost = list_lost_inventories()
        (folder / "mine").chmod(0o755)
    assert lost == ()


def test_asking_for_the_layouts_of_a_missing_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(DatasetError) as raised:
        find_layouts(missing)
    assert raised.value.problems[0].id == "D01"
    assert not inventory_path(missing).exists()
