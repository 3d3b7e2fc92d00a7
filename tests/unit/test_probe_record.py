"""What a probe measured: under which key it is kept, and how it corrects a plan."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from project_files import CONFIG, Project

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.planning.estimate import Estimate
from tuner_kit.planning.memory import Phase, PhaseMemory
from tuner_kit.preflight.accelerators import Accelerator
from tuner_kit.preflight.probe_record import (
    MeasuredPhase,
    ProbeRecord,
    RanOut,
    apply_probe,
    find_probe,
    probe_key,
    read_probe,
    record_path,
)
from tuner_kit.preflight.run_costs import RunCosts
from tuner_kit.runs.atomic import write_model_atomically

L4 = Accelerator("NVIDIA L4", 23034, "570.1", (8, 9))
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


# ----------------------------------------------------------------------------- the key


def key_of(folder: Path, text: str = CONFIG, gpus: Sequence[Accelerator] = (L4,)) -> str:
    return probe_key(written(folder, text), gpus)


def written(folder: Path, text: str = CONFIG) -> ConfigFile:
    path = folder / "tuner.yaml"
    path.write_text(text)
    file = load_config(path)
    assert file.problems == ()
    return file


LORA = "lora:\n  rank: 2\n"
LOKR = CONFIG.replace("training:\n", "training:\n  method: lokr\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("tiny-sd3\n", "tiny-sd3\n  revision: abc\n", id="revision"),
        pytest.param("base: embedded:tiny-sd3", "base: someone/model", id="base"),
        pytest.param(
            "base: embedded:tiny-sd3", "base: embedded:tiny-sd1\n  family: sd1x", id="family"
        ),
        pytest.param("tiny-sd3\n", "tiny-sd3\n  quantization: int8-quanto\n", id="quantization"),
        pytest.param(
            "tiny-sd3\n", "tiny-sd3\n  text_encoder_3_quantization: int8-quanto\n", id="T5"
        ),
        pytest.param("training:\n", "training:\n  method: full\n", id="method"),
        pytest.param("rank: 2", "rank: 3", id="rank"),
        pytest.param("torch-adamw", "adamw_bf16", id="optimizer"),
        pytest.param('mixed_precision: "no"', "mixed_precision: bf16", id="precision"),
        pytest.param("64\nlora", "128\nlora", id="resolution"),
        pytest.param("64\nlora", "64\n    crop: none\nlora", id="crop"),
        pytest.param("training:\n", "training:\n  train_batch_size: 2\n", id="batch"),
        pytest.param(
            "training:\n", "training:\n  gradient_accumulation_steps: 2\n", id="accumulation"
        ),
        pytest.param(
            "training:\n", "training:\n  gradient_checkpointing: false\n", id="checkpointing"
        ),
        pytest.param("training:\n", "training:\n  vae_batch_size: 2\n", id="images at once"),
        pytest.param("  resolution_px: 64\n", "  resolution_px: 128\n", id="pictures"),
        pytest.param("prompts: [a cat, a dog]", "prompts: []", id="no pictures"),
        pytest.param("lora:", "hardware: {num_gpus: 2}\nlora:", id="GPUs"),
        pytest.param("lora:", "simpletuner: {vae_enable_tiling: true}\nlora:", id="option"),
    ],
)
def test_the_key_changes_with_what_decides_memory_and_time(
    tmp_path: Path, old: str, new: str
) -> None:
    changed = CONFIG[::-1].replace(old[::-1], new[::-1], 1)[::-1]  # the last one of its kind
    assert changed != CONFIG

    assert key_of(tmp_path, changed) != key_of(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("name: cats", "name: dogs", id="name"),
        pytest.param("max_train_steps: 6", "epochs: 3", id="length"),
        pytest.param("checkpointing_steps: 2", "checkpointing_steps: 3", id="checkpoints"),
        pytest.param("[a cat, a dog]", "[a horse]", id="prompts"),
        pytest.param("path: photos", "path: others", id="images"),
        pytest.param("training:\n", "training:\n  learning_rate: 1e-3\n", id="learning rate"),
        pytest.param("training:\n", "training:\n  seed: 3\n", id="seed"),
        pytest.param("rank: 2", "rank: 2\n  alpha: 7", id="alpha"),
        pytest.param("lora:", "tracking: {tracker: wandb}\nlora:", id="tracker"),
        pytest.param("lora:", "publishing: {hub_model_id: a/b}\nlora:", id="publishing"),
        pytest.param("lora:", "lokr: {factor: 4}\nlora:", id="shape of another method"),
    ],
)
def test_the_key_stays_with_everything_else(tmp_path: Path, old: str, new: str) -> None:
    assert old in CONFIG

    assert key_of(tmp_path, CONFIG.replace(old, new)) == key_of(tmp_path)


def test_the_key_changes_with_the_shape_of_a_lokr(tmp_path: Path) -> None:
    smaller = LOKR.replace(LORA, "lokr: {factor: 4}\n")

    assert key_of(tmp_path, smaller) != key_of(tmp_path, LOKR)
    assert key_of(tmp_path, LOKR.replace("rank: 2", "rank: 3")) == key_of(tmp_path, LOKR)


@pytest.mark.parametrize(
    "gpus",
    [
        pytest.param((Accelerator("NVIDIA A10", 23034, "570.1", (8, 9)),), id="GPU"),
        pytest.param((Accelerator("NVIDIA L4", 23034, "580.2", (8, 9)),), id="driver"),
        pytest.param((L4, L4), id="number"),
        pytest.param((), id="CPU"),
    ],
)
def test_the_key_changes_with_the_machine(tmp_path: Path, gpus: tuple[Accelerator, ...]) -> None:
    assert key_of(tmp_path, gpus=gpus) != key_of(tmp_path)


@pytest.mark.parametrize("package", ["torch", "simpletuner"])
def test_the_key_changes_with_the_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    before = key_of(tmp_path)
    monkeypatch.setattr(
        "tuner_kit.preflight.probe_record.version",
        lambda name: "99.0" if name == package else version(name),
    )

    assert key_of(tmp_path) != before


def test_the_key_does_not_change_with_the_folder_of_an_embedded_model(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()

    assert key_of(other) == key_of(tmp_path)


# ---------------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[:-20], id="cut short"),
        pytest.param(
            lambda text: text.replace('"schema_version": 1', '"schema_version": 2'),
            id="newer version",
        ),
        pytest.param(lambda text: text.replace('"captions"', '"dancing"'), id="unknown phase"),
        pytest.param(lambda text: text.replace("abc", "abd"), id="another key"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_damaged_record_is_ignored(damage: Callable[[str], str]) -> None:
    path = record_path("abc")
    write_model_atomically(path, a_record())
    assert read_probe("abc") == a_record()

    path.write_text(damage(path.read_text()))

    assert read_probe("abc") is None


def test_nothing_was_measured_at_first(project: Project) -> None:
    assert find_probe(load_config(project.config_path), (L4,)) is None


@pytest.mark.parametrize(
    ("gpu", "is_found"),
    [
        pytest.param(None, True, id="this machine"),
        pytest.param("L4", True, id="its own GPU"),
        pytest.param("RTX 4090", False, id="another GPU"),
    ],
)
def test_a_measurement_counts_for_its_own_gpu_only(
    project: Project, gpu: str | None, *, is_found: bool
) -> None:
    if gpu is not None:
        project.edit("lora:", f"hardware: {{gpu: {gpu}}}\nlora:")
    file = load_config(project.config_path)
    key = probe_key(file, (L4,))
    write_model_atomically(record_path(key), a_record(key=key))

    assert (find_probe(file, (L4,)) is not None) is is_found


@pytest.mark.usefixtures("project")
def test_a_record_says_when_and_with_what() -> None:
    path = record_path("abc")
    write_model_atomically(path, a_record())

    written = json.loads(path.read_text())

    assert written["measured_at"].startswith("2026-01-31T12:00")
    assert written["versions"] == {"torch": "2.11.0"}


# ---------------------------------------------------------------------------- the plan


def a_record(*, key: str = "abc", ran_out: RanOut | None = None) -> ProbeRecord:
    return ProbeRecord(
        key=key,
        measured_at=NOON,
        versions={"torch": "2.11.0"},
        device="NVIDIA L4",
        device_memory_gib=22.5,
        phases=(
            MeasuredPhase(phase=Phase.CAPTIONS, gpu_gib=11.0, ram_gib=6.0, seconds=9),
            MeasuredPhase(phase=Phase.TRAINING, gpu_gib=18.0, ram_gib=5.0, seconds=2),
        ),
        seconds_per_step=2.0 if ran_out is None else None,
        ran_out=ran_out,
    )


def some_costs() -> RunCosts:
    def phase(name: Phase, gpu: Estimate) -> PhaseMemory:
        return PhaseMemory(name, gpu, Estimate(2, 4, 8), {"everything": gpu})

    return RunCosts(
        phases=(
            phase(Phase.CAPTIONS, Estimate(8, 10, 14)),
            phase(Phase.TRAINING, Estimate(14, 16, 20)),
        ),
        disk_gib=Estimate(1, 2, 3),
        hours=Estimate(1, 2, 4),
        seconds_per_step=Estimate(1, 2.5, 4),
        num_steps=900,
    )


def test_measured_memory_takes_the_place_of_the_estimate() -> None:
    costs = apply_probe(some_costs(), a_record())

    captions, training = costs.phases
    assert training.gpu.low == pytest.approx(17.1)
    assert training.gpu.likely == 18.0
    assert training.gpu.high == pytest.approx(18.9)
    assert captions.ram.likely == 6.0
    assert captions.ram.high == pytest.approx(6.6)
    assert "measured" in training.parts


def test_measured_steps_change_the_hours_by_as_much() -> None:
    costs = apply_probe(some_costs(), a_record())

    assert costs.seconds_per_step == Estimate(1.8, 2.0, 2.2)
    assert costs.hours is not None
    # 900 steps were a quarter of an hour for each second of a step.
    assert costs.hours.low == pytest.approx(1 + (1.8 - 1) / 4)
    assert costs.hours.likely == pytest.approx(2 + (2.0 - 2.5) / 4)
    assert costs.hours.high == pytest.approx(4 + (2.2 - 4) / 4)


def test_measured_values_are_marked() -> None:
    before = dict(some_costs().in_words())
    after = dict(apply_probe(some_costs(), a_record()).in_words())

    assert not any("measured" in text for text in before.values())
    assert after["GPU memory"].endswith("training, measured")
    assert after["RAM"].endswith("measured")
    assert after["time"].endswith("measured")
    assert "measured" not in after["disk"]


def test_a_cpu_has_measured_ram_and_no_hours() -> None:
    cpu = RunCosts(some_costs().phases, Estimate(1, 2, 3), None, None)
    record = a_record().model_copy(
        update={"phases": (MeasuredPhase(phase=Phase.CAPTIONS, ram_gib=6.0, seconds=9),)}
    )

    costs = apply_probe(cpu, record)

    assert costs.hours is None
    assert costs.seconds_per_step == Estimate(1.8, 2.0, 2.2)
    assert costs.phases[0].gpu == cpu.phases[0].gpu


def test_a_phase_that_ran_out_needs_more_than_the_gpu_has() -> None:
    ran_out = RanOut(phase=Phase.TRAINING, memory="GPU memory")

    costs = apply_probe(some_costs(), a_record(ran_out=ran_out))

    captions, training = costs.phases
    assert captions.gpu.likely == 11.0
    assert training.gpu == Estimate(22.5, 22.5, 22.5)
    assert "GPU memory" not in costs.measured
    assert costs.hours == some_costs().hours


def test_a_process_that_was_killed_needs_more_ram_than_it_held() -> None:
    costs = apply_probe(some_costs(), a_record(ran_out=RanOut(phase=Phase.TRAINING, memory="RAM")))

    assert costs.phases[1].ram == Estimate(5.0, 5.0, 8)
    assert costs.phases[1].gpu == some_costs().phases[1].gpu
