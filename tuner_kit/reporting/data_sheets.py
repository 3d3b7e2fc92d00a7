"""Which images of a dataset a page shows for each finding; a few are kept in memory, never all.

A finding names its files as they are printed, so they are looked up by their printed names.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import PurePosixPath
from types import MappingProxyType

from tuner_kit.data.records import ImageRecord, SkippedFile, printable
from tuner_kit.data.snapshot import DatasetSnapshot, Selection
from tuner_kit.errors import Problem, Severity
from tuner_kit.simpletuner.bucket_geometry import bucket_of
from tuner_kit.simpletuner.dataset_plan import DatasetPlan

MAX_TILES = 60
"""Pictures of one finding."""
MAX_TILES_OF_PAGE = 640
"""Pictures of the whole page, at 5 to 8 KB each."""
MAX_NAMES = 400
"""Names of further files that one finding lists."""
_MAX_GROUP = 12
"""Pictures of one group of look-alikes."""

_SEVEREST_FIRST = tuple(Severity)


class Fate(StrEnum):
    """What becomes of an image."""

    TRAINED = "trained on"
    HELD_OUT = "held out"
    FALLEN = "falls out"


@dataclass(frozen=True, slots=True)
class SheetImage:
    """An image of a sheet."""

    record: ImageRecord
    fate: Fate


@dataclass(frozen=True, slots=True)
class Names:
    """Files that are not shown as pictures."""

    listed: tuple[str, ...] = ()
    num_more: int = 0
    """Not even listed."""

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.listed) + self.num_more


@dataclass(frozen=True, slots=True)
class FindingSheet:
    """A finding with the images that it is about."""

    problem: Problem
    groups: tuple[tuple[SheetImage, ...], ...]
    """Images that belong together; one group where they are only listed."""
    is_grouped: bool
    others: tuple[SkippedFile, ...]
    """Files that are no images of the dataset, with the reason."""
    more: Names


@dataclass(frozen=True, slots=True)
class DataSheets:
    """All that a page shows of the files of a dataset."""

    findings: tuple[FindingSheet, ...]
    """The severest first."""
    held_out: tuple[SheetImage, ...]
    more_held_out: Names
    left_out: tuple[SkippedFile, ...]
    num_left_out: int

    def records(self) -> Iterator[ImageRecord]:
        """Give every image that is shown, some of them several times."""
        for sheet in self.findings:
            for group in sheet.groups:
                yield from (image.record for image in group)
        yield from (image.record for image in self.held_out)


type GroupKey = Callable[[ImageRecord], Hashable | None]


def _stem(record: ImageRecord) -> Hashable:
    return PurePosixPath(record.name).with_suffix("")


def _content(record: ImageRecord) -> Hashable | None:
    return record.pixels.sha256 or None if record.pixels is not None else None


def _looks(record: ImageRecord) -> Hashable | None:
    return record.pixels.near_group or None if record.pixels is not None else None


GROUP_KEYS: Mapping[str, GroupKey] = MappingProxyType(
    {"D09": _stem, "D18": _content, "D19": _looks}
)
"""Findings about images that belong together, and what those have in common."""


def sort_by_severity(problems: Sequence[Problem]) -> list[Problem]:
    """Give errors first, then warnings, then notices."""
    return sorted(problems, key=lambda problem: _SEVEREST_FIRST.index(problem.severity))


@dataclass(frozen=True, slots=True)
class _Findings:
    """What was looked up about the files that findings name."""

    records: Mapping[str, ImageRecord]
    """By printed name."""
    groups: Mapping[str, Sequence[Sequence[ImageRecord]]]
    """By the id of the finding."""
    skipped: Mapping[str, SkippedFile]
    """By printed name."""

    def names(self) -> set[str]:
        """Name all images."""
        names = {record.name for record in self.records.values()}
        names.update(r.name for found in self.groups.values() for group in found for r in group)
        return names

    def groups_of(self, problem: Problem, limit: int) -> Sequence[Sequence[ImageRecord]]:
        """Give the images of a finding; a group is shown from its first image on."""
        if problem.id in self.groups:
            return _limit_groups(self.groups[problem.id], limit)
        images = [self.records[name] for name in problem.files[:limit] if name in self.records]
        return [images] if images else []


def collect_sheets(
    snapshot: DatasetSnapshot,
    selection: Selection,
    plan: DatasetPlan,
    problems: Sequence[Problem],
) -> DataSheets:
    """Choose what a page shows, in a few passes over the inventory."""
    ordered = sort_by_severity(problems)
    held_out = [printable(name) for name in sorted(selection.held_out)]
    limit = share_tiles([len(problem.files) for problem in ordered] + [len(held_out)])
    found = _look_up(snapshot, ordered, {*held_out[:limit], *_shown_names(ordered, limit)})
    fates = _find_fates(snapshot, selection, plan, found.names())
    kept = [found.records[name] for name in held_out[:limit] if name in found.records]
    left_out = list(islice(snapshot.inventory.skipped(), MAX_NAMES))
    return DataSheets(
        findings=tuple(_sheet(problem, found, fates, limit) for problem in ordered),
        held_out=tuple(SheetImage(record, fates[record.name]) for record in kept),
        more_held_out=_names(held_out[limit:]),
        left_out=tuple(left_out),
        num_left_out=sum(1 for _ in snapshot.inventory.skipped()),
    )


def share_tiles(counts: Sequence[int]) -> int:
    """Give how many pictures a finding may have, so that those of all fit on the page."""
    limit = MAX_TILES
    while limit > 1 and sum(min(count, limit) for count in counts) > MAX_TILES_OF_PAGE:
        limit -= 1
    return limit


def _shown_names(problems: Sequence[Problem], limit: int) -> Iterator[str]:
    return (name for problem in problems for name in problem.files[:limit])


def _look_up(snapshot: DatasetSnapshot, problems: Sequence[Problem], wanted: set[str]) -> _Findings:
    records: dict[str, ImageRecord] = {}
    for record in snapshot.inventory.records():
        if (name := printable(record.name)) in wanted:
            records.setdefault(name, record)
    skipped = {
        name: SkippedFile(name, item.reason)
        for item in snapshot.inventory.skipped()
        if (name := printable(item.name)) in wanted
    }
    return _Findings(records, _find_groups(snapshot, problems, records), skipped)


def _find_groups(
    snapshot: DatasetSnapshot, problems: Sequence[Problem], records: Mapping[str, ImageRecord]
) -> Mapping[str, Sequence[Sequence[ImageRecord]]]:
    """Find the images that belong together with those of the findings, in the names' order."""
    groups: dict[str, dict[Hashable, list[ImageRecord]]] = {}
    for problem in problems:
        if (key_of := GROUP_KEYS.get(problem.id)) is not None:
            keys = (key_of(records[name]) for name in problem.files if name in records)
            groups[problem.id] = {key: [] for key in keys if key is not None}
    if not groups:
        return {}
    for record in snapshot.inventory.records():
        for problem_id, by_key in groups.items():
            group = by_key.get(GROUP_KEYS[problem_id](record))
            if group is not None and _adds_to(group, record, problem_id):
                group.append(record)
    return {problem_id: tuple(by_key.values()) for problem_id, by_key in groups.items()}


def _adds_to(group: Sequence[ImageRecord], record: ImageRecord, problem_id: str) -> bool:
    """Whether a group gains by an image: of exact copies, look-alikes show the first."""
    if len(group) >= _MAX_GROUP:
        return False
    return problem_id != "D19" or _content(record) not in map(_content, group)


def _limit_groups(
    groups: Sequence[Sequence[ImageRecord]], limit: int
) -> Sequence[Sequence[ImageRecord]]:
    """Keep whole groups as long as they fit; the first one is always kept."""
    kept: list[Sequence[ImageRecord]] = []
    for group in groups:
        if kept and sum(map(len, kept)) + len(group) > limit:
            break
        kept.append(group)
    return kept


def _find_fates(
    snapshot: DatasetSnapshot, selection: Selection, plan: DatasetPlan, names: set[str]
) -> Mapping[str, Fate]:
    """Say what becomes of some images."""
    fates = dict.fromkeys(names, Fate.FALLEN)
    fates.update(dict.fromkeys(names & selection.held_out, Fate.HELD_OUT))
    for image in selection.images(snapshot):
        if image.record.name in names and _has_bucket(image.record, plan):
            fates[image.record.name] = Fate.TRAINED
    return fates


def _has_bucket(record: ImageRecord, plan: DatasetPlan) -> bool:
    header = record.header
    return header is not None and (
        bucket_of(
            header.width_px,
            header.height_px,
            resolution_px=plan.resolution_px,
            is_cropped=plan.is_cropped,
        )
        is not None
    )


def _sheet(
    problem: Problem, found: _Findings, fates: Mapping[str, Fate], limit: int
) -> FindingSheet:
    groups = found.groups_of(problem, limit)
    others = tuple(found.skipped[name] for name in problem.files[:limit] if name in found.skipped)
    shown = {printable(record.name) for group in groups for record in group}
    shown.update(item.name for item in others)
    return FindingSheet(
        problem=problem,
        groups=tuple(
            tuple(SheetImage(record, fates[record.name]) for record in group) for group in groups
        ),
        is_grouped=problem.id in GROUP_KEYS,
        others=others,
        more=_names([name for name in problem.files if name not in shown]),
    )


def _names(names: Sequence[str]) -> Names:
    return Names(tuple(names[:MAX_NAMES]), max(len(names) - MAX_NAMES, 0))
