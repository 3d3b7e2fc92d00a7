"""Rules about images that are there more than once, and that share a caption."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from audit_cases import REPAIRED, SHARP, audit_folder, found, image, judge
from dataset_files import draw_photo, write_caption, write_photo
from layout_files import row, write_jsonl
from PIL import Image

from tuner_kit.data.audit.duplicate_rules import ExactDuplicates, NearDuplicates
from tuner_kit.data.records import ImageRecord, PixelFacts
from tuner_kit.errors import Severity


def look_alike(name: str, sha256: str, group: int = 1) -> ImageRecord:
    return image(name, pixels=replace(SHARP, sha256=sha256, near_group=group))


def near(_: object) -> NearDuplicates:
    return NearDuplicates()


def test_a_copy_under_another_name_is_found(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, caption="a cat")
    write_photo(tmp_path / "b.png", 2, caption="a dog")
    (tmp_path / "in").mkdir()
    for name in ("c", "in/a"):
        shutil.copy(tmp_path / "a.png", tmp_path / f"{name}.png")
        write_caption(tmp_path / f"{name}.png", "a cat")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D18"]
    assert problems["D18"].severity is Severity.WARNING
    assert problems["D18"].what == (
        "2 images are there twice: c.png (the same as a.png), in/a.png (the same as a.png)"
    )
    assert "--fix" in problems["D18"].fix


def test_a_repaired_dataset_leaves_copies_out() -> None:
    images = (look_alike("a.png", "5a"), look_alike("b.png", "5a"))

    problem = found(ExactDuplicates, *images, policy=REPAIRED)

    assert problem.severity is Severity.WARNING
    assert problem.fix == "nothing; the copies are left out of the training"
    assert problem.files == ("b.png",)


def test_a_picture_in_another_size_and_format_is_found(tmp_path: Path) -> None:
    photo = draw_photo(3, (256, 256))
    photo.save(tmp_path / "a.png")
    photo.resize((160, 160), Image.Resampling.LANCZOS).save(tmp_path / "b.jpg", quality=60)
    draw_photo(4, (256, 256)).save(tmp_path / "c.png")
    for name in ("a.png", "b.jpg", "c.png"):
        write_caption(tmp_path / name, f"picture {name}")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D19"]
    assert problems["D19"].severity is Severity.NOTICE
    assert problems["D19"].what == (
        "2 images are nearly the same as another, in 1 group: b.jpg (like a.png)"
    )


def test_look_alikes_are_told_by_their_groups_and_copies_once() -> None:
    images = (
        look_alike("a.png", "01", 1),
        look_alike("b.png", "01", 1),
        look_alike("c.png", "02", 1),
        look_alike("d.png", "03", 2),
        look_alike("e.png", "04", 2),
        look_alike("f.png", "05", 0),
    )

    problem = found(near, *images)

    assert problem.what == (
        "4 images are nearly the same as another, in 2 groups: c.png (like a.png), "
        "e.png (like d.png)"
    )


@pytest.mark.parametrize("rule", [ExactDuplicates, near])
@pytest.mark.parametrize(
    "images",
    [
        pytest.param((image("a.png"), image("b.png")), id="no look-alikes"),
        pytest.param((image("a.png", pixels=None), image("b.png", pixels=None)), id="not decoded"),
        pytest.param(
            tuple(image(name, pixels=PixelFacts("damaged", near_group=1)) for name in "ab"),
            id="damaged",
        ),
        pytest.param((look_alike("a.png", "01", 1), look_alike("b.png", "02", 2)), id="apart"),
    ],
)
def test_different_images_are_left_alone(
    rule: type[ExactDuplicates], images: tuple[ImageRecord, ...]
) -> None:
    assert judge(rule, *images) is None


# ---------------------------------------------------------------------- D09


def test_images_that_share_a_caption_file_are_named(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "a.jpg", "b.png", "in/b.png")):
        write_photo(tmp_path / name, number, caption="a cat")

    problem = audit_folder(tmp_path)["D09"]

    assert problem.severity is Severity.WARNING
    assert problem.what == (
        "2 images differ from another only in the suffix and share its caption: a.jpg, a.png"
    )


def test_a_metadata_file_has_a_caption_for_each_suffix(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1)
    write_photo(tmp_path / "a.jpg", 2)
    write_jsonl(tmp_path / "metadata.jsonl", row("a.png", "a cat"), row("a.jpg", "a dog"))

    assert audit_folder(tmp_path) == {}


def test_images_without_any_caption_share_none(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1)
    write_photo(tmp_path / "a.jpg", 2)

    assert list(audit_folder(tmp_path)) == ["D03"]
