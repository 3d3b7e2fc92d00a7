"""Reads the datasets of a configuration and applies the dataset rules to each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.run_config import DatasetConfig, RunConfig
from tuner_kit.data.read_folder import read_folder
from tuner_kit.data.rules import TrainingGeometry, check_dataset
from tuner_kit.data.snapshot import DatasetSnapshot
from tuner_kit.errors import DatasetError, Problem


@dataclass(frozen=True, slots=True)
class DatasetFindings:
    """The datasets that could be read, and what is wrong with any."""

    snapshots: tuple[DatasetSnapshot, ...]
    problems: tuple[Problem, ...]


def read_datasets(
    file: ConfigFile, *, on_progress: Callable[[int, int], None] | None = None
) -> DatasetFindings:
    """Read every dataset and apply every rule; problems of all of them are collected."""
    snapshots: list[DatasetSnapshot] = []
    problems: list[Problem] = []
    for index, dataset in enumerate(file.config.datasets):
        if not file.is_sound("datasets", index, "path"):
            continue
        try:
            snapshot = read_folder(file.resolve(dataset.path))
        except DatasetError as error:
            written = file.source.locate(("datasets", index, "path"))
            problems += [
                replace(found, where=f"{written} ({found.where})") for found in error.problems
            ]
            continue
        snapshots.append(snapshot)
        problems += _check_apart(file, index)
        problems += check_dataset(
            snapshot,
            _geometry(file.config, dataset),
            has_fallback_caption=dataset.fallback_caption is not None,
            on_progress=on_progress,
        )
    return DatasetFindings(tuple(snapshots), tuple(problems))


def _check_apart(file: ConfigFile, index: int) -> Iterator[Problem]:
    """D13: the run's files would be trained on, or --force would remove images."""
    dataset_dir = file.resolve(file.config.datasets[index].path)
    run_dir = file.resolve(file.config.paths.runs_dir / file.config.name)
    is_apart = not (run_dir.is_relative_to(dataset_dir) or dataset_dir.is_relative_to(run_dir))
    if file.is_sound("paths", "runs_dir") and not is_apart:
        yield Problem(
            id="D13",
            what=f"the run {run_dir} and the images in {dataset_dir} are not apart",
            where=file.source.locate(("datasets", index, "path")),
            fix="set paths.runs_dir to a folder outside of the images, or move these",
        )


def _geometry(config: RunConfig, dataset: DatasetConfig) -> TrainingGeometry:
    return TrainingGeometry(
        resolution_px=dataset.resolution_px,
        train_batch_size=config.training.train_batch_size,
        gradient_accumulation_steps=config.training.gradient_accumulation_steps,
        repeats=dataset.repeats,
        is_cropped=dataset.crop == "center",
    )
