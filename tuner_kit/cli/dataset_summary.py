"""The plan of a run on one screen: its datasets, and what it takes."""

from collections.abc import Iterator, Sequence

from rich.console import Console

from tuner_kit.preflight.run_costs import RunCosts
from tuner_kit.reporting.planned_dataset import (
    describe_cache,
    describe_epoch,
    describe_part,
    describe_refusal,
    describe_size,
    describe_target,
    describe_uses,
)
from tuner_kit.simpletuner.bucket_plan import Bucket
from tuner_kit.simpletuner.dataset_plan import DatasetPlan, PlannedPart

_MAX_BUCKETS = 12
_COLUMNS = 80
_INDENT = 13


def print_plan(plan: DatasetPlan, console: Console) -> None:
    """Print what will be trained on, and in which shapes."""
    for line in describe_plan(plan):
        console.print(line, markup=False)


def print_costs(costs: RunCosts, console: Console) -> None:
    """Print what a run takes, each with its error bar."""
    console.print("the run", markup=False)
    for name, text in costs.in_words():
        console.print(_line(name, text), markup=False)


def describe_plan(plan: DatasetPlan) -> Iterator[str]:
    """Write the folder, and below it what is to be known, in lines of at most 80 columns."""
    yield f"{plan.path}  ({plan.layout})"
    yield _line("images", f"{plan.num_images:,} found, {plan.num_captions:,} with caption")
    yield _line("use", describe_uses(plan))
    for part in plan.parts:
        if title := describe_part(part):
            yield _line("part", title)
        names = ["shapes"]
        for shapes in _shapes(part):
            yield _line(names.pop() if names else "", shapes)
    yield _line("trained as", describe_target(plan))
    yield _line("epoch", describe_epoch(plan))
    yield _line("cache", describe_cache(plan))


def _line(name: str, value: str) -> str:
    return f"  {name:<{_INDENT - 2}}{value}"


def _shapes(part: PlannedPart) -> Sequence[str]:
    """Write the shapes of a part, what is refused first, then by count."""
    buckets = sorted(part.buckets, key=lambda bucket: (not bucket.is_refused, -bucket.num_images))
    shown = [_describe_bucket(bucket) for bucket in buckets[:_MAX_BUCKETS]]
    if len(buckets) > _MAX_BUCKETS:
        rest = sum(bucket.num_images for bucket in buckets[_MAX_BUCKETS:])
        shown.append(f"{len(buckets) - _MAX_BUCKETS} more shapes: {rest:,}")
    return _fill(shown)


def _fill(words: Sequence[str]) -> Sequence[str]:
    """Put as many in a line as fit; one is never broken."""
    lines: list[str] = []
    for word in words:
        if lines and _INDENT + len(lines[-1]) + len(word) + 2 <= _COLUMNS:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return lines


def _describe_bucket(bucket: Bucket) -> str:
    refusal = describe_refusal(bucket)
    mark = f" ({refusal})" if refusal else ""
    return f"{describe_size(bucket)}: {bucket.num_images:,}{mark}"
