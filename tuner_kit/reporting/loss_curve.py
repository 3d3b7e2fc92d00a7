"""The loss of a run as points for a plot: finite, in order, few enough to draw.

Plain Python instead of numpy, because the fast side doesn't import it: bucket means over
100,000 steps take about 20 ms.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from tuner_kit.process.messages import LossPoint
from tuner_kit.simpletuner.metrics import TrainedStep

MAX_POINTS = 2000
"""More points than a screen has columns."""


def build_loss_points(
    steps: Sequence[TrainedStep], *, max_points: int = MAX_POINTS
) -> tuple[LossPoint, ...]:
    """Thin the steps that have a loss to at most `max_points` by the means of buckets."""
    found = [entry for entry in steps if entry.loss is not None]
    num_points = min(len(found), max_points)
    edges = [index * len(found) // num_points for index in range(num_points + 1)] if found else []
    return tuple(_mean_of(found[start:end]) for start, end in pairwise(edges))


def typical_seconds_per_step(steps: Sequence[TrainedStep]) -> float | None:
    """Return the median time between neighboring steps; None with fewer than two.

    The median leaves out the pauses for validation, saving and between attempts.
    """
    seconds = [
        (after.at - before.at).total_seconds()
        for before, after in pairwise(steps)
        if before.at is not None and after.at is not None and after.step == before.step + 1
    ]
    return median(seconds) if seconds else None


def _mean_of(bucket: Sequence[TrainedStep]) -> LossPoint:
    rates = [entry.learning_rate for entry in bucket if entry.learning_rate is not None]
    return LossPoint(
        step=bucket[-1].step,
        loss=fmean(entry.loss for entry in bucket if entry.loss is not None),
        learning_rate=fmean(rates) if rates else None,
    )
