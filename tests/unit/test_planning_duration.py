"""Time and disk against published runs and arithmetic."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tuner_kit.catalog.gpus import GpuProfile, find_gpu
from tuner_kit.planning.disk import estimate_disk, weights_gib
from tuner_kit.planning.duration import (
    Workload,
    checkpoint_gib,
    estimate_hours,
    phase_hours,
    seconds_per_step,
)
from tuner_kit.planning.estimate import Estimate, total
from tuner_kit.planning.shape import TrainingShape

REPORTED = json.loads(
    (
        Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "reported_memory.json"
    ).read_text(encoding="utf-8")
)
SETTINGS = (
    *("model", "method", "rank", "quantization", "optimizer", "resolution_px"),
    *("train_batch_size", "gradient_checkpointing"),
)
MEDIUM = TrainingShape(model="sd3.5-medium")
WORK = Workload(
    num_steps=2000, num_images=100, num_captions=101, num_validations=8, num_checkpoints=8
)


def gpu(name: str) -> GpuProfile:
    found = find_gpu(name)
    assert found is not None
    return found


def is_close(left: Estimate, right: Estimate) -> bool:
    ends = (left.low, left.likely, left.high)
    return ends == pytest.approx((right.low, right.likely, right.high))


def test_four_of_five_published_steps_lie_within_the_bar() -> None:
    inside = [
        seconds_per_step(
            TrainingShape(**{key: row[key] for key in SETTINGS}), gpu(row["gpu"])
        ).contains(row["seconds_per_step"])
        for row in REPORTED["measured"]
    ]

    assert sum(inside) / len(inside) >= 0.8


def test_recomputing_activations_costs_a_third_on_a_busy_gpu() -> None:
    kept = replace(MEDIUM, train_batch_size=3, gradient_checkpointing=False)

    ratio = (
        seconds_per_step(replace(kept, gradient_checkpointing=True), gpu("L40S")).likely
        / seconds_per_step(kept, gpu("L40S")).likely
    )

    assert ratio == pytest.approx(1.607 / 1.189, rel=0.05)  # the same, published


def test_accumulated_batches_add_up() -> None:
    one = seconds_per_step(MEDIUM, gpu("RTX 4090"))

    four = seconds_per_step(replace(MEDIUM, gradient_accumulation_steps=4), gpu("RTX 4090"))

    assert is_close(four, one * 4.0)


@pytest.mark.parametrize(
    ("slower", "faster"),
    [("RTX 3060", "RTX 3090"), ("RTX 3090", "RTX 4090"), ("L4", "L40S"), ("A100", "H100")],
)
def test_a_faster_gpu_needs_less_time(slower: str, faster: str) -> None:
    busy = replace(MEDIUM, train_batch_size=4)

    assert seconds_per_step(busy, gpu(faster)).likely < seconds_per_step(busy, gpu(slower)).likely


def test_a_mere_size_has_a_wider_bar_than_any_gpu_of_it() -> None:
    unknown = seconds_per_step(MEDIUM, gpu("24 GB"))

    for name in ("RTX 3090", "RTX 4090", "A10", "L4"):
        known = seconds_per_step(MEDIUM, gpu(name))
        assert unknown.low <= known.low
        assert known.high <= unknown.high


def test_a_size_that_no_known_gpu_has_takes_the_nearest() -> None:
    assert seconds_per_step(MEDIUM, gpu("60 GB")).likely > 0


def test_hours_are_the_sum_of_the_phases() -> None:
    phases = phase_hours(MEDIUM, gpu("RTX 4090"), WORK)

    assert is_close(estimate_hours(MEDIUM, gpu("RTX 4090"), WORK), total(phases.values()))
    step = seconds_per_step(MEDIUM, gpu("RTX 4090"))
    assert is_close(phases["training"], step * (2000 / 3600))


def test_nothing_to_encode_takes_no_time() -> None:
    phases = phase_hours(MEDIUM, gpu("RTX 4090"), replace(WORK, num_images=0, num_captions=0))

    assert phases["images"] == phases["captions"] == Estimate(0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [{"quantization": "int8-quanto"}, {"mixed_precision": "no"}, {"resolution_px": 1280}],
    ids=str,
)
def test_what_costs_time_is_counted(change: dict[str, object]) -> None:
    plain = estimate_hours(MEDIUM, gpu("RTX 4090"), WORK)

    changed = estimate_hours(replace(MEDIUM, **change), gpu("RTX 4090"), WORK)  # type: ignore[arg-type]  # names are the cases'

    assert changed.likely > plain.likely


def test_a_checkpoint_of_a_lora_is_its_values_and_three_states() -> None:
    values = 14_548_992  # rank 32 on the four projections of 24 layers, 13 of which attend twice

    size = checkpoint_gib(MEDIUM)

    assert size.low == pytest.approx(values * (2 + 6) / 1024**3)


def test_disk_is_listed_by_what_it_is_for() -> None:
    found = estimate_disk(
        MEDIUM,
        WORK,
        latent_cache_bytes=100 * 2**20,
        text_cache_bytes=200 * 2**20,
        checkpoints_total_limit=3,
    )

    assert set(found) == {
        *("weights", "latents", "text embeds", "checkpoints", "result", "pictures"),
    }
    assert found["checkpoints"] == checkpoint_gib(MEDIUM) * 4
    assert found["latents"].likely == pytest.approx(100 / 1024)


def test_without_a_limit_every_checkpoint_is_kept() -> None:
    found = estimate_disk(
        MEDIUM, WORK, latent_cache_bytes=0, text_cache_bytes=0, checkpoints_total_limit=0
    )

    assert found["checkpoints"] == checkpoint_gib(MEDIUM) * 8


def test_weights_have_the_size_of_what_is_downloaded() -> None:
    # 4.9 GB transformer, 9.5 GB T5, 1.4 + 0.25 GB CLIP, 0.17 GB autoencoder.
    assert weights_gib("sd3.5-medium").contains(16.3e9 / 1024**3)
    assert weights_gib("tiny-sd3") == Estimate(0, 0, 0)
