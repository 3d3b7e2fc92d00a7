"""One dataset examined: counts, buckets, held-out images, and what is said about it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from config_files import ids_of
from dataset_files import (
    cut,
    draw_photo,
    write_caption,
    write_image,
    write_noise_jpeg,
    write_photo,
)
from layout_files import row, write_jsonl
from pixel_looking import ignore, remember_pixels

from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource
from tuner_kit.data.records import DatasetPart
from tuner_kit.data.split import Side
from tuner_kit.errors import DatasetError, Severity
from tuner_kit.preflight.dataset_examination import (
    DatasetDemands,
    ExaminedDataset,
    examine,
    total_repeats,
)
from tuner_kit.preflight.dataset_plan import plan_of
from tuner_kit.preflight.text_limits import sd3_limits
from tuner_kit.process.messages import Event

SMALL = DatasetDemands(policy=AuditPolicy(resolution_px=64))
SHAPED = replace(SMALL, policy=AuditPolicy(resolution_px=64, is_cropped=False))
REPAIRED = replace(SMALL, policy=AuditPolicy(resolution_px=64, is_repaired=True))
DREAMBOOTH = LayoutOptions("a photo of sks dog", "a photo of a dog")


def look(
    folder: Path,
    demands: DatasetDemands = SMALL,
    *,
    options: LayoutOptions | None = None,
    looks_at_pixels: bool = True,
) -> ExaminedDataset:
    """Examine a folder without starting a worker; the inventory is closed."""
    if looks_at_pixels:
        remember_pixels(folder)
    source = DatasetSource(folder, "my photos", options=options or LayoutOptions())
    return examine(source, demands, ignore, looks_at_pixels=looks_at_pixels)


def trained_captions(dataset: ExaminedDataset) -> dict[str, str]:
    images = [image for plan in dataset.parts for image in dataset.training_images(plan.part)]
    return {image.record.name: image.caption for image in images}


def write_photos(folder: Path, count: int) -> Path:
    for number in range(count):
        write_photo(folder / f"{number:03}.png", number, caption=f"picture {number}")
    return folder


@pytest.mark.parametrize(
    ("repeats", "part_repeats", "total"), [(0, 0, 0), (2, 0, 2), (0, 4, 4), (1, 4, 9)]
)
def test_passes_of_a_dataset_and_of_its_part_multiply(
    repeats: int, part_repeats: int, total: int
) -> None:
    assert total_repeats(repeats, DatasetPart(repeats=part_repeats)) == total


def test_a_sound_dataset_is_counted(tmp_path: Path) -> None:
    write_photos(tmp_path, 3)
    write_photo(tmp_path / "wide.png", 9, size=(512, 128), caption="picture 0")

    with look(tmp_path, SHAPED) as dataset:
        plan = plan_of(dataset)

    assert ids_of(dataset.problems) == ["D28"]
    assert (plan.path, plan.layout) == ("my photos", "text-files")
    assert (plan.num_images, plan.num_captions, plan.num_trained, plan.num_held_out) == (4, 4, 4, 0)
    (part,) = plan.parts
    shapes = [(bucket.width_px, bucket.height_px, bucket.num_images) for bucket in part.buckets]
    assert shapes == [(64, 64, 3), (128, 64, 1)]
    assert (plan.resolution_px, plan.is_cropped) == (64, False)


def test_the_text_cache_counts_each_caption_once_and_the_empty_one(tmp_path: Path) -> None:
    write_photos(tmp_path / "different", 3)
    for number in range(3):
        write_photo(tmp_path / "alike" / f"{number}.png", number, caption="a cat")

    with look(tmp_path / "different") as different, look(tmp_path / "alike") as alike:
        ratio = plan_of(different).text_cache_bytes / plan_of(alike).text_cache_bytes

    assert ratio == pytest.approx(4 / 2)


def test_findings_about_images_and_about_shapes_come_in_the_order_of_their_ids(
    tmp_path: Path,
) -> None:
    write_photo(tmp_path / "a.png", 1, size=(32, 32))
    write_photo(tmp_path / "b.png", 2, caption=b"\xff")
    write_photo(tmp_path / "c.png", 3, caption="a cat\non a mat")
    write_photo(tmp_path / "d.jpg", 4, caption=" ")
    write_photo(tmp_path / "d.png", 5)
    write_image(tmp_path / "e.png", mode="RGBA", caption="glass")
    (tmp_path / "f.png").touch()
    (tmp_path / "g.mp4").touch()

    with look(tmp_path, replace(SMALL, train_batch_size=8)) as dataset:
        found = ids_of(dataset.problems)

    assert found == [*(f"D{number:02d}" for number in range(3, 13)), "D21"]


def test_what_can_not_be_trained_on_is_in_no_bucket(tmp_path: Path) -> None:
    write_photos(tmp_path, 2)
    write_photo(tmp_path / "no-caption.png", 7)
    cut(write_noise_jpeg(tmp_path / "broken.jpg"), num_bytes=500)
    write_caption(tmp_path / "broken.jpg", "broken")

    with look(tmp_path) as dataset:
        captions = trained_captions(dataset)

    assert captions == {"000.png": "picture 0", "001.png": "picture 1"}
    assert (dataset.num_images, dataset.num_captions, dataset.num_trained) == (4, 3, 2)


def test_copies_are_left_out_where_repairs_are_wanted(tmp_path: Path) -> None:
    write_photos(tmp_path, 2)
    shutil.copy(tmp_path / "000.png", tmp_path / "002.png")
    write_caption(tmp_path / "002.png", "a copy")

    with look(tmp_path) as as_it_is, look(tmp_path, REPAIRED) as repaired:
        counts = (as_it_is.num_trained, repaired.num_trained)

    assert counts == (3, 2)


def test_the_copy_of_a_held_out_image_is_not_trained_on_in_its_place(tmp_path: Path) -> None:
    write_photos(tmp_path, 24)
    for path in sorted(tmp_path.glob("*.png")):
        shutil.copy(path, tmp_path / f"copy of {path.name}")
        write_caption(tmp_path / f"copy of {path.name}", "a copy")

    with look(tmp_path, REPAIRED) as repaired:
        counts = (repaired.num_trained, repaired.num_held_out)

    assert counts == (19, 5)


def test_strips_that_the_trainer_drops_are_named(tmp_path: Path) -> None:
    write_photos(tmp_path, 1)
    write_photo(tmp_path / "strip.png", 5, size=(5, 1100), caption="a strip")

    with look(tmp_path, SHAPED) as dataset:
        (dropped,) = (problem for problem in dataset.problems if problem.id == "D32")

    assert dropped.files == ("strip.png",)
    assert dataset.num_trained == 1


def test_without_pixels_the_sizes_are_known_and_nothing_is_held_out(tmp_path: Path) -> None:
    write_photos(tmp_path, 20)
    cut(tmp_path / "000.png", num_bytes=40)

    with look(tmp_path, looks_at_pixels=False) as planned:
        counts = (planned.num_trained, planned.num_held_out, planned.problems)
    with look(tmp_path) as decoded:
        found = (decoded.num_trained, decoded.num_held_out, ids_of(decoded.problems))

    assert counts == (20, 0, ())
    assert found == (19, 0, ["D06"])  # 19 are too few to hold some out


def test_a_share_of_each_part_is_held_out_and_no_class_image(tmp_path: Path) -> None:
    for number in range(20):
        write_photo(tmp_path / "instance" / f"{number:02}.png", number)
        write_photo(tmp_path / "class" / f"{number:02}.png", 100 + number)

    with look(tmp_path, options=DREAMBOOTH) as dataset:
        held_out = dataset.selection.held_out
        plan = plan_of(dataset)

    assert len(held_out) == plan.num_held_out == 5
    assert all(name.startswith("instance/") for name in held_out)
    assert [(part.name, part.num_images) for part in plan.parts] == [("", 15), ("class", 20)]
    assert [part.is_regularization for part in plan.parts] == [False, True]


def test_class_images_get_their_own_prompt_and_no_trigger_word(tmp_path: Path) -> None:
    write_photo(tmp_path / "instance" / "a.png", 1)
    write_photo(tmp_path / "class" / "a.png", 2)
    policy = replace(SMALL.policy, trigger_word="zwx")

    with look(tmp_path, replace(SMALL, policy=policy), options=DREAMBOOTH) as dataset:
        captions = trained_captions(dataset)

    assert captions == {
        "instance/a.png": "zwx, a photo of sks dog",
        "class/a.png": "a photo of a dog",
    }


def test_a_strip_that_the_trainer_drops_is_never_held_out(tmp_path: Path) -> None:
    for number in range(40):
        size = (2, 1000) if number % 2 else (64, 64)
        draw_photo(number).resize(size).save(tmp_path / f"{number}.png")
        write_caption(tmp_path / f"{number}.png", f"picture {number}")

    with look(tmp_path, SHAPED) as dataset:
        held_out = dataset.selection.held_out

    assert len(held_out) == 5  # of 20, not of 40
    assert all(int(Path(name).stem) % 2 == 0 for name in held_out)


def test_holding_out_can_be_turned_off_and_is_remembered(tmp_path: Path) -> None:
    write_photos(tmp_path, 20)
    with look(tmp_path, replace(SMALL, holds_out=False)) as everything:
        sides = {
            image.pixels.sha256: Side.TRAIN
            for image in everything.snapshot.inventory.records()
            if image.pixels is not None
        }
        num_without = everything.num_held_out

    with look(tmp_path, replace(SMALL, earlier_sides=sides)) as later:
        num_later = later.num_held_out

    assert (num_without, num_later) == (0, 0)


def test_repeats_of_the_layout_are_in_the_plan(tmp_path: Path) -> None:
    write_photo(tmp_path / "5_sks dog" / "a.png", 1)
    write_photo(tmp_path / "5_sks dog" / "b.png", 2)

    with look(tmp_path, replace(SMALL, repeats=1)) as dataset:
        plan = plan_of(dataset)

    assert [part.repeats for part in plan.parts] == [9]
    assert plan.steps_per_epoch == 20


def test_problems_of_the_layout_are_among_the_findings(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1)
    write_jsonl(tmp_path / "metadata.jsonl", row("a.png"), "{broken", row("gone.png"))

    with look(tmp_path) as dataset:
        found = ids_of(dataset.problems)

    assert found[:2] == ["D15", "D16"]


def test_rows_that_can_not_be_read_are_left_out_where_repairs_are_wanted(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1)
    write_photo(tmp_path / "b.png", 2)
    write_jsonl(tmp_path / "metadata.jsonl", row("a.png"), "{broken")

    with look(tmp_path) as as_it_is, look(tmp_path, REPAIRED) as repaired:
        severities = [{p.id: p.severity for p in found.problems} for found in (as_it_is, repaired)]

    assert severities == [
        {"D03": Severity.ERROR, "D15": Severity.ERROR},
        {"D03": Severity.WARNING, "D15": Severity.WARNING},
    ]
    assert repaired.num_trained == 1


def test_lengths_are_counted_where_limits_are_given(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, caption="cat " * 80)

    with look(tmp_path, replace(SMALL, limits=sd3_limits(None))) as dataset:
        found = ids_of(dataset.problems)

    assert found == ["D22"]


@pytest.mark.parametrize(
    ("prepare", "problem_id"),
    [
        pytest.param(lambda folder: folder.rmdir(), "D01", id="missing"),
        pytest.param(lambda _: None, "D02", id="empty"),
    ],
)
def test_a_folder_that_can_not_be_read_is_refused(
    tmp_path: Path, prepare: Callable[[Path], None], problem_id: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    prepare(folder)

    with pytest.raises(DatasetError) as raised:
        look(folder, looks_at_pixels=False)

    assert ids_of(raised.value.problems) == [problem_id]


def test_progress_of_each_phase_is_told(tmp_path: Path) -> None:
    write_photos(tmp_path, 3)
    seen: list[Event] = []

    with examine(DatasetSource(tmp_path, "photos"), SMALL, seen.append) as dataset:
        assert dataset.num_trained == 3

    assert Event(phase="reading image sizes", current=3, total=3) in seen
    assert Event(phase="checking images", current=3, total=3) in seen


def test_a_second_look_at_an_unchanged_folder_starts_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path, 3)
    source = DatasetSource(tmp_path, "photos")
    examine(source, SMALL, ignore).snapshot.inventory.close()
    seen: list[Event] = []
    monkeypatch.setattr(sys, "executable", "/nowhere/python")  # a worker could not be started

    with examine(source, SMALL, seen.append) as dataset:
        assert dataset.num_trained == 3

    assert {event.phase for event in seen} == {"listing files"}
