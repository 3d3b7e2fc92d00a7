"""A small run on disk, as training and generating leave it, for the tests about reports."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dataset_files import write_image

from tuner_kit.process.messages import (
    AdapterSummary,
    GeneratedImage,
    GenerateResult,
    ScoreStyleResult,
)
from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.runs.records import Outcome, OutcomeStatus, ProcessRecord, StageRecord, add_stage

STARTED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PROMPTS = ("a red roof", "a flower")
ADAPTER = AdapterSummary(
    num_modules=24,
    num_parameters=98_304,
    rank=8,
    dtype="float32",
    largest_update=0.0123,
    size_mib=0.375,
)


def build_run(folder: Path, *, prompts: tuple[str, ...] = PROMPTS, trigger: str = "sks") -> Run:
    """Write a finished run of 60 steps in one attempt, without pictures."""
    run = begin_run(folder, prompts=prompts, trigger=trigger)
    write_metrics(run, range(1, 61))
    add_attempt(run, status="finished", last_step=60, seconds=41)
    write_image(run.adapter_path.with_suffix(".png")).rename(run.adapter_path)
    summary = {"steps": 60, "seconds": 41.0, "adapter": ADAPTER.model_dump(mode="json")}
    add_stage(run, record("train", "attempt-01", summary=summary))
    return run


def begin_run(folder: Path, *, prompts: tuple[str, ...] = PROMPTS, trigger: str = "sks") -> Run:
    """Write only what was asked."""
    run = Run(folder / "project" / "runs" / "demo")
    run.dir.mkdir(parents=True)
    config = {
        "name": "demo",
        "preset": "tiny-lora",
        "model": {"base": "embedded:tiny-sd3"},
        "datasets": [{"path": "../../photos", "trigger_word": trigger}],
        "training": {"max_train_steps": 60, "optimizer": "torch-adamw"},
        "validation": {"prompts": list(prompts)},
        "paths": {"runs_dir": ".."},
    }
    # JSON is YAML.
    run.config_path.write_text(json.dumps(config), encoding="utf-8")
    return run


def record(stage: str, label: str, *, summary: dict[str, object]) -> StageRecord:
    values = {
        "stage": stage,
        "label": label,
        "started_at": STARTED_AT,
        "finished_at": STARTED_AT,
        "outputs": (),
        "inputs_hash": "0",
        "summary": summary,
    }
    return StageRecord.model_validate(values)


def metrics_line(step: int, loss: float, *, seconds: float = 0.0) -> str:
    """One line as SimpleTuner 4.10.1 writes it."""
    metrics = {"epoch": 1.0, "learning_rate": 0.001, "train_loss": loss}
    at = (STARTED_AT + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    entry = {"metrics": metrics, "schema_version": 1, "step": step, "timestamp": at}
    return json.dumps(entry) + "\n"


def write_metrics(run: Run, steps: range) -> None:
    """Append half a second per step, the loss falling from 1 to 0.8."""
    run.metrics_path.parent.mkdir(parents=True, exist_ok=True)
    with run.metrics_path.open("a", encoding="utf-8") as file:
        for step in steps:
            file.write(metrics_line(step, 1 - 0.2 * step / 60, seconds=step / 2))


def add_attempt(
    run: Run,
    *,
    status: OutcomeStatus,
    last_step: int,
    seconds: float,
    reason: str | None = None,
) -> Attempt:
    attempt = run.next_attempt()
    attempt.dir.mkdir(parents=True)
    process = ProcessRecord(pid=2**22 + 1, process_started_at=0, started_at=STARTED_AT)
    write_model_atomically(attempt.process_path, process)
    outcome = Outcome(
        ended_at=STARTED_AT + timedelta(seconds=seconds),
        exit_code=0,
        status=status,
        last_step=last_step,
        reason=reason,
    )
    write_model_atomically(attempt.outcome_path, outcome)
    attempt.versions_path.write_text(json.dumps({"simpletuner": "4.10.1"}), encoding="utf-8")
    return attempt


def add_training_images(run: Run, captions: tuple[str, ...]) -> None:
    """Write the private view of the last attempt; its recorded folder is of another machine."""
    view = run.cache_dir / "view-0123456789abcdef"
    for number, caption in enumerate(captions, start=1):
        write_image(view / f"{number:05d}-photo.png", size=(128, 128), caption=caption)
    backend = [
        {"dataset_type": "image", "instance_data_dir": f"/elsewhere/runs/demo/cache/{view.name}"},
        {"dataset_type": "text_embeds"},
    ]
    run.attempts()[-1].backend_path.write_text(json.dumps(backend), encoding="utf-8")


def add_validation(run: Run, steps: tuple[int, ...], *, num_prompts: int = 2) -> None:
    for step in steps:
        for number in range(1, num_prompts + 1):
            name = f"step_{step}_prompt-{number:02d}_0_128x128.png"
            write_image(run.validation_dir / name, size=(128, 128), color=(step, number, 99))


def add_samples(
    run: Run,
    label: str,
    *,
    prompt: str = "a red roof",
    variants: tuple[str, ...] = ("base", "tuned"),
    seeds: tuple[int, ...] = (42,),
) -> Path:
    folder = run.samples_dir / label
    images = []
    for seed in seeds:
        for variant in variants:
            name = f"01-{seed}-{variant}.png"
            write_image(folder / name, size=(128, 128))
            values = {"path": name, "prompt": prompt, "seed": seed, "variant": variant}
            images.append(GeneratedImage.model_validate(values))
    result = GenerateResult(
        images=tuple(images), sheet_path=Path("sheet.png"), device="cpu", seconds=3.2
    )
    write_model_atomically(folder / "result.json", result)
    add_stage(run, record("generate", label, summary={}))
    return folder


def add_style(run: Run, label: str = "style-001") -> Path:
    """Write a comparison of eight scenes in which the tuned model has the style seven times."""
    folder = run.evaluations_dir / label
    write_image(folder / "sheet.png", size=(600, 800))
    groups = [
        {
            "variant": variant,
            "is_triggered": is_triggered,
            "num_pictures": 8,
            "num_in_style": 7 if variant == "tuned" and is_triggered else 0,
            "num_shape_right": 6,
            "num_color_right": 5,
            "num_position_right": 4,
            "num_grounds": 3,
            "num_ground_right": 2,
        }
        for variant in ("base", "tuned")
        for is_triggered in (True, False)
    ]
    values = {"style": "chalk", "trigger_word": "chk", "num_scenes": 8, "groups": groups}
    write_model_atomically(folder / "result.json", ScoreStyleResult.model_validate(values))
    add_stage(run, record("evaluate", label, summary={}))
    return folder
