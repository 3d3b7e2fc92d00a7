"""Buckets, refusals, steps and cache sizes; the expected values follow from upstream's rules."""

import random
import tracemalloc
from collections.abc import Iterator

import pytest

from tuner_kit.simpletuner.bucket_geometry import SQUARE_EDGES_PX, BucketKey, bucket_of
from tuner_kit.simpletuner.bucket_plan import (
    BucketPlan,
    BucketSettings,
    Precision,
    count_buckets,
    count_epochs,
    count_steps,
    latent_cache_bytes,
    text_cache_bytes,
)

SQUARE, WIDE, TALL = (1000, 1000), (2000, 1000), (1000, 2000)
DROPPED = (1, 1000)


def settings_of(
    *, batch: int = 1, accumulation: int = 1, repeats: int = 0, processes: int = 1
) -> BucketSettings:
    return BucketSettings(
        resolution_px=1024,
        is_cropped=False,
        train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        repeats=repeats,
        num_processes=processes,
    )


def plan_of(sizes: list[tuple[int, int]], settings: BucketSettings) -> BucketPlan:
    return count_buckets(sizes, settings)


@pytest.mark.parametrize(
    ("size", "resolution_px", "expected"),
    [
        # 1024 * sqrt(1.33) = 1180.9 and 1024 / sqrt(1.33) = 887.9, to the nearest 64.
        pytest.param((4032, 3024), 1024, BucketKey("1.29", 1152, 896), id="photo"),
        pytest.param((3024, 4032), 1024, BucketKey("0.78", 896, 1152), id="photo on its side"),
        pytest.param((4000, 1000), 512, BucketKey("4.0", 1024, 256), id="panorama"),
        pytest.param((7, 7), 1024, BucketKey("1.0", 1024, 1024), id="tiny square is enlarged"),
        pytest.param((1000, 1001), 1024, BucketKey("1.0", 1024, 1024), id="nearly square"),
        # 64 * sqrt(1.33) = 73.8: at 64 px a photo becomes a square.
        pytest.param((4032, 3024), 64, BucketKey("1.0", 64, 64), id="coarse grid"),
        # 64 / sqrt(9) = 21.3 rounds to nothing: the shortest edge is 64.
        pytest.param((900, 100), 64, BucketKey("3.0", 192, 64), id="shortest edge"),
        # 192 * sqrt(2.25) = 288 = 4.5 * 64: the half goes to the even multiple.
        pytest.param((2250, 1000), 192, BucketKey("2.0", 256, 128), id="half to even"),
        # 1.334 is read as 1.33.
        pytest.param((1334, 1000), 1024, BucketKey("1.29", 1152, 896), id="two decimals"),
        pytest.param((5, 1000), 1024, BucketKey("0.01", 128, 10240), id="tallest of all"),
        pytest.param((4, 1000), 1024, None, id="taller still"),
    ],
)
def test_an_uncropped_image_gets_the_size_nearest_to_its_shape(
    size: tuple[int, int], resolution_px: int, expected: BucketKey | None
) -> None:
    assert bucket_of(*size, resolution_px=resolution_px, is_cropped=False) == expected


@pytest.mark.parametrize("size", [SQUARE, WIDE, TALL, DROPPED], ids=str)
def test_a_cropped_image_is_square_whatever_its_shape(size: tuple[int, int]) -> None:
    key = bucket_of(*size, resolution_px=768, is_cropped=True)

    assert key == BucketKey("1.0", 768, 768)


@pytest.mark.parametrize(
    ("resolution_px", "edge_px"),
    [(448, 512), (704, 768), (1408, 1536), (512, 512), (768, 768), (1472, 1472)],
)
@pytest.mark.parametrize("is_cropped", [True, False], ids=["cropped", "uncropped"])
# The second falls into the square bucket after rounding to 64.
@pytest.mark.parametrize("width_px", [1000, 1020])
def test_squares_are_enlarged_at_the_three_resolutions_that_upstream_rounds(
    resolution_px: int, edge_px: int, width_px: int, *, is_cropped: bool
) -> None:
    key = bucket_of(width_px, 1000, resolution_px=resolution_px, is_cropped=is_cropped)

    assert key == BucketKey("1.0", edge_px, edge_px)
    assert (resolution_px in SQUARE_EDGES_PX) == (edge_px != resolution_px)


def test_other_shapes_keep_the_resolution_that_squares_do_not() -> None:
    key = bucket_of(1600, 1200, resolution_px=448, is_cropped=False)

    assert key == BucketKey("1.33", 512, 384)


def test_buckets_are_counted_and_sorted_from_tall_to_wide() -> None:
    plan = plan_of([WIDE, SQUARE, (10000, 1000), TALL, WIDE], settings_of())

    assert [(each.aspect_ratio, each.num_images) for each in plan.buckets] == [
        ("0.48", 1),
        ("1.0", 1),
        ("2.09", 2),
        ("10.2", 1),
    ]
    assert (plan.buckets[0].width_px, plan.buckets[0].height_px) == (704, 1472)
    assert plan.num_images == 5


def test_a_shape_without_a_bucket_is_counted_as_dropped() -> None:
    plan = plan_of([DROPPED, SQUARE, DROPPED], settings_of())

    assert (plan.num_dropped, plan.num_images) == (2, 1)
    assert not plan.is_refused


@pytest.mark.parametrize("sizes", [[], [DROPPED]], ids=["nothing", "nothing that has a bucket"])
def test_a_dataset_without_a_bucket_is_refused(sizes: list[tuple[int, int]]) -> None:
    plan = plan_of(sizes, settings_of())

    assert plan.is_refused
    assert (plan.min_repeats, plan.batches_per_epoch) == (0, 0)


@pytest.mark.parametrize(
    ("repeats", "is_refused"), [(0, True), (1, True), (2, False), (3, False)], ids=str
)
def test_a_bucket_needs_as_many_views_as_one_step_takes(repeats: int, *, is_refused: bool) -> None:
    # 3 images, a step of 2 x 4: 3 x 3 views are enough, 3 x 2 are not.
    plan = plan_of([SQUARE] * 3, settings_of(batch=2, accumulation=4, repeats=repeats))

    assert plan.is_refused == is_refused
    assert plan.buckets[0].is_refused == is_refused
    assert plan.min_repeats == 2


def test_the_smallest_bucket_decides_on_the_repeats_of_all() -> None:
    plan = plan_of([SQUARE] * 8 + [WIDE] * 2 + [TALL], settings_of(batch=4))

    assert [each.min_repeats for each in plan.buckets] == [3, 0, 1]
    assert [each.is_refused for each in plan.buckets] == [True, False, True]
    assert plan.min_repeats == 3
    assert plan.is_refused


def test_processes_enlarge_what_a_bucket_needs() -> None:
    plan = plan_of([SQUARE] * 4, settings_of(batch=2, processes=4))

    assert plan.is_refused
    assert plan.min_repeats == 1


def test_a_process_that_gets_less_than_a_batch_is_a_refusal() -> None:
    # 3 x 2 views are one step of 3 x 2, but the second process has one image, seen twice.
    plan = plan_of([SQUARE] * 3, settings_of(batch=3, repeats=1, processes=2))

    assert plan.is_refused
    assert not plan.buckets[0].is_refused


def test_the_last_batch_of_a_pass_is_filled_up() -> None:
    # 5 images are 2 batches of 4 in each of the 2 passes: 16 views of 5 images.
    plan = plan_of([SQUARE] * 5, settings_of(batch=4, accumulation=2, repeats=1))

    assert plan.batches_per_epoch == 4
    assert plan.steps_per_epoch == 2
    assert plan.buckets[0].views_per_epoch == pytest.approx(3.2)


def test_every_bucket_is_filled_up_on_its_own() -> None:
    # 3 buckets of one image: 3 batches, although 3 views would fit in one.
    plan = plan_of([SQUARE, WIDE, TALL], settings_of(batch=2, repeats=1))

    assert plan.batches_per_epoch == 6
    assert {each.views_per_epoch for each in plan.buckets} == {4.0}


def test_the_process_with_the_fewest_images_ends_the_epoch() -> None:
    # 5 images on 2 processes are 3 and 2: over after 2 batches, 4 views of 5 images.
    plan = plan_of([SQUARE] * 5, settings_of(processes=2))

    assert plan.batches_per_epoch == 2
    assert plan.buckets[0].views_per_epoch == pytest.approx(0.8)


# At 1024 px, 0.17 is trained at 448 x 2496 and 0.18 at 448 x 2432; both are called 0.18.
@pytest.mark.parametrize(
    ("sizes", "height_px"),
    [
        pytest.param([(17, 100), (18, 100), (18, 100)], 2432, id="most are the lower"),
        pytest.param([(18, 100), (17, 100), (17, 100)], 2496, id="most are the higher"),
        pytest.param([(17, 100), (18, 100)], 2432, id="as many"),
        pytest.param([(18, 100), (17, 100)], 2432, id="as many, the other way round"),
    ],
)
def test_two_sizes_of_one_name_share_a_bucket(sizes: list[tuple[int, int]], height_px: int) -> None:
    (bucket,) = plan_of(sizes, settings_of()).buckets

    assert bucket.has_mixed_sizes
    assert (bucket.aspect_ratio, bucket.height_px) == ("0.18", height_px)
    assert bucket.num_images == len(sizes)


def test_one_size_is_not_mixed() -> None:
    (bucket,) = plan_of([(18, 100), (180, 1000)], settings_of()).buckets

    assert not bucket.has_mixed_sizes


def test_steps_and_epochs_of_several_datasets_are_counted_together() -> None:
    first = plan_of([SQUARE] * 5, settings_of(batch=2, accumulation=4))
    second = plan_of([SQUARE, WIDE], settings_of(batch=2, accumulation=4, repeats=1))

    # 3 + 4 batches in an epoch, 4 batches to a step: 21 batches are 5.25 steps.
    assert count_steps([first, second], 3) == 6
    assert count_epochs([first, second], 7) == pytest.approx(4)


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    rng = random.Random(0)

    def sizes(count: int) -> Iterator[tuple[int, int]]:
        return ((rng.randint(1, 9000), rng.randint(1, 9000)) for _ in range(count))

    count_buckets(sizes(20_000), settings_of())  # Fills the bounded cache.
    tracemalloc.start()
    count_buckets(sizes(40_000), settings_of())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 2_000_000


# Files of torch.save and gzip, as SimpleTuner writes them, of normally distributed values.
@pytest.mark.parametrize(
    ("precision", "measured_bytes"),
    [
        ("bf16", 416_379),
        ("fp32", 971_971),
    ],
)
def test_a_cached_latent_takes_about_what_was_measured(
    precision: Precision, measured_bytes: int
) -> None:
    one, three = (plan_of([SQUARE] * count, settings_of()) for count in (1, 3))

    assert latent_cache_bytes(one, precision) == pytest.approx(measured_bytes, rel=0.02)
    assert latent_cache_bytes(three, precision) == pytest.approx(3 * measured_bytes, rel=0.02)


def test_a_smaller_bucket_takes_less_of_the_cache() -> None:
    wide = plan_of([WIDE], settings_of())
    square = plan_of([SQUARE], settings_of())

    # 1472 x 704 against 1024 x 1024.
    ratio = latent_cache_bytes(wide, "bf16") / latent_cache_bytes(square, "bf16")
    assert ratio == pytest.approx(1472 * 704 / 1024**2, rel=0.001)


@pytest.mark.parametrize(
    ("precision", "measured_bytes"), [("bf16", 1_261_868), ("fp32", 2_937_681)]
)
def test_a_cached_text_takes_about_what_was_measured(
    precision: Precision, measured_bytes: int
) -> None:
    assert text_cache_bytes(1, precision) == pytest.approx(measured_bytes, rel=0.02)
    assert text_cache_bytes(7, precision) == 7 * text_cache_bytes(1, precision)


def test_stable_diffusion_1_caches_a_quarter_of_the_latents() -> None:
    plan = plan_of([(1024, 1024)], settings_of())

    sd3, sd1 = latent_cache_bytes(plan, "bf16"), latent_cache_bytes(plan, "bf16", "sd1x")

    # SD3's VAE has 16 channels, that of SD1.x 4.
    assert sd3 / sd1 == pytest.approx(4, rel=0.05)
    assert text_cache_bytes(1, "bf16", "sd1x") < text_cache_bytes(1, "bf16") / 10
