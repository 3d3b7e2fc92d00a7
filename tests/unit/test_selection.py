from pathlib import Path

import pytest
from dataset_files import write_image
from dataset_reading import examined

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.records import DatasetPart
from tuner_kit.data.snapshot import Selection

POLICY = CaptionPolicy(trigger_word="sks", fallback_caption="a photo")


@pytest.fixture
def dataset_dir(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


def selected(dataset_dir: Path, selection: Selection) -> list[str]:
    with examined(dataset_dir) as snapshot:
        return [image.record.name for image in selection.images(snapshot)]


def test_held_out_images_are_not_selected(dataset_dir: Path) -> None:
    for number in range(3):
        write_image(dataset_dir / f"{number}.png")
    assert selected(dataset_dir, Selection(POLICY, held_out=frozenset({"1.png"}))) == [
        "0.png",
        "2.png",
    ]


@pytest.mark.parametrize(
    ("leaves_out_copies", "names"),
    [(True, ["a.png", "other.png"]), (False, ["a.png", "b.png", "in/a.png", "other.png"])],
    ids=["without copies", "with copies"],
)
def test_of_exact_copies_the_first_is_kept_when_that_is_asked(
    dataset_dir: Path, names: list[str], *, leaves_out_copies: bool
) -> None:
    for name in ("a.png", "b.png", "in/a.png"):
        write_image(dataset_dir / name)
    write_image(dataset_dir / "other.png", color=(1, 2, 3))
    assert selected(dataset_dir, Selection(POLICY, leaves_out_copies)) == names


def test_look_alikes_that_are_no_copies_are_all_kept(dataset_dir: Path) -> None:
    for number in range(2):
        write_image(dataset_dir / f"{number}.png", color=(number, 0, 0))
    with examined(dataset_dir, groups={"0.png": 1, "1.png": 1}) as snapshot:
        assert len(list(Selection(POLICY, leaves_out_copies=True).images(snapshot))) == 2


def test_the_first_copy_that_has_a_caption_is_the_one_that_is_kept(dataset_dir: Path) -> None:
    write_image(dataset_dir / "a.png")
    write_image(dataset_dir / "b.png", caption="a cat")
    assert selected(dataset_dir, Selection(CaptionPolicy(), leaves_out_copies=True)) == ["b.png"]


def test_each_image_comes_with_its_part(dataset_dir: Path) -> None:
    write_image(dataset_dir / "3_sks dog" / "a.png")
    write_image(dataset_dir / "reg" / "1_dog" / "b.png")
    with examined(dataset_dir) as snapshot:
        images = list(Selection(CaptionPolicy("sks")).images(snapshot))
    assert [(image.part, image.caption) for image in images] == [
        (DatasetPart("3_sks dog", repeats=2, prompt="sks dog"), "sks dog"),
        (DatasetPart("reg/1_dog", prompt="dog", is_regularization=True), "dog"),
    ]
