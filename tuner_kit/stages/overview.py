"""overview: what runs exist, in which state."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuner_kit.catalog.base_models import title_of
from tuner_kit.config.load import load_config
from tuner_kit.errors import TunerError
from tuner_kit.runs.find import list_runs
from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import load_manifest
from tuner_kit.runs.status import derive_status
from tuner_kit.simpletuner.json_lines import size_of
from tuner_kit.simpletuner.progress import ProgressReader

_TAIL_BYTES = 2**16
"""Holds the last step's line; the metrics of a long training have 50 MB."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of `tuner-kit runs`, ready to print; a dash where nothing is known."""

    name: str
    status: str
    steps: str
    loss: str
    adapter: str
    base: str
    changed_at: str


def summarize_runs(runs_dir: Path) -> tuple[RunSummary, ...]:
    """Summarize every run in a folder, newest first; a damaged one is named as such."""
    return tuple(_summarize(run) for run in list_runs(runs_dir))


def _summarize(run: Run) -> RunSummary:
    changed = datetime.fromtimestamp(run.dir.stat().st_mtime).astimezone()
    when = f"{changed:%Y-%m-%d %H:%M}"
    try:
        status, manifest = derive_status(run), load_manifest(run)
        file = load_config(run.config_path)
    except TunerError:
        return RunSummary(run.name, "damaged", "-", "-", "-", "-", when)
    is_trained = manifest.last("train") is not None
    step, loss = _last_step(run)
    weights = run.result_weights() if is_trained else ()
    size = f"{sum(path.stat().st_size for path in weights) / 2**20:.1f} MiB" if weights else "-"
    base = title_of(file.config.model.base) if file.is_sound("model", "base") else "-"
    return RunSummary(
        name=run.name,
        status=status.value,
        steps=str(step or "-"),
        loss="-" if loss is None else f"{loss:.4f}",
        adapter=size,
        base=base,
        changed_at=when,
    )


def _last_step(run: Run) -> tuple[int, float | None]:
    attempts = run.attempts()
    if not attempts:
        return 0, None
    reader = ProgressReader(
        run.metrics_path,
        attempts[-1].events_path,
        total_steps=0,
        skip_bytes=max(0, size_of(run.metrics_path) - _TAIL_BYTES),
    )
    progress = reader.read()
    return progress.step, progress.loss
