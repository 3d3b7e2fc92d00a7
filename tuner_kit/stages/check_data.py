"""check --data: what a folder of images holds, before there is any run."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.find_source import as_written
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource
from tuner_kit.errors import AccessError, DatasetError, MachineError, Problem
from tuner_kit.preflight.dataset_examination import DatasetDemands, ExaminedDataset, examine
from tuner_kit.preflight.dataset_plan import plan_of
from tuner_kit.preflight.text_limits import sd3_limits
from tuner_kit.process.messages import Event
from tuner_kit.process.worker import OnEvent
from tuner_kit.runs.atomic import write_text_atomically
from tuner_kit.simpletuner.dataset_plan import DatasetPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuestion:
    """A folder, and the training that it shall serve."""

    data_dir: Path
    layout: str = "auto"
    instance_prompt: str | None = None
    class_prompt: str | None = None
    trigger_word: str | None = None
    fallback_caption: str | None = None
    resolution_px: int = 1024
    is_cropped: bool = True
    train_batch_size: int = 1
    gradient_accumulation_steps: int = 1
    repeats: int = 0
    repairs: bool = False
    """Judge as if damage was mended or left out in a private copy."""
    plans_only: bool = False
    """Read the headers of the images only: sizes and shapes, no damage, no duplicates."""
    page_path: Path | None = None
    """Where to write what was found as one HTML page; outside of the folder."""
    now: datetime | None = None
    """Written on the page."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """What was found out about a folder."""

    problems: tuple[Problem, ...]
    plan: DatasetPlan | None
    """None where the folder can't be read at all."""
    page_path: Path | None = None
    """Where the page was written, if one was asked for and could be."""


def check_data(question: DataQuestion, on_event: OnEvent) -> DataReport:
    """Examine a folder of images; nothing of it is written to, and no model is loaded.

    A page that can't be written is one problem more; the others are found all the same,
    unless it would be written among the images.
    """
    refusal = _refuse_page(question)
    if refusal is not None:
        return DataReport((refusal,), plan=None)
    source = DatasetSource(
        question.data_dir,
        as_written(question.data_dir),
        question.layout,
        LayoutOptions(question.instance_prompt, question.class_prompt),
    )
    try:
        examined = examine(
            source, _demands(question), on_event, looks_at_pixels=not question.plans_only
        )
    except (AccessError, DatasetError) as error:
        report = DataReport(error.problems, plan=None)
        return _with_page(question, report, None, on_event)
    with examined:
        report = DataReport(examined.problems, plan_of(examined))
        return _with_page(question, report, examined, on_event)


def _refuse_page(question: DataQuestion) -> Problem | None:
    """D13: a page among the images would be read as a part of the dataset."""
    page_path, data_dir = question.page_path, question.data_dir
    if page_path is None:
        return None
    if page_path.resolve().is_relative_to(data_dir.resolve()):
        return Problem(
            id="D13",
            what=f"the page would be written inside the dataset folder {data_dir}",
            where=str(page_path),
            fix="name a file outside the dataset",
        )
    if page_path.is_dir():
        return Problem(
            id="M04",
            what="the page can't be written: this is a folder",
            where=str(page_path),
            fix=f"name a file, for instance {page_path / 'dataset.html'}",
        )
    return None


def _with_page(
    question: DataQuestion,
    report: DataReport,
    examined: ExaminedDataset | None,
    on_event: OnEvent,
) -> DataReport:
    """Write the page, if one is wanted."""
    if question.page_path is None:
        return report
    html = _render_page(question, report, examined, on_event)
    try:
        write_text_atomically(question.page_path, html)
    except MachineError as error:
        return DataReport((*report.problems, *error.problems), report.plan)
    return DataReport(report.problems, report.plan, question.page_path)


def _render_page(
    question: DataQuestion,
    report: DataReport,
    examined: ExaminedDataset | None,
    on_event: OnEvent,
) -> str:
    # Templates and Pillow take longer to import than many a folder takes to be read.
    from tuner_kit.reporting.data_page import (
        DataMaterial,
        build_data_page,
        name_of,
        render_data_page,
    )
    from tuner_kit.reporting.data_sheets import collect_sheets
    from tuner_kit.reporting.thumbnails import make_thumbnails

    def count(done: int, total: int) -> None:
        on_event(Event(phase="making small pictures", current=done, total=total))

    sheets = None
    if examined is not None and report.plan is not None:
        sheets = collect_sheets(examined.snapshot, examined.selection, report.plan, report.problems)
    material = DataMaterial(
        name=name_of(question.data_dir),
        root=question.data_dir if examined is None else examined.snapshot.root,
        problems=report.problems,
        plan=report.plan,
        sheets=sheets,
        pictures=make_thumbnails(sheets.records(), count) if sheets is not None else {},
        is_decoded=not question.plans_only,
        written_at=question.now,
    )
    return render_data_page(build_data_page(material))


def _demands(question: DataQuestion) -> DatasetDemands:
    return DatasetDemands(
        policy=AuditPolicy(
            resolution_px=question.resolution_px,
            is_cropped=question.is_cropped,
            trigger_word=question.trigger_word,
            fallback_caption=question.fallback_caption,
            is_repaired=question.repairs,
        ),
        train_batch_size=question.train_batch_size,
        gradient_accumulation_steps=question.gradient_accumulation_steps,
        repeats=question.repeats,
        limits=sd3_limits(model_dir=None),
    )
