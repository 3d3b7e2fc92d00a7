"""Rules about the machine: disk and accelerator."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tuner_kit.catalog.base_models import EMBEDDED_PREFIX
from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.accelerators import find_accelerators

_MIB = 2**20
_UNKNOWN_NEEDS_MIB = 10_000
"""Caches, checkpoints and pictures of a LoRA run on a model that the plan doesn't know."""


def check_machine(file: ConfigFile, needed_mib: int | None = None) -> Iterator[Problem]:
    """Find what this machine lacks for the run.

    Args:
        file: the configuration.
        needed_mib: disk space that the run is likely to need; None where it isn't known.
    """
    is_tiny = file.config.model.base.startswith(EMBEDDED_PREFIX)
    runs_dir = file.resolve(file.config.paths.runs_dir)
    yield from check_writable(runs_dir, where=file.source.locate(("paths", "runs_dir")))
    needed_mib = _UNKNOWN_NEEDS_MIB if needed_mib is None else needed_mib
    yield from check_disk(runs_dir, needed_mib=needed_mib)
    is_elsewhere = file.config.hardware.gpu is not None
    num_here, wanted = len(find_accelerators()), file.config.hardware.num_gpus
    if not is_elsewhere and 0 < num_here < wanted:
        yield Problem(
            id="M07",
            what=f"num_gpus is {wanted}, and this machine has {num_here}",
            where=file.source.locate(("hardware", "num_gpus")),
            fix=f"set num_gpus to {num_here}, or name the other machine's GPU in hardware.gpu",
        )
    if not is_tiny and not is_elsewhere and num_here == 0:
        yield Problem(
            id="M02",
            severity=Severity.WARNING,
            what="no GPU was found; a full-size model takes minutes per step without one",
            where="this machine",
            fix="train on a machine with a GPU, or try the flow with --preset tiny-lora",
        )


def check_writable(folder: Path, *, where: str) -> Iterator[Problem]:
    """Find out whether `folder` exists and may be written, or can be made."""
    existing = _nearest_existing(folder)
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return
    reason = "may not be written" if existing.is_dir() else "is not a folder"
    yield Problem(
        id="M04",
        what=f"{existing} {reason}, so the run can't be kept in {folder}",
        where=where,
        fix="set paths.runs_dir to a folder that you may write",
    )


def check_disk(folder: Path, *, needed_mib: int) -> Iterator[Problem]:
    """Compare the free space where `folder` is, or will be, with what is needed."""
    existing = _nearest_existing(folder)
    free_mib = shutil.disk_usage(existing).free // _MIB
    if free_mib < needed_mib:
        yield Problem(
            id="M01",
            what=f"{free_mib} MiB are free, the run needs about {needed_mib} MiB",
            where=str(existing),
            fix="free space, or set paths.runs_dir to a folder on another disk",
        )


def _nearest_existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there and can be seen."""
    for path in (folder, *folder.parents):
        with contextlib.suppress(PermissionError):
            if path.exists():
                return path
    return Path(folder.anchor)
