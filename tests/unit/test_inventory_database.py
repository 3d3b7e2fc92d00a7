"""The file that an inventory is kept in: damaged, shared, temporary."""

import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import pytest
from inventory_filling import open_filled, to_read
from layout_files import write_captioned, write_images

from tuner_kit.data.inventory import Inventory, read_root
from tuner_kit.data.inventory_rows import FORMAT
from tuner_kit.data.records import Caption, SkippedFile, SkipReason


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_captioned(tmp_path / "set", {"a.png": "a fox", "in/b.png": "a wolf"})


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    return tmp_path / "set.sqlite"


def make_garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1_000)


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_older(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE images (name TEXT, old INTEGER); CREATE TABLE facts (x TEXT);"
        "INSERT INTO images VALUES ('gone.png', 1); PRAGMA user_version = 1;"
    )
    connection.close()


def make_newer(path: Path) -> None:
    make_older(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()


@pytest.mark.parametrize("damage", [make_garbage, make_empty, make_older, make_newer])
def test_a_database_that_is_of_no_use_is_made_anew(
    root: Path, database_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(database_path)
    with open_filled(root, database_path) as inventory:
        assert [image.name for image in inventory.records()] == ["a.png", "in/b.png"]
    assert to_read(root, database_path) == ([], [], [])


WORDS: dict[str, Callable[[Inventory], None]] = {
    "pair by stem": lambda inventory: inventory.pair_by_stem(),
    "pair": lambda inventory: inventory.pair([("a.png", Caption("x", "x"))]),
    "assign": lambda inventory: inventory.assign([("a.png", "part")]),
    "skip": lambda inventory: inventory.skip([SkippedFile("a.png", SkipReason.MASK)]),
    "skip unpaired": lambda inventory: inventory.skip_unpaired_texts(),
}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_while_an_inventory_is_open_others_can_write(
    root: Path, database_path: Path, word: Callable[[Inventory], None]
) -> None:
    with open_filled(root, database_path) as first:
        word(first)
        records = first.records()
        next(records)
        other = sqlite3.connect(database_path, timeout=0.1)
        other.execute("UPDATE images SET is_decoded = 0")
        other.commit()
        other.close()
        assert list(first.images_to_decode()) == ["a.png", "in/b.png"]


def test_what_another_process_has_just_made_is_not_made_anew(
    root: Path, database_path: Path
) -> None:
    with open_filled(root, database_path):
        pass
    complete = sqlite3.connect(database_path)
    statements = list(complete.iterdump())
    complete.close()
    database_path.unlink()

    first = sqlite3.connect(database_path, isolation_level=None)
    first.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(to_read, root, database_path)
        time.sleep(0.2)  # it has seen that there are no tables
        for statement in statements[1:-1]:
            first.execute(statement)
        first.execute(f"PRAGMA user_version = {FORMAT}")
        first.execute("COMMIT")
        assert waiting.result() == ([], [], [])
    first.close()


def test_two_inventories_of_one_folder_work_at_the_same_time(
    root: Path, database_path: Path
) -> None:
    with (
        open_filled(root, database_path) as first,
        open_filled(root, database_path) as second,
    ):
        first.save_headers([("a.png", None)])
        second.save_headers([("in/b.png", None)])
        first.skip([SkippedFile("a.png", SkipReason.MASK)])
        assert [image.header for image in first.records()] == [None]
        assert [image.header for image in second.records()] == [None, None]
        assert [image.caption for image in second.records()] != [None, None]


@pytest.mark.parametrize("damage", [lambda _: None, make_older], ids=["new", "older"])
def test_several_that_open_one_folder_first_do_not_hinder_each_other(
    root: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    barrier = Barrier(4)

    def open_and_count(path: Path) -> int:
        barrier.wait()
        with open_filled(root, path) as inventory:
            return inventory.num_images()

    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            path = tmp_path / f"{number}.sqlite"
            damage(path)
            assert list(pool.map(open_and_count, [path] * 4)) == [2] * 4


def test_a_temporary_inventory_leaves_nothing(root: Path, tmp_path: Path) -> None:
    temporary = TemporaryDirectory(dir=tmp_path)
    with Inventory(root, Path(temporary.name) / "x.sqlite", temporary) as inventory:
        inventory.find_files()
        assert inventory.path.exists()
    assert not Path(temporary.name).exists()


@pytest.mark.parametrize("name", ["set", os.fsdecode(b"caf\xe9\n")], ids=["plain", "odd"])
def test_a_database_knows_its_folder(tmp_path: Path, database_path: Path, name: str) -> None:
    root = write_images(tmp_path / name, "a.png")
    with Inventory(root, database_path) as inventory:
        assert read_root(database_path) is None
        inventory.remember_root()
    assert read_root(database_path) == root


@pytest.mark.parametrize("damage", [make_garbage, make_empty, make_older])
def test_asking_for_the_folder_of_a_useless_database_changes_nothing(
    database_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(database_path)
    before = database_path.read_bytes()
    assert read_root(database_path) is None
    assert database_path.read_bytes() == before


def test_a_missing_database_is_not_made_by_asking(database_path: Path) -> None:
    assert read_root(database_path) is None
    assert not database_path.exists()
