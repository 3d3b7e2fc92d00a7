"""Examines the datasets of a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.run_config import DatasetConfig
from tuner_kit.data.audit.length_rules import TextEncoderLimit
from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.clip_tokens import MAX_T5_TOKENS
from tuner_kit.data.find_source import as_written
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource
from tuner_kit.data.split import Side
from tuner_kit.data.split_record import read_sides
from tuner_kit.errors import AccessError, DatasetError, Problem
from tuner_kit.preflight.base_model import resolve_base_model
from tuner_kit.preflight.dataset_examination import DatasetDemands, ExaminedDataset, examine
from tuner_kit.preflight.text_limits import sd1x_limits, sd3_limits
from tuner_kit.process.worker import OnEvent
from tuner_kit.runs.layout import Run

if TYPE_CHECKING:
    from tuner_kit.preflight.run_costs import RunCosts


@dataclass(frozen=True, slots=True)
class DatasetFindings:
    """The datasets that could be read, and what is wrong with any; close it after use."""

    datasets: tuple[ExaminedDataset, ...]
    problems: tuple[Problem, ...]
    looked_at_pixels: bool
    costs: "RunCosts | None" = None
    """What the run takes; None where it can't be estimated."""

    def __enter__(self) -> Self:
        """Do nothing: they are open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close every dataset."""
        for dataset in self.datasets:
            dataset.snapshot.inventory.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """How the datasets are looked at."""

    continues: bool
    """A run that was begun before goes on: what it held out stays so."""
    repairs: bool
    """Every dataset is treated as if it had `repair: true`."""
    looks_at_pixels: bool
    """Images that are new are decoded."""


def examine_datasets(file: ConfigFile, on_event: OnEvent, way: Examination) -> DatasetFindings:
    """Examine every dataset of a configuration; problems of all of them are collected."""
    examined: list[ExaminedDataset] = []
    problems: list[Problem] = []
    # Once for all datasets: their captions are counted with the same vocabularies.
    limits = text_encoder_limits(file)
    with ExitStack() as on_error:
        for index, dataset in enumerate(file.config.datasets):
            if not file.is_sound("datasets", index, "path"):
                continue
            problems += _check_apart(file, index)
            try:
                found = examine(
                    _source(file, dataset),
                    replace(_demands(file, index, way), limits=limits),
                    on_event,
                    looks_at_pixels=way.looks_at_pixels,
                )
            except (AccessError, DatasetError) as error:
                problems += _located(error.problems, file, index)
                continue
            on_error.enter_context(found)
            examined.append(found)
            problems += found.problems
        on_error.pop_all()
    return DatasetFindings(tuple(examined), tuple(problems), way.looks_at_pixels)


def _located(problems: Sequence[Problem], file: ConfigFile, index: int) -> Iterator[Problem]:
    written = file.source.locate(("datasets", index, "path"))
    for problem in problems:
        yield replace(problem, where=f"{written} ({problem.where})")


def _source(file: ConfigFile, dataset: DatasetConfig) -> DatasetSource:
    options = LayoutOptions(dataset.instance_prompt, dataset.class_prompt)
    folder = file.resolve(dataset.path)
    return DatasetSource(folder, as_written(dataset.path), dataset.layout, options)


def _demands(file: ConfigFile, index: int, way: Examination) -> DatasetDemands:
    config, dataset = file.config, file.config.datasets[index]
    return DatasetDemands(
        policy=AuditPolicy(
            resolution_px=dataset.resolution_px,
            is_cropped=dataset.crop == "center",
            trigger_word=dataset.trigger_word,
            fallback_caption=dataset.fallback_caption,
            is_repaired=dataset.repair or way.repairs,
        ),
        train_batch_size=config.training.train_batch_size,
        gradient_accumulation_steps=config.training.gradient_accumulation_steps,
        num_gpus=config.hardware.num_gpus,
        repeats=dataset.repeats,
        holds_out=dataset.hold_out,
        earlier_sides=_earlier_sides(file, index) if way.continues else {},
        family=config.model.family,
    )


def text_encoder_limits(file: ConfigFile) -> tuple[TextEncoderLimit, ...]:
    """Give how much of a caption the configuration's base model reads."""
    if file.config.model.family == "sd1x":
        return sd1x_limits()
    folder = Path(resolve_base_model(file))
    written = file.config.simpletuner.get("tokenizer_max_length")
    max_tokens = written if isinstance(written, int) else MAX_T5_TOKENS
    return sd3_limits(folder if folder.is_dir() else None, max_tokens)


def _earlier_sides(file: ConfigFile, index: int) -> Mapping[str, Side]:
    """Recall what the images were used for, if the run was begun before."""
    return read_sides(Run(_run_dir(file)).split_path, index)


def _run_dir(file: ConfigFile) -> Path:
    return file.resolve(file.config.paths.runs_dir / file.config.name)


def _check_apart(file: ConfigFile, index: int) -> Iterator[Problem]:
    """D13: the run's files would be trained on, or --force would remove images."""
    dataset_dir = file.resolve(file.config.datasets[index].path)
    run_dir = _run_dir(file)
    is_apart = not (run_dir.is_relative_to(dataset_dir) or dataset_dir.is_relative_to(run_dir))
    if file.is_sound("paths", "runs_dir") and not is_apart:
        yield Problem(
            id="D13",
            what=f"the run {run_dir} and the images in {dataset_dir} are not apart",
            where=file.source.locate(("datasets", index, "path")),
            fix="set paths.runs_dir to a folder outside of the images, or move these",
        )
