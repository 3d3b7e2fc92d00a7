"""Rules E07 and E08: when datasets take part, and how often they are drawn from."""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.rule import Finding, about
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

_SCHEDULED = frozenset({"image", "video", "audio", "conditioning"})


def check_schedule(setup: TrainerSetup) -> Iterator[Finding]:
    """E07: windows that can't be, that begin too late, or that leave nothing."""
    entries = [entry for entry in setup.datasets if entry.is_enabled and entry.kind in _SCHEDULED]
    for entry in entries:
        yield from _check_window(entry)
        yield from _check_late(setup, entry)
    if entries and not any(_is_active_at_start(entry) for entry in entries):
        yield about(
            entries[0],
            "start_step",
            "every dataset begins later, and SimpleTuner wants one that begins at once",
            'remove "start_epoch" and "start_step" of one dataset',
        )
    yield from _check_last(setup, entries)


def _check_window(entry: DatasetEntry) -> Iterator[Finding]:
    for unit, least in (("epoch", 1), ("step", 0)):
        start = max(_whole(entry.get(f"start_{unit}")) or 0, least)
        end = _whole(entry.get(f"end_{unit}"))
        # Upstream takes an end of 0 or less for none.
        if start > 0 and end is not None and 0 < end < start:
            yield about(
                entry,
                f"end_{unit}",
                f"dataset {entry.name} ends at {unit} {end}, before it begins at {unit} {start}",
                f"make end_{unit} at least {start}, or remove it",
            )


def _check_late(setup: TrainerSetup, entry: DatasetEntry) -> Iterator[Finding]:
    for unit, key in (("epoch", "num_train_epochs"), ("step", "max_train_steps")):
        start, last = _whole(entry.get(f"start_{unit}")), setup.options.number(key)
        if start is not None and last and start > last > 0:
            yield _hint(
                entry,
                f"start_{unit}",
                f"dataset {entry.name} begins at {unit} {start}, but the training ends at {unit} "
                f"{last:g}",
            )


def _check_last(setup: TrainerSetup, entries: Sequence[DatasetEntry]) -> Iterator[Finding]:
    trained = [entry for entry in entries if entry.kind != "conditioning"]
    ends = [_whole(entry.get("end_step")) or 0 for entry in trained]
    last = setup.options.number("max_train_steps")
    if trained and last and min(ends) > 0 and max(ends) < last:
        yield _hint(
            trained[0],
            "end_step",
            f"no dataset is left after step {max(ends)}, but the training goes on to step {last:g}",
        )


def _hint(entry: DatasetEntry, key: str, what: str) -> Finding:
    return Finding(
        what=what,
        fix="change the steps of the dataset or those of the training",
        key=key,
        dataset=entry.index,
        severity=Severity.WARNING,
    )


def _is_active_at_start(entry: DatasetEntry) -> bool:
    return all((_whole(entry.get(key)) or 0) <= 1 for key in ("start_epoch", "start_step"))


def _whole(value: JsonValue) -> int | None:
    """Read a number as upstream does: text and decimals too."""
    if not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def check_probability(setup: TrainerSetup) -> Iterator[Finding]:
    """E08: a probability of zero or less excludes a dataset without a word."""
    entries = setup.image_datasets
    excluded = [entry for entry in entries if _is_excluded(entry)]
    for entry in excluded:
        value = entry.number("probability")
        if len(excluded) == len(entries):
            what, severity = "and so has every other, so nothing is trained on", Severity.ERROR
        else:
            what, severity = "so it is never drawn from", Severity.WARNING
        yield Finding(
            what=f"dataset {entry.name} has probability {value:g}, {what}",
            fix='write "probability": 1, or "disabled": true to leave it out',
            key="probability",
            dataset=entry.index,
            severity=severity,
        )


def _is_excluded(entry: DatasetEntry) -> bool:
    probability = entry.number("probability")
    return probability is not None and probability <= 0
