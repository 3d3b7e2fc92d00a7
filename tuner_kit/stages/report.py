"""report: one self-contained page about a run."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tuner_kit.process.messages import Event, PlotLossRequest, PlotLossResult
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.reporting.collect import RunMaterial, collect_material, list_sources
from tuner_kit.reporting.images import Picture, embed_picture
from tuner_kit.reporting.loss_curve import build_loss_points
from tuner_kit.reporting.page import Ingredients, LossPlot, build_page, render_page
from tuner_kit.runs.atomic import write_text_atomically
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.stages.recording import StageResult, hash_files, record_stage

_LABEL = "report"


def write_report(run: Run, *, on_event: OnEvent, now: datetime) -> Path:
    """Write the page about a run and return where it is.

    A run that isn't finished has a page too; it shows what there is so far.

    Raises:
        ConfigError: the run has no readable tuner.yaml.
        RunStateError: another process works on the run (R03), or its manifest is damaged.
        MachineError: the page can't be written.
        WorkerError: the loss can't be drawn.
    """
    with hold_lock(run):
        on_event(Event(phase="reading the run"))
        material = collect_material(run)
        inputs_hash = hash_files(list_sources(run))
        plot = _plot_loss(material, on_event)
        counter = _PictureCounter(on_event)
        page = render_page(build_page(Ingredients(material, plot, counter.embed), now=now))
        write_text_atomically(run.report_path, page)
        result = StageResult(
            stage="report",
            label=_LABEL,
            outputs=(run.report_path,),
            inputs_hash=inputs_hash,
            summary={"num_pictures": counter.count, "size_bytes": len(page.encode())},
        )
        record_stage(run, result, started_at=now)
    return run.report_path


def _plot_loss(material: RunMaterial, on_event: OnEvent) -> LossPlot | None:
    """Have the loss drawn; None when nothing was recorded."""
    points = build_loss_points(material.steps)
    if not points:
        return None
    workdir = material.run.logs_dir / "plot_loss"
    with explain_disk_errors(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
    request = PlotLossRequest(
        points=points,
        checkpoint_steps=material.checkpoint_steps,
        svg_path=workdir.resolve() / "loss.svg",
    )
    result = run_worker("plot_loss", request, PlotLossResult, workdir, on_event)
    return LossPlot(result.svg_path.read_text(encoding="utf-8"), result)


class _PictureCounter:
    """Embeds pictures and tells how many are done: large reports take seconds."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.count = 0
        self._on_event = on_event

    def embed(self, path: Path, alt: str, *, max_edge_px: int) -> Picture | None:
        self.count += 1
        self._on_event(Event(phase="embedding pictures", current=self.count))
        return embed_picture(path, alt, max_edge_px=max_edge_px)
