"""Draw the loss of a run by step: every value, a running mean, and the checkpoints."""

import sys
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tuner_kit.process.messages import LossPoint, PlotLossRequest, PlotLossResult
from tuner_kit.workers.runtime import Emit, run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

WIDTH_IN, HEIGHT_IN = 7.2, 3.0
WINDOWS_PER_RUN = 20
"""The running mean spans this fraction of a run: short enough to follow, long enough to calm."""
MIN_WINDOW = 5
RAW_COLOR, MEAN_COLOR, MARK_COLOR = "#c3cfdd", "#1f5a94", "#b0b0b0"


def plot_loss(request: PlotLossRequest, emit: Emit) -> PlotLossResult:
    """Write the SVG and say where the loss began and ended."""
    emit("drawing the loss")
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib.figure import Figure

    style = mpl.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#6b6b6b",
            "svg.fonttype": "path",
            # Element ids are hashed with this salt instead of a random one: equal runs, equal bytes.
            "svg.hashsalt": "tuner_kit",
            # A 10,000 step run would be half a megabyte; points closer than a pixel are left out.
            "path.simplify_threshold": 1.0,
        }
    )
    with style:
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        draw_loss(figure.subplots(), request)
        partial_path = request.svg_path.with_name(request.svg_path.name + ".partial")
        figure.savefig(partial_path, format="svg", metadata={"Date": None, "Creator": None})
    partial_path.replace(request.svg_path)
    first_mean, last_mean = edge_means(request.points)
    return PlotLossResult(svg_path=request.svg_path, first_mean=first_mean, last_mean=last_mean)


def draw_loss(axes: "Axes", request: PlotLossRequest) -> None:
    """Draw into the axes; a run without any value gets a sentence instead of a curve."""
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    if not request.points:
        axes.text(0.5, 0.5, "no loss was recorded", ha="center", transform=axes.transAxes)
        return
    steps = np.array([point.step for point in request.points])
    losses = np.array([point.loss for point in request.points])
    axes.plot(steps, losses, color=RAW_COLOR, linewidth=0.8, label="each value", marker=_dot(steps))
    window = max(MIN_WINDOW, len(losses) // WINDOWS_PER_RUN)
    if len(losses) > window:
        label = f"mean of the last {window} values"
        means = running_mean(losses, window)
        axes.plot(steps[window - 1 :], means, color=MEAN_COLOR, linewidth=1.8, label=label)
    for number, step in enumerate(request.checkpoint_steps):
        label = "_" if number else "checkpoint"
        axes.axvline(step, color=MARK_COLOR, linewidth=0.8, linestyle=(0, (3, 3)), label=label)
    axes.margins(x=0.01)
    axes.grid(axis="y", color="#ececec", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)


def _dot(steps: npt.NDArray[np.int_]) -> str:
    """A single value draws no line, so it is drawn as a dot."""
    return "o" if len(steps) == 1 else ""


def running_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of every `window` neighbors: one for each value from the `window`-th on."""
    return np.convolve(values, np.full(window, 1 / window), mode="valid")


def edge_means(points: tuple[LossPoint, ...]) -> tuple[float | None, float | None]:
    """Mean loss over the first and the last tenth; None with fewer than two points."""
    if len(points) < 2:  # noqa: PLR2004  # one point has no beginning and end
        return None, None
    losses = np.array([point.loss for point in points])
    tenth = max(1, len(losses) // 10)
    return float(losses[:tenth].mean()), float(losses[-tenth:].mean())


if __name__ == "__main__":
    sys.exit(run(PlotLossRequest, plot_loss))
