import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from dataset_files import write_image
from dataset_reading import ODD_NAMES, examined, record, sha256_of_text

from tuner_kit.data.records import PixelFacts
from tuner_kit.data.split import Side
from tuner_kit.data.split_record import DatasetSplit, read_sides, write_split


@pytest.fixture
def split_path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "split.json"


def test_the_record_names_every_image_with_hash_group_and_side(split_path: Path) -> None:
    cats = [record("a.png"), record("in/b.png", sha256="b" * 64, group=7)]
    write_split(split_path, [DatasetSplit(iter(cats), frozenset({"in/b.png"}))])
    assert json.loads(split_path.read_text()) == {
        "schema_version": 1,
        "seed": 0,
        "datasets": [
            [
                {
                    "name": "a.png",
                    "sha256": sha256_of_text("a.png"),
                    "group": None,
                    "side": "train",
                },
                {"name": "in/b.png", "sha256": "b" * 64, "group": 7, "side": "held_out"},
            ]
        ],
    }


def test_each_dataset_has_its_own_sides(split_path: Path) -> None:
    write_split(
        split_path,
        [
            DatasetSplit([record("a.png"), record("b.png")], frozenset({"b.png"})),
            DatasetSplit([record("a.png")], frozenset({"a.png"})),
        ],
    )
    a, b = sha256_of_text("a.png"), sha256_of_text("b.png")
    assert read_sides(split_path, 0) == {a: Side.TRAIN, b: Side.HELD_OUT}
    assert read_sides(split_path, 1) == {a: Side.HELD_OUT}
    assert read_sides(split_path, 2) == {}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_any_name_goes_from_the_disk_into_the_record_and_back(
    tmp_path: Path, split_path: Path, name: bytes
) -> None:
    write_image(tmp_path / "set" / os.fsdecode(name), caption="a cat")
    with examined(tmp_path / "set") as snapshot:
        images = list(snapshot.inventory.records())
    write_split(split_path, [DatasetSplit(images, frozenset({images[0].name}))])

    (entry,) = json.loads(split_path.read_bytes())["datasets"][0]

    assert os.fsencode(entry["name"]) == name
    assert (tmp_path / "set" / entry["name"]).is_file()
    assert read_sides(split_path, 0) == {entry["sha256"]: Side.HELD_OUT}


def test_the_same_split_is_written_in_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_split(tmp_path / name, [DatasetSplit([record("a.png")], frozenset())])
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_interrupted_write_leaves_the_record_as_it_was(split_path: Path) -> None:
    write_split(split_path, [DatasetSplit([record("a.png")], frozenset())])
    before = split_path.read_bytes()
    undecoded = replace(record("b.png"), pixels=None)
    with pytest.raises(AssertionError):
        write_split(split_path, [DatasetSplit([record("a.png"), undecoded], frozenset())])
    assert split_path.read_bytes() == before
    assert [path.name for path in split_path.parent.iterdir()] == ["split.json"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"{}", b"null", b"\xff\xfe", b'{"datasets": null}'),
        *(b'{"datasets": [5]}', b'{"datasets": ["ab"]}', b'{"datasets": [[{}]]}'),
        b'{"datasets": [[{"sha256": [], "side": "train"}]]}',
        b'{"datasets": [[{"sha256": "ab", "side": "left"}]]}',
        b"[" * 100_000,
    ],
    ids=lambda content: content[:40].decode(errors="replace"),
)
def test_a_record_that_cannot_be_read_is_as_none(split_path: Path, content: bytes) -> None:
    split_path.parent.mkdir()
    split_path.write_bytes(content)
    assert read_sides(split_path, 0) == {}


def test_a_run_that_was_not_begun_has_no_sides(split_path: Path) -> None:
    assert read_sides(split_path, 0) == {}
    split_path.mkdir(parents=True)
    assert read_sides(split_path, 0) == {}


def test_an_image_that_looks_like_no_other_has_no_group(split_path: Path) -> None:
    image = replace(record("a.png"), pixels=PixelFacts(None, "a" * 64, near_group=0))
    write_split(split_path, [DatasetSplit([image], frozenset())])
    assert json.loads(split_path.read_text())["datasets"][0][0]["group"] is None
