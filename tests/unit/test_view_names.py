"""Names in a view tell the bytes of the images: the trainer's cache is kept by them."""

import os
import shutil
from pathlib import Path

import pytest
from dataset_files import write_image
from dataset_reading import change_in_secret
from view_building import build, image_in, image_names, sha256_of

from tuner_kit.data.caption_policy import CaptionPolicy


@pytest.fixture
def dataset_dir(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def views_dir(tmp_path: Path) -> Path:
    return tmp_path / "run" / "cache"


def test_the_same_images_get_the_same_names_in_another_folder(tmp_path: Path) -> None:
    for name in ("a.png", "in/b.png", "in/a.png"):
        write_image(tmp_path / "here" / name, mode="LA" if name == "a.png" else "RGB", caption=name)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    os.utime(tmp_path / "there" / "a.png", (1, 1))

    here = build(tmp_path / "here", tmp_path / "run 1")
    there = build(tmp_path / "there", tmp_path / "run 2")

    assert here.fingerprint == there.fingerprint
    assert image_names(here) == image_names(there)


def test_views_of_two_folders_in_one_run_are_apart(tmp_path: Path, views_dir: Path) -> None:
    write_image(tmp_path / "here" / "a.png")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    here, there = (build(tmp_path / name, views_dir) for name in ("here", "there"))
    assert here.dir != there.dir
    assert image_in(there).readlink() == tmp_path / "there" / "a.png"


def test_an_image_that_has_moved_inside_the_dataset_is_found_again(
    dataset_dir: Path, views_dir: Path
) -> None:
    write_image(dataset_dir / "cats" / "a.png", caption="a cat")
    before = build(dataset_dir, views_dir)
    (dataset_dir / "cats").rename(dataset_dir / "dogs")
    after = build(dataset_dir, views_dir)
    assert image_in(after).samefile(dataset_dir / "dogs" / "a.png")
    assert after.fingerprint == before.fingerprint
    assert image_names(after) == image_names(before)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"], ids=["linked", "converted"])
def test_a_changed_image_gets_another_name_and_the_others_keep_theirs(
    dataset_dir: Path, views_dir: Path, mode: str
) -> None:
    for name in ("a.bmp", "b.bmp", "c.bmp"):
        write_image(dataset_dir / name, color=(ord(name[0]), 0, 0), caption="a cat")
    write_image(dataset_dir / "b.tif", mode=mode)
    changed = "b.bmp" if mode == "RGB" else "b.tif"
    before = image_names(build(dataset_dir, views_dir))

    # Of the same size and time: the trainer itself would not notice.
    change_in_secret(dataset_dir / changed)

    after = image_names(build(dataset_dir, views_dir))
    digits = sha256_of(dataset_dir / changed)[:16]
    assert len(before & after) == 3
    assert {name.partition("-")[0] for name in after - before} == {digits}


def test_a_changed_caption_changes_no_image_name(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.png", caption="a cat")
    write_image(dataset_dir / "b.png", color=(1, 2, 3), caption="a dog")
    before = build(dataset_dir, views_dir)
    (dataset_dir / "a.txt").write_text("a fox")
    after = build(dataset_dir, views_dir)
    assert after.dir != before.dir
    assert image_names(after) == image_names(before)
    assert sorted(path.read_text() for path in after.dir.glob("*.txt")) == [
        "sks, a dog",
        "sks, a fox",
    ]


def test_an_added_image_changes_no_name_of_the_others(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "b.png")
    before = image_names(build(dataset_dir, views_dir))
    write_image(dataset_dir / "a.png", color=(1, 2, 3))
    assert before < image_names(build(dataset_dir, views_dir))


def fingerprint_after(change: str, dataset_dir: Path, views_dir: Path) -> str:
    match change:
        case "caption":
            (dataset_dir / "a.txt").write_text("a dog")
        case "caption removed":
            (dataset_dir / "a.txt").unlink()
        case "image replaced":
            os.utime(write_image(dataset_dir / "a.bmp", color=(9, 9, 9)), ns=(5, 5))
        case "image renamed":
            (dataset_dir / "a.bmp").rename(dataset_dir / "b.bmp")
            (dataset_dir / "a.txt").rename(dataset_dir / "b.txt")
        case "image added":
            write_image(dataset_dir / "z.png")
        case "trigger word":
            return build(dataset_dir, views_dir, CaptionPolicy("xyz")).fingerprint
    return build(dataset_dir, views_dir).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        *("caption", "caption removed", "trigger word"),
        *("image replaced", "image renamed", "image added"),
    ],
)
def test_the_fingerprint_changes_with_the_dataset(
    dataset_dir: Path, views_dir: Path, change: str
) -> None:
    write_image(dataset_dir / "a.bmp", caption="a cat")
    before = build(dataset_dir, views_dir).fingerprint
    assert fingerprint_after(change, dataset_dir, views_dir) != before


def test_swapped_captions_are_another_dataset(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.png", caption="a cat")
    write_image(dataset_dir / "b.png", color=(1, 2, 3), caption="a dog")
    before = build(dataset_dir, views_dir)
    (dataset_dir / "a.txt").write_text("a dog")
    (dataset_dir / "b.txt").write_text("a cat")
    assert build(dataset_dir, views_dir).fingerprint != before.fingerprint
