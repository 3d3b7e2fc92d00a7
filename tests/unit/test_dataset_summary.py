"""The plan of a dataset on the terminal."""

from dataclasses import replace

import pytest

from tuner_kit.cli.dataset_summary import describe_plan
from tuner_kit.reporting.planned_dataset import format_bytes
from tuner_kit.simpletuner.bucket_plan import BucketSettings, count_buckets
from tuner_kit.simpletuner.dataset_plan import DatasetPlan, PlannedPart

MIB = 2**20


def planned_part(
    sizes: dict[tuple[int, int], int], *, name: str = "", repeats: int = 0, batch: int = 1
) -> PlannedPart:
    settings = BucketSettings(
        resolution_px=1024,
        is_cropped=False,
        train_batch_size=batch,
        gradient_accumulation_steps=1,
        repeats=repeats,
    )
    plan = count_buckets([size for size, count in sizes.items() for _ in range(count)], settings)
    return PlannedPart(
        name=name,
        repeats=repeats,
        is_regularization=False,
        num_images=plan.num_images,
        buckets=plan.buckets,
        batches_per_epoch=plan.batches_per_epoch,
    )


PLAN = DatasetPlan(
    path="photos",
    layout="text-files",
    num_images=298,
    num_captions=290,
    num_trained=253,
    num_held_out=30,
    resolution_px=1024,
    is_cropped=True,
    parts=(planned_part({(1024, 1024): 253}),),
    steps_per_epoch=64,
    latent_cache_bytes=80 * MIB,
    text_cache_bytes=3 * MIB // 2,
)


def test_the_plan_fits_on_one_screen() -> None:
    assert list(describe_plan(PLAN)) == [
        "photos  (text-files)",
        "  images     298 found, 290 with caption",
        "  use        253 trained on, 30 held out, 15 fall out",
        "  shapes     1024 x 1024: 253",
        "  trained as squares of 1024 x 1024 px",
        "  epoch      64 steps, each image seen once",
        "  cache      about 80 MiB for the images, 1.5 MiB for the captions",
    ]


@pytest.mark.parametrize(
    ("trained", "held_out", "expected"),
    [
        pytest.param(298, 0, "298 trained on", id="all"),
        pytest.param(297, 0, "297 trained on, 1 falls out", id="all but one"),
        pytest.param(268, 30, "268 trained on, 30 held out", id="some held out"),
    ],
)
def test_uses_of_no_image_are_not_named(trained: int, held_out: int, expected: str) -> None:
    plan = replace(PLAN, num_trained=trained, num_held_out=held_out)

    assert f"  use        {expected}" in list(describe_plan(plan))


def test_shapes_with_too_few_images_come_first() -> None:
    part = planned_part({(1024, 1024): 8, (2048, 1024): 1, (1024, 1536): 4}, batch=4)

    lines = list(describe_plan(replace(PLAN, parts=(part,))))

    (shapes,) = [line for line in lines if "shapes" in line]
    assert "1472 x 704: 1 (too few: needs repeats 3), 1024 x 1024: 8" in shapes


def test_many_shapes_are_summed_up_in_lines_of_a_terminal() -> None:
    sizes = {(400 + 100 * step, 1024): 20 - step for step in range(20)}

    lines = list(describe_plan(replace(PLAN, parts=(planned_part(sizes, batch=8),))))

    shapes = lines[3:-3]
    assert all(len(line) <= 80 for line in shapes)
    assert 4 <= len(shapes) <= 6
    assert all(line.startswith(" " * 13) for line in shapes[1:])
    assert sum(line.count(" x ") for line in shapes) == 12
    assert "5 more shapes: " in shapes[-1]


def test_parts_are_named_with_how_often_they_are_seen() -> None:
    dog = planned_part({(512, 512): 5}, name="dog", repeats=9)
    others = replace(planned_part({(512, 512): 7}, name="any dog"), is_regularization=True)

    lines = list(describe_plan(replace(PLAN, parts=(dog, others))))

    assert "  part       dog, seen 10 times" in lines
    assert "  part       any dog, class images" in lines


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(1, "1 step"), (0.5, "0.5 steps"), (12345, "12,345 steps"), (12345.25, "12,345.2 steps")],
)
def test_steps_are_written_as_people_do(steps: float, expected: str) -> None:
    lines = list(describe_plan(replace(PLAN, steps_per_epoch=steps)))

    assert f"  epoch      {expected}, each image seen once" in lines


def test_an_uneven_epoch_says_how_often_images_are_seen() -> None:
    uneven = planned_part({(512, 512): 8, (512, 1024): 1}, batch=4, repeats=3)

    lines = list(describe_plan(replace(PLAN, parts=(uneven,))))

    assert "  epoch      64 steps, each image seen 4 to 16 times" in lines


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (MIB // 2, "0.5 MiB"),
        (16_600_000, "15.8 MiB"),
        (999 * MIB, "999 MiB"),
        (1_200 * MIB, "1.17 GiB"),
        (2_500 * 1024 * MIB, "2,500 GiB"),
    ],
)
def test_sizes_have_no_exponent(size: int, expected: str) -> None:
    assert format_bytes(size) == expected
