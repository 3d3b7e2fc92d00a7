import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dataset_reading import ODD_NAMES, ordinary_rights, public_folder

from tuner_kit.data.records import SkippedFile, SkipReason
from tuner_kit.data.walk import (
    CAPTION_SUFFIXES,
    IMAGE_SUFFIXES,
    FileKind,
    FoundFile,
    kind_of,
    readable_suffixes,
    version_of,
    walk,
)


def found(folder: Path) -> dict[str, FileKind | SkipReason]:
    items = list(walk(str(folder)))
    by_name = {item.name: _what(item) for item in items}
    assert len(by_name) == len(items), "each file once"
    return by_name


def _what(item: FoundFile | SkippedFile) -> FileKind | SkipReason:
    return item.kind if isinstance(item, FoundFile) else item.reason


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_files_in_all_folders_are_told_apart_by_their_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "in/b.JPG", "in/deep/c.WebP", "a.txt", "in/b.CAPTION", "d.json", "e")
    assert found(tmp_path) == {
        "a.png": FileKind.IMAGE,
        "in/b.JPG": FileKind.IMAGE,
        "in/deep/c.WebP": FileKind.IMAGE,
        "a.txt": FileKind.CAPTION,
        "in/b.CAPTION": FileKind.CAPTION,
        "d.json": FileKind.OTHER,
        "e": FileKind.OTHER,
    }


def test_size_and_version_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    (item,) = walk(str(tmp_path))
    assert isinstance(item, FoundFile)
    assert item.size_bytes == 5
    assert item.version == version_of((tmp_path / "a.png").stat())


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_image_suffix_is_an_image(suffix: str) -> None:
    assert kind_of(f"a{suffix}") == (FileKind.IMAGE, None)
    assert kind_of(f"a.b{suffix.upper()}") == (FileKind.IMAGE, None)


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.jxl"])
def test_an_image_that_nothing_here_decodes_is_left_out(name: str) -> None:
    assert kind_of(name) == (FileKind.OTHER, SkipReason.NO_DECODER)
    assert kind_of(name, {name[1:].lower()}) == (FileKind.IMAGE, None)


def test_suffixes_with_a_decoder_here_are_readable() -> None:
    assert readable_suffixes() >= IMAGE_SUFFIXES
    assert not readable_suffixes() & set(CAPTION_SUFFIXES)


@pytest.mark.parametrize(
    "name", [".a.png", ".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", ".a.txt"]
)
def test_hidden_files_and_those_of_the_system_are_left_out(tmp_path: Path, name: str) -> None:
    assert found(touch(tmp_path, name)) == {name: SkipReason.HIDDEN}


@pytest.mark.parametrize("name", [".git", ".ipynb_checkpoints", "__MACOSX", ".thumbnails"])
def test_hidden_folders_are_left_out_as_a_whole(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"{name}/a.png", f"in/{name}/deep/b.png")
    assert found(tmp_path) == {name: SkipReason.HIDDEN, f"in/{name}": SkipReason.HIDDEN}


@pytest.mark.parametrize(
    "name",
    [
        *("mask", "Masks", "output", "outputs", "sample", "SAMPLES", "validation_images"),
        *("checkpoint", "checkpoints", "checkpoint-500"),
    ],
)
def test_folders_of_masks_and_results_are_left_out(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"{name}/a.png", "a.png")
    assert found(tmp_path) == {name: SkipReason.SIDE_FOLDER, "a.png": FileKind.IMAGE}


@pytest.mark.parametrize("name", ["masked", "my outputs", "samples2", "checkpoint-x", "unmask"])
def test_folders_that_are_only_called_alike_are_walked(tmp_path: Path, name: str) -> None:
    assert found(touch(tmp_path, f"{name}/a.png")) == {f"{name}/a.png": FileKind.IMAGE}


def test_the_walked_folder_itself_may_have_any_name(tmp_path: Path) -> None:
    assert found(touch(tmp_path / ".outputs" / "masks", "a.png")) == {"a.png": FileKind.IMAGE}


@pytest.mark.parametrize("stem", ["a-masklabel", "a-condlabel", "A-MaskLabel"])
def test_masks_are_left_out_and_their_captions_are_not(stem: str) -> None:
    assert kind_of(f"{stem}.png") == (FileKind.IMAGE, SkipReason.MASK)
    assert kind_of(f"{stem}.txt") == (FileKind.CAPTION, None)


@pytest.mark.parametrize("stem", ["mask", "_mask", "a_mask", "amask", "a_mask_2", "masklabel"])
def test_images_that_are_only_called_like_masks_stay(stem: str) -> None:
    assert kind_of(f"{stem}.png") == (FileKind.IMAGE, None)


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_any_name_is_found(tmp_path: Path, name: bytes) -> None:
    folder = os.fsdecode(b"in " + name)
    touch(tmp_path, f"{folder}/{os.fsdecode(name)}")
    assert found(tmp_path) == {f"{folder}/{os.fsdecode(name)}": FileKind.IMAGE}


# ---------------------------------------------------------------- links


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.png", "set/b.png")
    (tmp_path / "set" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "c.png").symlink_to("../elsewhere/a.png")
    assert found(tmp_path / "set") == dict.fromkeys(
        ("b.png", "c.png", "more/a.png"), FileKind.IMAGE
    )


def test_a_link_changes_its_version_with_the_file_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").symlink_to(touch(tmp_path, "real.png") / "real.png")
    before = list(walk(str(tmp_path / "set")))
    (tmp_path / "real.png").write_bytes(b"new")
    assert list(walk(str(tmp_path / "set"))) != before


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_link_to_a_folder_that_contains_it_is_not_followed(tmp_path: Path, depth: int) -> None:
    inside = "in/" * depth
    touch(tmp_path, "a.png", f"{inside}b.png")
    (tmp_path / inside / "loop").symlink_to(tmp_path)
    assert found(tmp_path) == {
        "a.png": FileKind.IMAGE,
        f"{inside}b.png": FileKind.IMAGE,
        f"{inside}loop": SkipReason.VISITED,
    }


def test_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    assert found(tmp_path) == {
        "a/1.png": FileKind.IMAGE,
        "a/to_b": SkipReason.VISITED,
        "b/2.png": FileKind.IMAGE,
        "b/to_a": SkipReason.VISITED,
    }


def test_of_two_links_to_one_folder_one_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "cats/a.png", "set/b.png")
    for name in ("2_cats", "5_cats"):
        (tmp_path / "set" / name).symlink_to(tmp_path / "cats")
    kinds = list(found(tmp_path / "set").values())
    assert sorted(kinds, key=str) == [FileKind.IMAGE, FileKind.IMAGE, SkipReason.VISITED]


def test_folders_that_all_link_to_each_other_are_read_once_each(tmp_path: Path) -> None:
    names = [f"set/{number}" for number in range(8)]
    touch(tmp_path, *(f"{name}/a.png" for name in names))
    for name in names:
        for other in names:
            (tmp_path / name / f"to_{other[-1]}").symlink_to(tmp_path / other)
    kinds = list(found(tmp_path).values())
    assert (kinds.count(FileKind.IMAGE), kinds.count(SkipReason.VISITED)) == (8, 64)


@pytest.mark.parametrize(
    "target",
    ["nowhere.png", "x.png", "x.png/inside", "a.png/inside", "n" * 300],
    ids=["missing", "itself", "inside itself", "inside a file", "too long"],
)
def test_a_link_that_leads_nowhere_does_not_stop_the_walk(tmp_path: Path, target: str) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / "x.png").symlink_to(target)
    assert found(tmp_path) == {"a.png": FileKind.IMAGE, "x.png": SkipReason.BROKEN_LINK}


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    # The path of a socket can have 107 bytes only.
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/s")
        shutil.move(f"{short}/s", tmp_path / "socket.png")
        assert found(tmp_path) == {
            "a.png": FileKind.IMAGE,
            "pipe.png": SkipReason.SPECIAL,
            "socket.png": SkipReason.SPECIAL,
        }


# ---------------------------------------------------------------- depth, rights, changes


@pytest.fixture
def deep_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder whose removal is not left to pytest, which recurses."""
    folder = tmp_path / "deep"
    folder.mkdir()
    yield folder
    subprocess.run(["/bin/rm", "-rf", str(folder)], check=True)


def dig(folder: Path, name: str, *, levels: int) -> None:
    """Make folders inside each other, with one image in each, however long the path gets."""
    place = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=place)
        below = os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
        os.close(os.open("a.png", os.O_CREAT, dir_fd=place))
    os.close(place)


def test_a_tree_of_600_levels_is_walked(deep_dir: Path) -> None:
    dig(deep_dir, "d", levels=600)
    names = set(found(deep_dir))
    assert names == {"d/" * level + "a.png" for level in range(1, 601)}


def test_folders_deeper_than_a_path_can_be_long_are_named_once(deep_dir: Path) -> None:
    dig(deep_dir, "long-name-of-a-folder", levels=600)
    by_name = found(deep_dir)
    images = [name for name, what in by_name.items() if what is FileKind.IMAGE]
    left_out = {name: what for name, what in by_name.items() if what is not FileKind.IMAGE}
    assert len(images) > 150
    assert set(left_out.values()) <= {SkipReason.UNLISTABLE, SkipReason.BROKEN_LINK}
    assert len(left_out) <= 2


def test_a_folder_that_may_not_be_listed_is_named_and_the_rest_goes_on() -> None:
    with public_folder() as folder:
        touch(folder, "a.png", "locked/b.png", "z/c.png")
        (folder / "locked").chmod(0o000)
        with ordinary_rights():
            by_name = found(folder)
        (folder / "locked").chmod(0o755)
    assert by_name == {
        "a.png": FileKind.IMAGE,
        "locked": SkipReason.UNLISTABLE,
        "z/c.png": FileKind.IMAGE,
    }


def test_a_folder_that_may_be_listed_but_not_entered_loses_its_files_only() -> None:
    with public_folder() as folder:
        touch(folder, "a.png", "locked/b.png", "locked/in/c.png")
        (folder / "locked").chmod(0o444)
        with ordinary_rights():
            by_name = found(folder)
        (folder / "locked").chmod(0o755)
    assert by_name.pop("a.png") is FileKind.IMAGE
    assert set(by_name) == {"locked/b.png", "locked/in"}
    assert all(isinstance(what, SkipReason) for what in by_name.values())


def test_files_and_folders_that_vanish_meanwhile_do_not_stop_the_walk(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.png" for number in range(20)), "in/a.png", "out/b.png")
    walking = walk(str(tmp_path))
    first = next(walking)
    shutil.rmtree(tmp_path / "in")
    for number in range(10, 20):
        (tmp_path / f"{number}.png").unlink(missing_ok=True)

    names = {item.name for item in walking if isinstance(item, FoundFile)} | {first.name}

    assert {f"{number}.png" for number in range(10)} | {"out/b.png"} <= names
    assert "in/a.png" not in names


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    touch(tmp_path, "file")
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        list(walk(str(tmp_path / kind)))
