"""Reads everything that a report is built on into one value."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tuner_kit.config.load import load_config
from tuner_kit.config.run_config import RunConfig
from tuner_kit.data.walk import IMAGE_SUFFIXES
from tuner_kit.process.messages import AdapterSummary, GenerateResult, ScoreStyleResult
from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.runs.records import (
    Manifest,
    Outcome,
    ProcessRecord,
    StageRecord,
    load_manifest,
    load_outcome,
    load_record,
)
from tuner_kit.runs.status import RunStatus, derive_status
from tuner_kit.simpletuner.checkpoints import list_checkpoints
from tuner_kit.simpletuner.metrics import TrainedStep
from tuner_kit.simpletuner.training_results import (
    ValidationPicture,
    list_training_folders,
    list_validation_pictures,
    read_trained_steps,
)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt at training; both records are null where it left none."""

    name: str
    process: ProcessRecord | None
    outcome: Outcome | None

    @property
    def seconds(self) -> float | None:
        """Wall time of the trainer."""
        if self.process is None or self.outcome is None:
            return None
        return (self.outcome.ended_at - self.process.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """An image as the trainer got it."""

    path: Path
    caption: str


@dataclass(frozen=True, slots=True)
class Samples:
    """The pictures of one `generate`."""

    dir: Path
    record: StageRecord
    result: GenerateResult


@dataclass(frozen=True, slots=True)
class StyleEvaluation:
    """What was found about a style in generated pictures."""

    dir: Path
    result: ScoreStyleResult


@dataclass(frozen=True, slots=True)
class RunMaterial:
    """All that is known about a run."""

    run: Run
    config: RunConfig
    status: RunStatus
    train: StageRecord | None
    """The record of the finished training."""
    adapter: AdapterSummary | None
    attempts: tuple[AttemptRecord, ...]
    steps: tuple[TrainedStep, ...]
    checkpoint_steps: tuple[int, ...]
    validation: tuple[ValidationPicture, ...]
    training_images: tuple[TrainingImage, ...]
    """Empty where the run's cache was removed."""
    samples: Samples | None
    style: StyleEvaluation | None
    """The newest one."""
    versions: dict[str, str]


def collect_material(run: Run) -> RunMaterial:
    """Read a run; what is missing or damaged is left out.

    Raises:
        ConfigError: the run has no readable tuner.yaml.
        RunStateError: the manifest is damaged.
    """
    manifest = load_manifest(run)
    attempts = run.attempts()
    train = manifest.last("train")
    return RunMaterial(
        run=run,
        config=load_config(run.config_path).config,
        status=derive_status(run),
        train=train,
        adapter=_load_adapter(train),
        attempts=tuple(_load_attempt(attempt) for attempt in attempts),
        steps=read_trained_steps(run.metrics_path),
        checkpoint_steps=tuple(c.step for c in list_checkpoints(run.checkpoints_dir)),
        validation=list_validation_pictures(run.validation_dir),
        training_images=_list_training_images(run, attempts),
        samples=_load_samples(run, manifest),
        style=_load_style(run, manifest),
        versions=_load_versions(attempts),
    )


def list_sources(run: Run) -> tuple[Path, ...]:
    """Return the files that decide what the report says, in a stable order."""
    pictures = sorted(run.validation_dir.glob("*.png"))
    samples = sorted(run.samples_dir.glob("*/*"))
    evaluations = sorted(run.evaluations_dir.glob("*/*"))
    outcomes = [attempt.outcome_path for attempt in run.attempts()]
    single = [run.config_path, run.metrics_path, *run.result_weights()]
    several = (*single, *outcomes, *pictures, *samples, *evaluations)
    return tuple(path for path in several if path.is_file())


def _load_attempt(attempt: Attempt) -> AttemptRecord:
    process = load_record(attempt.process_path, ProcessRecord)
    return AttemptRecord(attempt.dir.name, process, load_outcome(attempt))


def _load_adapter(train: StageRecord | None) -> AdapterSummary | None:
    try:
        return AdapterSummary.model_validate(train.summary["adapter"]) if train else None
    except (KeyError, ValidationError):
        return None


def _load_versions(attempts: tuple[Attempt, ...]) -> dict[str, str]:
    try:
        found = json.loads(attempts[-1].versions_path.read_bytes())
    except (IndexError, OSError, ValueError):
        return {}
    return {str(name): str(version) for name, version in found.items()}


def _list_training_images(run: Run, attempts: tuple[Attempt, ...]) -> tuple[TrainingImage, ...]:
    folders = list_training_folders(run, attempts[-1]) if attempts else ()
    return tuple(
        TrainingImage(path, _read_caption(path))
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
    )


def _read_caption(image_path: Path) -> str:
    try:
        return image_path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _load_samples(run: Run, manifest: Manifest) -> Samples | None:
    """Return the newest comparison with the base model; without any, the newest pictures."""
    found = [
        samples
        for record in reversed(manifest.stages)
        if record.stage == "generate" and (samples := _load_sample(run, record)) is not None
    ]
    compared = [samples for samples in found if _is_comparison(samples.result)]
    return next(iter([*compared, *found]), None)


def _load_sample(run: Run, record: StageRecord) -> Samples | None:
    folder = run.samples_dir / record.label
    try:
        result = GenerateResult.model_validate_json((folder / "result.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return Samples(folder, record, result)


def _load_style(run: Run, manifest: Manifest) -> StyleEvaluation | None:
    record = manifest.last("evaluate")
    if record is None:
        return None
    folder = run.evaluations_dir / record.label
    try:
        content = (folder / "result.json").read_bytes()
        return StyleEvaluation(folder, ScoreStyleResult.model_validate_json(content))
    except (OSError, ValidationError):
        return None


def _is_comparison(result: GenerateResult) -> bool:
    return {image.variant for image in result.images} == {"base", "tuned"}
