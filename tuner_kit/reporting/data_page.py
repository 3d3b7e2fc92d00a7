"""A dataset as one page: what will be trained on, and what falls out or is questionable."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from tuner_kit import __version__
from tuner_kit.catalog.problems import PROBLEM_TITLES
from tuner_kit.catalog.templates import templates_dir
from tuner_kit.data.records import Caption, SkippedFile, printable
from tuner_kit.errors import Problem, Severity
from tuner_kit.rendering.templates import render_template
from tuner_kit.reporting.data_sheets import (
    DataSheets,
    Fate,
    FindingSheet,
    Names,
    SheetImage,
    sort_by_severity,
)
from tuner_kit.reporting.formats import plural
from tuner_kit.reporting.planned_dataset import (
    describe_cache,
    describe_epoch,
    describe_target,
    describe_uses,
)
from tuner_kit.reporting.sections import Fact
from tuner_kit.reporting.shape_tables import ShapeTable, build_shape_tables
from tuner_kit.reporting.thumbnails import ShownImage
from tuner_kit.simpletuner.dataset_plan import DatasetPlan

_MAX_CAPTION = 280
_CAPTION_FINDINGS = frozenset({"D05", "D09", "D10", "D22", "D23", "D24", "D25", "D26"})
"""Findings about words that are there; D03 and D04 are about none."""
_KINDS = {Fate.TRAINED: "trained", Fate.HELD_OUT: "held", Fate.FALLEN: "fallen"}
"""Names of colors in the style sheet."""
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMaterial:
    """What a page is made of."""

    name: str
    root: Path
    """The folder that was read, which isn't the one that was named for a dataset of the Hub."""
    problems: Sequence[Problem]
    plan: DatasetPlan | None
    """None where the folder can't be read; then there are no sheets either."""
    sheets: DataSheets | None
    pictures: Mapping[str, ShownImage]
    """By the names of the images on the sheets."""
    is_decoded: bool
    """Damage and copies were looked for."""
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tile:
    """One image of a contact sheet."""

    name: str
    size: str
    """Empty where it isn't known."""
    mark: str
    """What becomes of the image, where that isn't training."""
    kind: str
    """Name of the mark's color in the style sheet."""
    caption: str
    """Empty where the finding isn't about captions."""
    picture: ShownImage


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding with its contact sheet."""

    anchor: str
    id: str
    severity: str
    title: str
    what: str
    where: str
    fix: str
    groups: tuple[tuple[Tile, ...], ...]
    is_grouped: bool
    has_captions: bool
    others: tuple[SkippedFile, ...]
    more: Names
    num_files: int


@dataclass(frozen=True, slots=True)
class Use:
    """Images of one fate, as a piece of a bar."""

    title: str
    kind: str
    """Name of its color in the style sheet."""
    count: int
    start_percent: float
    percent: float


@dataclass(frozen=True, slots=True)
class DataPage:
    """Everything on the page."""

    name: str
    verdict: str
    uses: tuple[Use, ...]
    facts: tuple[Fact, ...]
    shapes: tuple[ShapeTable, ...]
    findings: tuple[Finding, ...]
    held_out: tuple[Tile, ...]
    more_held_out: Names
    left_out: tuple[SkippedFile, ...]
    num_left_out: int
    is_decoded: bool
    written_at: str
    version: str


def build_data_page(material: DataMaterial) -> DataPage:
    """Build the page; a folder that can't be read has its findings only."""
    plan, sheets = material.plan, material.sheets
    listed = sheets.findings if sheets else _without_sheets(material.problems)
    written_at = material.written_at
    return DataPage(
        name=material.name,
        verdict=describe_verdict(plan, material.problems),
        uses=_uses(plan) if plan else (),
        facts=_facts(plan) if plan else (),
        shapes=build_shape_tables(plan) if plan else (),
        findings=tuple(_finding(material, number, sheet) for number, sheet in enumerate(listed, 1)),
        held_out=_tiles(material, sheets.held_out) if sheets else (),
        more_held_out=sheets.more_held_out if sheets else Names(),
        left_out=tuple(map(_printable_file, sheets.left_out)) if sheets else (),
        num_left_out=sheets.num_left_out if sheets else 0,
        is_decoded=material.is_decoded,
        written_at=f"{written_at:%Y-%m-%d %H:%M %Z}".strip() if written_at else "",
        version=__version__,
    )


def render_data_page(page: DataPage) -> str:
    """Render the page with its style sheets inside; the text can be written as UTF-8."""
    paths = (templates_dir() / name for name in ("report/report.css", "dataset/dataset.css"))
    css = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    html = render_template("dataset/index.html.j2", {"page": page, "css": Markup(css)})  # noqa: S704 - our own files
    # A folder's name need not be valid UTF-8; it stands in the sentences of findings too.
    return html.encode("utf-8", "backslashreplace").decode("utf-8")


def name_of(dataset_dir: Path) -> str:
    """Name a folder without the folders above it: a page will be sent around."""
    return printable(dataset_dir.absolute().resolve().name or str(dataset_dir))


def describe_verdict(plan: DatasetPlan | None, problems: Sequence[Problem]) -> str:
    """Say in a sentence or two what becomes of the images, and whether a training can start."""
    num_errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if plan is None:
        return "This folder can't be read as a dataset."
    verdict = f"{plural(plan.num_images, 'image')}: {describe_uses(plan)}."
    if num_errors == 0:
        return f"{verdict} This folder can be trained on."
    things = "1 thing is" if num_errors == 1 else f"{num_errors} things are"
    return f"{verdict} No training starts before {things} repaired."


def _uses(plan: DatasetPlan) -> tuple[Use, ...]:
    counts = {
        Fate.TRAINED: plan.num_trained,
        Fate.HELD_OUT: plan.num_held_out,
        Fate.FALLEN: plan.num_fallen_out,
    }
    uses: list[Use] = []
    start = 0.0
    for fate, count in counts.items():
        percent = 100 * count / max(plan.num_images, 1)
        title = "fall out" if fate is Fate.FALLEN and count != 1 else fate.value
        uses.append(Use(title, _KINDS[fate], count, start, percent))
        start += percent
    return tuple(uses)


def _facts(plan: DatasetPlan) -> tuple[Fact, ...]:
    return (
        Fact("layout", plan.layout),
        Fact("captions", f"{plan.num_captions:,} of {plural(plan.num_images, 'image')}"),
        Fact("trained as", describe_target(plan)),
        Fact("epoch", describe_epoch(plan)),
        Fact("cache on disk", describe_cache(plan)),
    )


def _without_sheets(problems: Sequence[Problem]) -> tuple[FindingSheet, ...]:
    return tuple(
        FindingSheet(
            problem=problem,
            groups=(),
            is_grouped=False,
            others=(),
            more=Names(problem.files),
        )
        for problem in sort_by_severity(problems)
    )


def _finding(material: DataMaterial, number: int, sheet: FindingSheet) -> Finding:
    problem = sheet.problem
    shows_captions = problem.id in _CAPTION_FINDINGS
    return Finding(
        anchor=f"finding-{number}",
        id=problem.id,
        severity=problem.severity.value,
        title=_capitalize(PROBLEM_TITLES[problem.id]),
        what=_mask(problem.what, material),
        where=_mask(problem.where, material),
        fix=problem.fix,
        groups=tuple(
            _tiles(material, group, shows_captions=shows_captions) for group in sheet.groups
        ),
        is_grouped=sheet.is_grouped,
        has_captions=shows_captions,
        others=sheet.others,
        more=sheet.more,
        num_files=len(problem.files),
    )


def _capitalize(title: str) -> str:
    return title[:1].upper() + title[1:]


def _mask(text: str, material: DataMaterial) -> str:
    """Leave out the folders above the dataset's."""
    is_long = material.root.is_absolute() and len(material.root.parts) > 1
    return text.replace(str(material.root), material.name) if is_long else text


def _tiles(
    material: DataMaterial, images: Sequence[SheetImage], *, shows_captions: bool = False
) -> tuple[Tile, ...]:
    return tuple(_tile(image, material.pictures, shows_captions=shows_captions) for image in images)


def _tile(image: SheetImage, pictures: Mapping[str, ShownImage], *, shows_captions: bool) -> Tile:
    record, header = image.record, image.record.header
    return Tile(
        name=printable(record.name),
        size=f"{header.width_px} x {header.height_px} px" if header else "",
        mark="" if image.fate is Fate.TRAINED else image.fate.value,
        kind=_KINDS[image.fate],
        caption=describe_caption(record.caption) if shows_captions else "",
        picture=pictures[record.name],
    )


def describe_caption(caption: Caption | None) -> str:
    """Write a caption as a person would look for it; a long one is cut."""
    if caption is None:
        return "(no caption)"
    if caption.text is None:
        meant = f"; meant is perhaps: {caption.repaired_text}" if caption.repaired_text else ""
        return _clean(f"({caption.problem}{meant})")
    return _clean(caption.text) or "(empty)"


def _clean(text: str) -> str:
    shown = _CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", text)
    return shown if len(shown) <= _MAX_CAPTION else f"{shown[: _MAX_CAPTION - 4]} ..."


def _printable_file(file: SkippedFile) -> SkippedFile:
    return SkippedFile(printable(file.name), file.reason)
