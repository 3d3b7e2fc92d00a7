"""Rule D09: how images are cut."""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import pictures
from tuner_kit.simpletuner.rules.rule import Finding, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

_EXAMPLE = 'write "crop_aspect_buckets": [1.0, 0.75, 1.5], or "crop_aspect": "square"'


def check_crop(setup: TrainerSetup) -> Iterator[Finding]:
    """D09: shapes that are missing or misspelled, and crops that have a price."""
    for entry in pictures(setup):
        if entry.text("crop_aspect") in {"random", "closest"}:
            yield from _check_shapes(entry)
        if entry.is_on("crop"):
            yield from _check_price(entry)


def _check_shapes(entry: DatasetEntry) -> Iterator[Finding]:
    shapes, aspect = entry.get("crop_aspect_buckets"), entry.text("crop_aspect")
    if not isinstance(shapes, list) or not shapes:
        yield _shapes(entry, f"has crop_aspect {aspect}, but no list of crop_aspect_buckets")
        return
    if any(isinstance(shape, dict) for shape in shapes):
        problem = _wrong_weights(shapes, is_weighted=aspect == "random")
        if problem is not None:
            yield _shapes(entry, f"has crop_aspect_buckets {problem}")
    elif aspect == "random" and isinstance(shapes[0], int) and not isinstance(shapes[0], bool):
        numbers: list[JsonValue] = [float(each) for each in shapes if isinstance(each, int | float)]
        yield about(
            entry,
            "crop_aspect_buckets",
            f"the first of the crop_aspect_buckets of dataset {entry.name} is {shapes[0]}, and "
            "SimpleTuner stops at a number without a decimal point there",
            f'write "crop_aspect_buckets": {numbers}',
            write("crop_aspect_buckets", numbers, entry),
        )


def _wrong_weights(shapes: Sequence[JsonValue], *, is_weighted: bool) -> str | None:
    keys = ("aspect", "weight") if is_weighted else ("aspect",)
    total = 0.0
    for shape in shapes:
        if not isinstance(shape, dict):
            if is_weighted:
                return "of numbers and of objects"
            continue
        for key in keys:
            value = shape.get(key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f'without a number for "{key}"'
        weight = shape.get("weight")
        total += weight if isinstance(weight, int | float) else 0.0
    # Upstream compares exactly, and adds in the same order.
    return f"whose weights add up to {total!r}, not to 1.0" if is_weighted and total != 1 else None


def _shapes(entry: DatasetEntry, what: str) -> Finding:
    return about(
        entry,
        "crop_aspect_buckets",
        f"dataset {entry.name} {what}, and SimpleTuner stops at that",
        f'{_EXAMPLE}; with weights: [{{"aspect": 1.0, "weight": 0.5}}, '
        '{"aspect": 1.5, "weight": 0.5}]',
    )


def _check_price(entry: DatasetEntry) -> Iterator[Finding]:
    if entry.text("crop_style") == "face":
        yield _price(
            entry,
            "crop_style",
            'looks for faces (crop_style "face"): every image is decoded while they are sorted, '
            "and the detector is an old one that misses many",
            'write "crop_style": "center", and cut the faces yourself',
        )
    if entry.text("crop_aspect") == "random":
        yield _price(
            entry,
            "crop_aspect",
            'has crop_aspect "random": the images are sorted anew after every epoch',
            'write "crop_aspect": "closest", or "crop": false to keep the shapes',
        )


def _price(entry: DatasetEntry, key: str, what: str, fix: str) -> Finding:
    return Finding(
        what=f"dataset {entry.name} {what}",
        fix=fix,
        key=key,
        dataset=entry.index,
        severity=Severity.WARNING,
    )
