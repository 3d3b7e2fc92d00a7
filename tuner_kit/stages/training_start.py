"""What happens before the trainer starts: the run's folder, the views, the files."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from tuner_kit import __version__
from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.config.run_config import RunConfig
from tuner_kit.data.split_record import DatasetSplit, write_split
from tuner_kit.data.view import build_view
from tuner_kit.errors import Problem, RunStateError, raise_for_errors
from tuner_kit.preflight.base_model import resolve_base_model
from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.preflight.model_rules import is_local_folder
from tuner_kit.process.environment import child_environment
from tuner_kit.runs.atomic import write_text_atomically
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.layout import Run
from tuner_kit.runs.status import RunStatus, derive_status
from tuner_kit.simpletuner.checkpoints import list_checkpoints, newest_whole_step, set_aside
from tuner_kit.simpletuner.file_schemas import check_trainer_files
from tuner_kit.simpletuner.job import TrainerJob, build_job
from tuner_kit.simpletuner.launch import write_job
from tuner_kit.simpletuner.training_files import ImageFolder, TrainingInputs

_TRAINING_PACKAGES = ("simpletuner", "torch", "diffusers", "transformers", "peft", "accelerate")


def make_way(run: Run, file: ConfigFile, *, force: bool) -> None:
    """Make sure that a training may start in the run's folder.

    Args:
        run: where the training would go.
        file: what is asked now.
        force: remove what an earlier training left.

    Raises:
        RunStateError: it is being trained (R03), finished (R02), or was begun with
            something that a checkpoint can't continue from (R05).
    """
    status = derive_status(run)
    if status is RunStatus.RUNNING:
        raise RunStateError(_busy(run))
    if force:
        with explain_disk_errors(run.dir):
            _empty(run)
    elif status is RunStatus.FINISHED:
        raise RunStateError(_finished(run))
    elif newest_whole_step(run.checkpoints_dir) and run.config_path.is_file():
        _verify_continuable(run, file)


def prepare_job(run: Run, file: ConfigFile, datasets: Sequence[ExaminedDataset]) -> TrainerJob:
    """Build the private image folders and write the trainer's files."""
    with explain_disk_errors(run.dir):
        views = tuple(_build_image_folders(run, datasets))
    write_split(run.split_path, [_split_of(dataset) for dataset in datasets])
    inputs = TrainingInputs(
        config=file.config,
        base_model=resolve_base_model(file),
        run=run,
        attempt=run.next_attempt(),
        views=views,
    )
    job = build_job(inputs, child_environment())
    raise_for_errors(
        check_trainer_files(dict(job.files.config), [dict(e) for e in job.files.backend])
    )
    asked = dump_complete(file, run)
    if not (is_trained(job) and _asked_the_same(job, asked)):
        _set_unusable_aside(job)
    write_text_atomically(run.config_path, asked)
    write_job(job, installed_versions())
    return job


def is_trained(job: TrainerJob) -> bool:
    """Whether an earlier attempt did every step and left all of its results."""
    return (
        newest_whole_step(job.run.checkpoints_dir) == job.total_steps
        and job.trained_path.is_file()
        and all(path.is_file() for path in job.expected_images)
    )


def _asked_the_same(job: TrainerJob, asked: str) -> bool:
    """Whether the attempt before this one had the same configuration and images.

    Its weights are no answer to another question: a higher learning rate, for instance.
    """
    backend = [dict(entry) for entry in job.files.backend]
    try:
        before = json.loads(job.run.attempts()[-1].backend_path.read_bytes())
        return before == backend and job.run.config_path.read_text(encoding="utf-8") == asked
    except (OSError, ValueError, IndexError):
        return False


def _set_unusable_aside(job: TrainerJob) -> None:
    """Leave the trainer only checkpoints that it continues from correctly.

    It loads a damaged step counter without a word, and trains one step more than asked
    when it finds a checkpoint of the last step (both seen with SimpleTuner 4.10.1).
    """
    set_aside(
        checkpoint
        for checkpoint in list_checkpoints(job.run.checkpoints_dir)
        if not checkpoint.is_whole or checkpoint.step >= job.total_steps
    )
    # Results of an earlier attempt must not pass for those of the next.
    for path in (job.trained_path, *job.expected_images):
        path.unlink(missing_ok=True)


def dump_complete(file: ConfigFile, run: Run) -> str:
    """Write the configuration with every default, its paths relative to the run."""
    data = json.loads(file.config.model_dump_json())
    for entry in data["datasets"]:
        entry["path"] = _relative(file.resolve(Path(entry["path"])), run)
    if is_local_folder(file.config.model.base, file):
        data["model"]["base"] = _relative(file.resolve(Path(file.config.model.base)), run)
    data["paths"]["runs_dir"] = ".."
    stream = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(data, stream)
    return stream.getvalue()


def installed_versions() -> Mapping[str, str]:
    """Return the versions of the packages that decide what training does."""
    found = {"tuner-kit": __version__}
    for name in _TRAINING_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _relative(path: Path, run: Run) -> str:
    text = os.path.relpath(path, run.dir)
    return text if text.startswith("..") else f"./{text}"


def _build_image_folders(run: Run, datasets: Sequence[ExaminedDataset]) -> Iterator[ImageFolder]:
    for index, dataset in enumerate(datasets):
        for plan in dataset.parts:
            images = partial(dataset.training_images, plan.part)
            view = build_view(images, dataset.snapshot.root, run.cache_dir)
            yield ImageFolder(
                dir=view.dir,
                fingerprint=view.fingerprint,
                buckets=plan.buckets,
                dataset_index=index,
                part=plan.part.name,
                is_regularization=plan.part.is_regularization,
            )


def _split_of(dataset: ExaminedDataset) -> DatasetSplit:
    usable = replace(dataset.selection, held_out=frozenset())
    images = (image.record for image in usable.images(dataset.snapshot))
    return DatasetSplit(images, dataset.selection.held_out)


def _empty(run: Run) -> None:
    """Remove what runs are made of; whatever else lies in the folder is not ours.

    The cache stays: its files are named by what they were made from, so none can be stale.
    """
    run.manifest_path.unlink(missing_ok=True)  # first: without it nothing counts as complete
    run.split_path.unlink(missing_ok=True)
    for folder in (
        run.training_dir,
        run.samples_dir,
        run.evaluations_dir,
        run.report_path.parent,
        run.logs_dir,
    ):
        if folder.is_symlink():
            folder.unlink()
        elif folder.is_dir():
            shutil.rmtree(folder)


def _verify_continuable(run: Run, file: ConfigFile) -> None:
    """A checkpoint of another shape or optimizer stops the trainer, after minutes."""
    earlier = load_config(run.config_path)
    changed = [
        name
        for name, before, now in (
            *_shape_of_both(earlier.config, file.config),
            ("model.base", _base_of(earlier), _base_of(file)),
        )
        if before != now
    ]
    if changed:
        problem = Problem(
            id="R05",
            what=f"run {run.name} was begun with another {', '.join(changed)}",
            where=str(run.dir),
            fix="give this run another name, or start over with --force",
        )
        raise RunStateError(problem)


def _shape_of_both(earlier: RunConfig, now: RunConfig) -> tuple[tuple[str, object, object], ...]:
    return (
        ("training.method", earlier.training.method, now.training.method),
        *_adapter_shapes(earlier, now),
        ("training.optimizer", earlier.training.optimizer, now.training.optimizer),
        ("hardware.num_gpus", earlier.hardware.num_gpus, now.hardware.num_gpus),
        ("model.family", earlier.model.family, now.model.family),
        ("model.revision", earlier.model.revision, now.model.revision),
    )


def _adapter_shapes(earlier: RunConfig, now: RunConfig) -> tuple[tuple[str, object, object], ...]:
    """Compare what decides the adapter's tensors; a full fine-tune has none."""
    if now.training.method == "lora":
        return (
            ("lora.rank", earlier.lora.rank, now.lora.rank),
            ("lora.alpha", earlier.lora.alpha, now.lora.alpha),
        )
    return (("lokr", earlier.lokr, now.lokr),) if now.training.method == "lokr" else ()


def _base_of(file: ConfigFile) -> str:
    """Name the base model: each file writes a folder relative to itself."""
    base = file.config.model.base
    return str(file.resolve(Path(base))) if is_local_folder(base, file) else base


def _busy(run: Run) -> Problem:
    return Problem(
        id="R03",
        what=f"run {run.name} is being trained",
        where=str(run.dir),
        fix="wait until it ends: `tuner-kit runs` shows its step",
    )


def _finished(run: Run) -> Problem:
    return Problem(
        id="R02",
        what=f"run {run.name} is finished already",
        where=str(run.dir),
        fix="give the new run another name, or replace it with --force",
    )
