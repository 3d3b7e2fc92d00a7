"""Finds runs on disk by folder, by name, or the newest."""

from pathlib import Path

from tuner_kit.config.suggest import did_you_mean
from tuner_kit.errors import Problem, RunStateError
from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import load_manifest

_MARKERS = ("tuner.yaml", "manifest.json")


def list_runs(runs_dir: Path) -> tuple[Run, ...]:
    """Return every run in a folder, newest first."""
    if not runs_dir.is_dir():
        return ()
    runs = [Run(path) for path in runs_dir.iterdir() if _is_run(path)]
    return tuple(sorted(runs, key=_changed_at, reverse=True))


def find_run(runs_dir: Path, name: str | None) -> Run:
    """Return the run of that name or folder; without a name, the newest finished one.

    Raises:
        RunStateError: there is none (R01), or none is finished (R04).
    """
    if name is None:
        return _newest_finished(runs_dir)
    as_folder = Path(name).expanduser()
    for candidate in (runs_dir / name, as_folder):
        if _is_run(candidate):
            return Run(candidate.resolve())
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
        if load_manifest(run).last("train") is not None and run.adapter_path.is_file():
            return Run(run.dir.resolve())
    problem = Problem(
        id="R04",
        what="no finished run was found",
        where=str(runs_dir),
        fix="train one with `tuner-kit train`, or name a run's folder with --run",
    )
    raise RunStateError(problem)


def _is_run(path: Path) -> bool:
    return path.is_dir() and any((path / marker).is_file() for marker in _MARKERS)


def _changed_at(run: Run) -> float:
    return max(
        (path.stat().st_mtime for path in (run.manifest_path, run.config_path) if path.is_file()),
        default=0.0,
    )
