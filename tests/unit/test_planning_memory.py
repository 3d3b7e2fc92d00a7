"""The memory model against what was counted and against what others published."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.planning import measured
from tuner_kit.planning.estimate import Estimate, around, largest, total
from tuner_kit.planning.memory import (
    CONTEXT_GIB,
    FRAGMENTATION,
    GIB,
    Phase,
    PhaseMemory,
    corrected,
    estimate_memory,
    peak,
)
from tuner_kit.planning.optimizers import state_bytes
from tuner_kit.planning.shape import MODELS, TrainingShape, model_of

REPORTED_PATH = (
    Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "reported_memory.json"
)
REPORTED = json.loads(REPORTED_PATH.read_text(encoding="utf-8"))
SETTINGS = (
    *("model", "method", "rank", "quantization", "optimizer", "resolution_px"),
    *("train_batch_size", "gradient_checkpointing"),
)
MEDIUM = TrainingShape(model="sd3.5-medium")


def counted_rows() -> list[Mapping[str, Any]]:
    return [row for row in measured.load_rows() if row["what"] == "training"]


def shape_of(row: Mapping[str, Any]) -> TrainingShape:
    return TrainingShape(
        model=row["model"],
        method=row["method"],
        rank=row["rank"],
        quantization=row["quantization"],
        resolution_px=row["resolution_px"],
        train_batch_size=row["batch"],
        gradient_checkpointing=row["checkpointing"],
    )


def phase(shape: TrainingShape, name: Phase) -> PhaseMemory:
    return next(found for found in estimate_memory(shape) if found.phase == name)


def tensors_of(found: PhaseMemory) -> Estimate:
    """What torch holds: a published peak of its allocator has no context in it."""
    other = ("CUDA context", "fragmentation")
    return total(size for name, size in found.parts.items() if name not in other)


def test_the_model_reproduces_every_counted_row_within_5_percent() -> None:
    errors = [
        abs(measured.step_of(shape_of(row)).activation_bytes / row["peak_bytes"] - 1)
        for row in counted_rows()
    ]

    assert len(errors) > 150
    assert max(errors) < 0.05


def test_the_model_reproduces_the_operations_of_plain_layers_within_5_percent() -> None:
    plain = [row for row in counted_rows() if row["quantization"] == "none"]

    errors = [abs(measured.step_of(shape_of(row)).flops / row["flops"] - 1) for row in plain]

    assert max(errors) < 0.05


def test_a_row_that_was_left_out_is_foretold_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left_out = next(
        row
        for row in counted_rows()
        if row["model"] == "sd3.5-large" and row["resolution_px"] == 768
    )
    every = measured.rows_of
    monkeypatch.setattr(
        measured,
        "rows_of",
        lambda *kind: tuple(row for row in every(*kind) if row is not left_out),
    )

    foretold = measured.step_of(shape_of(left_out)).activation_bytes

    assert foretold == pytest.approx(left_out["peak_bytes"], rel=0.05)


@pytest.mark.parametrize(
    ("model", "billions"),
    [("sd3-medium", 2.028), ("sd3.5-medium", 2.243), ("sd3.5-large", 8.057), ("sd1.5", 0.8595)],
)
def test_parameters_are_those_of_the_published_models(model: str, billions: float) -> None:
    # Hugging Face lists the files' sizes: with the position buffers 4.17, 4.94, 16.3 GB in
    # bf16; SD 1.5's U-Net 859,520,964 parameters.
    assert measured.num_values(model, "denoiser") / 1e9 == pytest.approx(billions, rel=1e-3)


def test_the_files_of_the_published_weights_have_the_counted_size() -> None:
    assert measured.weight_bytes("sd3.5-medium", "denoiser", "none") == pytest.approx(
        4.94e9, rel=0.005
    )
    assert measured.weight_bytes("sd3-medium", "text_encoder_3", "none") == pytest.approx(
        9.52e9, rel=0.005
    )


def test_four_of_five_published_peaks_lie_within_the_bar() -> None:
    rows = REPORTED["measured"]

    inside = [
        tensors_of(
            phase(TrainingShape(**{key: row[key] for key in SETTINGS}), Phase.TRAINING)
        ).contains(row["gib"])
        for row in rows
    ]

    assert len(rows) >= 14
    assert sum(inside) / len(inside) >= 0.8


def test_bars_of_plain_training_are_narrower_than_a_quarter() -> None:
    training = phase(MEDIUM, Phase.TRAINING).gpu

    assert training.high / training.low < 1.25


@pytest.mark.parametrize(
    "row", [row for row in REPORTED["bounds"] if row["kind"] == "fits in"], ids=lambda r: r["model"]
)
def test_what_others_trained_on_a_gpu_is_not_called_impossible(row: Mapping[str, Any]) -> None:
    training = phase(TrainingShape(**{key: row[key] for key in SETTINGS}), Phase.TRAINING)

    assert training.gpu.low <= row["gb"]


def test_the_text_encoders_alone_need_what_diffusers_says_of_them() -> None:
    (row,) = (row for row in REPORTED["bounds"] if row["phase"] == "captions")

    captions = phase(TrainingShape(model=row["model"]), Phase.CAPTIONS)

    assert captions.gpu.contains(row["gb"] * 1e9 / GIB)


def test_memory_beside_tensors_contains_what_two_processes_showed_when_it_ran_out() -> None:
    for row in REPORTED["overheads"][:2]:
        unused = row["reserved_unused_mib"] / 1024

        assert CONTEXT_GIB.contains(row["process_gib"] - row["allocated_gib"] - unused)
        assert FRAGMENTATION.contains(unused / row["allocated_gib"])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", ["lora", "lokr", "full"])
@pytest.mark.parametrize("is_checkpointed", [True, False], ids=["recomputed", "kept"])
def test_every_model_and_method_has_an_estimate(
    model: str, method: str, *, is_checkpointed: bool
) -> None:
    shape = TrainingShape(model=model, method=method, gradient_checkpointing=is_checkpointed)

    phases = estimate_memory(shape)

    assert [found.phase for found in phases] == list(Phase)
    for found in phases:
        assert found.gpu.likely == pytest.approx(sum(part.likely for part in found.parts.values()))
        assert 0 < found.gpu.low < found.gpu.high
        assert found.ram.low > 0


@pytest.mark.parametrize(
    ("change", "grows"),
    [
        ({"train_batch_size": 2}, True),
        ({"resolution_px": 1280}, True),
        ({"rank": 128}, True),
        ({"gradient_checkpointing": False}, True),
        ({"optimizer": "prodigy"}, True),
        ({"mixed_precision": "no"}, True),
        ({"num_gpus": 2}, True),
        ({"method": "full"}, True),
        ({"resolution_px": 512}, False),
        ({"quantization": "int8-quanto"}, False),
        ({"quantization": "nf4-bnb"}, False),
        ({"optimizer": "bnb-lion8bit"}, False),
    ],
    ids=str,
)
def test_training_memory_moves_as_expected(change: dict[str, Any], *, grows: bool) -> None:
    plain, changed = (
        phase(shape, Phase.TRAINING).gpu.likely for shape in (MEDIUM, replace(MEDIUM, **change))
    )

    assert (changed > plain) is grows


def test_quanto_keeps_a_third_of_sd3_in_16_bits() -> None:
    # SimpleTuner leaves every layer with norm in its name alone, and SD3's adaptive norms hold
    # a third of its weights; torchao takes them too.
    quanto, torchao, whole = (
        measured.weight_bytes("sd3.5-large", "denoiser", kind)
        for kind in ("int8-quanto", "int8-torchao", "none")
    )

    assert quanto / whole == pytest.approx(0.67, abs=0.02)
    assert torchao / whole == pytest.approx(0.51, abs=0.02)


def test_quantizing_on_the_gpu_needs_the_whole_model_there_once() -> None:
    large = TrainingShape(model="sd3.5-large", quantization="int8-quanto")

    on_gpu, on_cpu = (
        phase(shape, Phase.LOADING).gpu for shape in (large, replace(large, quantizes_on_cpu=True))
    )

    assert on_gpu.likely > 15
    assert on_cpu.likely < 11.5


def test_a_small_t5_frees_the_caption_phase() -> None:
    small = replace(MEDIUM, text_encoder_3_quantization="int8-quanto")

    freed = phase(MEDIUM, Phase.CAPTIONS).gpu.likely - phase(small, Phase.CAPTIONS).gpu.likely

    assert freed == pytest.approx((8.87 - 4.56) * (1 + FRAGMENTATION.likely), abs=0.02)


def test_tiles_help_sd3_only_above_the_size_its_autoencoder_was_made_for() -> None:
    # AutoencoderKL cuts tiles of its sample_size, which is 1024 px in SD3 and 512 px in SD 1.x.
    tiled, whole = (
        measured.vae_bytes("sd3.5-medium", "vae-encode", 1024, tiling=tiling)
        for tiling in (True, False)
    )
    sd1_tiled, sd1_whole = (
        measured.vae_bytes("sd1.5", "vae-decode", 1024, tiling=tiling) for tiling in (True, False)
    )

    assert tiled == whole
    assert sd1_tiled < sd1_whole / 2


def test_without_pictures_there_is_no_validation() -> None:
    names = [found.phase for found in estimate_memory(replace(MEDIUM, num_prompts=0))]

    assert Phase.VALIDATION not in names


def test_a_measured_phase_replaces_its_estimate_and_leaves_the_others() -> None:
    phases = estimate_memory(MEDIUM)

    better = corrected(phases, {Phase.TRAINING: 7.0})

    changed = next(found for found in better if found.phase == Phase.TRAINING)
    assert changed.gpu == around(7.0, low=0.95, high=1.05)
    assert [found for found in better if found.phase != Phase.TRAINING] == [
        found for found in phases if found.phase != Phase.TRAINING
    ]


def test_the_peak_is_the_phase_with_the_highest_upper_end() -> None:
    phases = estimate_memory(MEDIUM)

    assert peak(phases).gpu.high == max(found.gpu.high for found in phases)


@pytest.mark.parametrize(
    ("optimizer", "parameter_bytes", "expected"),
    [
        ("adamw_bf16", 2, Estimate(6, 6, 6)),
        ("torch-adamw", 4, Estimate(8, 8, 8)),
        ("bnb-lion8bit-paged", 2, Estimate(0, 1.02, 1.02)),
        ("adamw_schedulefree+aggressive", 2, Estimate(6, 6, 6)),
        ("soap", 2, Estimate(0, 4, 10)),
    ],
)
def test_an_optimizers_state_is_known_or_has_a_wide_bar(
    optimizer: str, parameter_bytes: int, expected: Estimate
) -> None:
    assert state_bytes(optimizer, parameter_bytes) == expected


@pytest.mark.parametrize(
    ("base", "family", "model"),
    [
        ("stabilityai/stable-diffusion-3-medium-diffusers", "sd3", "sd3-medium"),
        ("stabilityai/stable-diffusion-3.5-medium", "sd3", "sd3.5-medium"),
        ("stabilityai/stable-diffusion-3.5-large", "sd3", "sd3.5-large"),
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "sd1x", "sd1.5"),
        ("CompVis/stable-diffusion-v1-4", "sd1x", "sd1.5"),
        ("embedded:tiny-sd1", "sd1x", "tiny-sd1"),
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "sd3", None),
        ("someone/else", "sd3", None),
    ],
)
def test_hub_ids_are_told_apart(base: str, family: str, model: str | None) -> None:
    assert model_of(base, family) == model


@pytest.mark.parametrize(
    ("part", "config", "family", "model"),
    [
        (
            "transformer",
            {"num_layers": 24, "num_attention_heads": 24, "dual_attention_layers": [0, 1]},
            "sd3",
            "sd3.5-medium",
        ),
        ("transformer", {"num_layers": 24, "num_attention_heads": 24}, "sd3", "sd3-medium"),
        ("transformer", {"num_layers": 38, "num_attention_heads": 38}, "sd3", "sd3.5-large"),
        ("transformer", {"num_layers": 38, "num_attention_heads": 38}, "sd1x", None),
        ("transformer", {"num_layers": "many"}, "sd3", None),
        (
            "unet",
            {"block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768},
            "sd1x",
            "sd1.5",
        ),
        (
            "unet",
            {"block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 1024},
            "sd1x",
            None,
        ),
        ("unet", [], "sd1x", None),
    ],
    ids=str,
)
def test_folders_are_told_apart_by_their_settings(
    tmp_path: Path, part: str, config: object, family: str, model: str | None
) -> None:
    (tmp_path / part).mkdir()
    (tmp_path / part / "config.json").write_text(json.dumps(config), encoding="utf-8")

    assert model_of(str(tmp_path), family) == model


@pytest.mark.parametrize(("name", "family"), [("tiny-sd3", "sd3"), ("tiny-sd1", "sd1x")])
def test_the_embedded_models_are_known_by_their_folders(name: str, family: str) -> None:
    assert model_of(str(embedded_model_dir(name)), family) == name


def test_estimates_add_and_scale_end_by_end() -> None:
    assert Estimate(1, 2, 3) + Estimate(1, 1, 2) == Estimate(2, 3, 5)
    assert Estimate(1, 2, 3) * Estimate(1, 2, 2) == Estimate(1, 4, 6)
    assert largest((Estimate(1, 5, 6), Estimate(2, 3, 9))) == Estimate(2, 5, 9)
    assert total(()) == Estimate.exact(0)


def test_an_estimate_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="not in order"):
        Estimate(2, 1, 3)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was counted of sdxl"):
        estimate_memory(TrainingShape(model="sdxl"))


def test_planning_imports_nothing_heavy() -> None:
    code = (
        "import sys, tuner_kit.planning.choose, tuner_kit.planning.disk;"
        "print([n for n in ('torch', 'numpy', 'pydantic', 'diffusers') if n in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert shown.strip() == "[]"
