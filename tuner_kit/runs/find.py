"""Finds runs on disk by folder, by name, or the newest."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tuner_kit.config.suggest import did_you_mean
from tuner_kit.errors import Problem, RunStateError
from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import load_manifest

logger = logging.getLogger(__name__)

_MARKERS = ("tuner.yaml", "manifest.json")
_MADE_BY_RUNNING = ("manifest.json", "training")
"""What a run has from its first attempt on; elsewhere a tuner.yaml alone is a project's."""


def list_runs(runs_dir: Path) -> tuple[Run, ...]:
    """Return every run in a folder, newest first."""
    if not runs_dir.is_dir():
        return ()
    runs = [Run(path) for path in runs_dir.iterdir() if _has_any(path, _MARKERS)]
    return tuple(sorted(runs, key=_changed_at, reverse=True))


def find_run(runs_dir: Path, name: str | None) -> Run:
    """Return the run of that name or folder; without a name, the newest finished one.

    Raises:
        RunStateError: there is none (R01), or none is finished (R04).
    """
    if name is None:
        return _newest_finished(runs_dir)
    if Path(name).name == name and _has_any(runs_dir / name, _MARKERS):
        return Run((runs_dir / name).resolve())
    if _has_any(_as_folder(name), _MADE_BY_RUNNING):
        return Run(_as_folder(name).resolve())
    known = [run.name for run in list_runs(runs_dir)]
    problem = Problem(
        id="R01",
        what=f"there is no run {name}",
        where=str(runs_dir),
        fix=did_you_mean(name, known, otherwise="list the runs with `tuner-kit runs`"),
    )
    raise RunStateError(problem)


def _newest_finished(runs_dir: Path) -> Run:
    for run in list_runs(runs_dir):
        if _is_finished(run):
            return Run(run.dir.resolve())
    problem = Problem(
        id="R04",
        what="no finished run was found",
        where=str(runs_dir),
        fix="train one with `tuner-kit train`, or name a run's folder with --run",
    )
    raise RunStateError(problem)


def _is_finished(run: Run) -> bool:
    """Whether a run has an adapter; a damaged run must not hide the sound ones."""
    try:
        manifest = load_manifest(run)
    except RunStateError as error:
        logger.warning("%s is passed over: %s", run.dir, error)
        return False
    return manifest.last("train") is not None and run.find_result() is not None


def _has_any(folder: Path, markers: Sequence[str]) -> bool:
    try:
        return any((folder / marker).exists() for marker in markers)
    except OSError:  # a name that is too long, or a folder that others may not see
        return False


def _as_folder(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # `~name` of nobody
        return Path(name)


def _changed_at(run: Run) -> float:
    return max(
        (path.stat().st_mtime for path in (run.manifest_path, run.config_path) if path.is_file()),
        default=0.0,
    )
