"""Results of which a run has several: each in a folder that gets its name when all is there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.layout import next_label


@dataclass(frozen=True, slots=True)
class LabeledResult:
    """Where a result is while it is made, and where it will be."""

    label: str
    partial: Path
    target: Path


@contextmanager
def next_result(folder: Path, kind: str) -> Iterator[LabeledResult]:
    """Give a new folder to work in; it gets its name, `style-002`, unless the work fails.

    Raises:
        MachineError: the disk is full, or the folder may not be written.
    """
    label = next_label(folder, kind)
    target = folder / label
    partial = target.with_name(f"{label}.partial")
    with explain_disk_errors(folder):
        # What a failed attempt left is no part of this one.
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    yield LabeledResult(label, partial, target)
    partial.rename(target)
