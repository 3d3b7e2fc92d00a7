"""D07, D32 and D33: what the trainer refuses, drops or changes when it sorts images."""

from dataclasses import replace
from pathlib import Path

import pytest
from config_files import ids_of

from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.bucket_rules import check_buckets
from tuner_kit.simpletuner.bucket_plan import BucketSettings, count_buckets

ROOT = Path("photos")
SQUARE = BucketSettings(
    resolution_px=512,
    is_cropped=True,
    train_batch_size=1,
    gradient_accumulation_steps=1,
    repeats=0,
)
SHAPED = replace(SQUARE, is_cropped=False)


def check(
    sizes: list[tuple[int, int]], settings: BucketSettings, dropped: tuple[str, ...] = ()
) -> list[Problem]:
    return list(check_buckets(count_buckets(sizes, settings), ROOT, dropped))


@pytest.mark.parametrize(
    ("num_images", "repeats", "min_repeats"),
    [(1, 0, 7), (3, 1, 2), (4, 0, 1), (7, 0, 1)],
)
def test_a_dataset_smaller_than_a_step_names_the_repeats_it_needs(
    num_images: int, repeats: int, min_repeats: int
) -> None:
    def found(repeats: int) -> list[Problem]:
        settings = replace(
            SQUARE, train_batch_size=4, gradient_accumulation_steps=2, repeats=repeats
        )
        return check([(64, 64)] * num_images, settings)

    (problem,) = found(repeats)

    assert (problem.id, problem.severity) == ("D07", Severity.ERROR)
    assert problem.what == (
        "1 of 1 shape can't fill one step of 8 images (4 per batch x 2 accumulated): "
        f"512 x 512 has {num_images} x {repeats + 1}"
    )
    assert f"at least {min_repeats}," in problem.fix
    assert found(min_repeats) == []
    assert ids_of(found(min_repeats - 1)) == ["D07"]


def test_shapes_with_too_few_images_are_named() -> None:
    sizes = [(512, 512)] * 4 + [(1024, 512)] * 3 + [(512, 1024), (300, 400), (400, 300)]

    (problem,) = check(sizes, replace(SHAPED, train_batch_size=4))

    assert problem.what.startswith("4 of 5 shapes can't fill one step of 4 images")
    assert "has 3 x 1" in problem.what or "and 1 more" in problem.what
    assert "at least 3," in problem.fix
    assert "crop: center" in problem.fix


def test_cropping_is_not_advised_where_it_is_done() -> None:
    (problem,) = check([(64, 64)], replace(SQUARE, train_batch_size=2))
    assert "crop" not in problem.fix


def test_an_empty_dataset_is_an_error() -> None:
    (problem,) = check([], SQUARE)
    assert (problem.id, problem.severity) == ("D07", Severity.ERROR)
    assert problem.what == "no image is left to train on"


@pytest.mark.parametrize(
    ("size", "is_found"),
    [
        pytest.param((1, 199), False, id="almost too high"),
        pytest.param((1, 201), True, id="too high"),
        pytest.param((201, 1), False, id="wide"),
    ],
)
def test_a_strip_that_the_trainer_drops_is_named(size: tuple[int, int], *, is_found: bool) -> None:
    problems = check([(512, 512), size], SHAPED, ("strip\n.png",) if is_found else ())

    assert ids_of(problems) == (["D32"] if is_found else [])
    if is_found:
        assert problems[0].severity is Severity.WARNING
        assert problems[0].what == (
            "1 image is over 200 times as high as wide, so the trainer leaves it out: strip\\n.png"
        )
        assert problems[0].files == ("strip\\n.png",)


def test_a_strip_is_cut_to_a_square_where_images_are_cropped() -> None:
    assert check([(1, 300)], SQUARE) == []


@pytest.mark.parametrize(
    ("is_cropped", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)]
)
@pytest.mark.parametrize(
    ("asked_px", "trained_px", "smaller_px"), [(448, 512, 384), (704, 768, 640), (1408, 1536, 1344)]
)
def test_a_resolution_that_is_mistaken_for_another_is_told(
    asked_px: int, trained_px: int, smaller_px: int, severity: Severity, *, is_cropped: bool
) -> None:
    settings = replace(SQUARE, resolution_px=asked_px, is_cropped=is_cropped)

    (problem,) = check([(2048, 2048)], settings)

    assert (problem.id, problem.severity) == ("D33", severity)
    assert f"squares of {asked_px} px for {trained_px} px" in problem.what
    for resolution_px in (trained_px, smaller_px):
        assert str(resolution_px) in problem.fix
        assert check([(2048, 2048)], replace(settings, resolution_px=resolution_px)) == []


def test_a_step_of_several_gpus_wants_images_for_each() -> None:
    settings = replace(SQUARE, train_batch_size=2, num_processes=4)

    (problem,) = check([(64, 64)] * 7, settings)

    assert problem.id == "D07"
    assert "one step of 8 images (2 per batch x 1 accumulated x 4 GPUs)" in problem.what
    assert check([(64, 64)] * 8, settings) == []


def test_gpus_that_share_out_too_few_images_are_named() -> None:
    # 3 images, each seen 3 times, fill a step of 2 x 3; but the second GPU has one of them.
    settings = replace(SQUARE, train_batch_size=3, repeats=1, num_processes=2)

    (problem,) = check([(64, 64)] * 3, settings)

    assert problem.id == "D07"
    assert problem.what.startswith("2 GPUs share out the images of each shape, 3 at most")
    assert "hardware.num_gpus" in problem.fix
