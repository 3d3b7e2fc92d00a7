"""Rules D03 to D06: minimum, maximum and the size that large images are brought to first."""

from collections.abc import Iterator
from itertools import chain

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import pictures, with_options
from tuner_kit.simpletuner.rules.rule import Edit, Finding, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup
from tuner_kit.simpletuner.rules.sizes import Sizes, sizes_of

_MAXIMUM, _TARGET, _MINIMUM = "maximum_image_size", "target_downsample_size", "minimum_image_size"
_OVERRIDE = "SIMPLETUNER_MAXIMUM_IMAGE_SIZE_OVERRIDE"
_MAX_MP, _MAX_OPTION_MP, _MIN_EDGE_PX = 20.0, 5.0, 512.0
_MAX_MINIMUM_MP = 5.0
_EDGE_PX = 64.0
"""A number from here on was meant for pixels."""
_ZOOM = 1.1


def check_pairs(setup: TrainerSetup) -> Iterator[Finding]:
    """D03: upstream wants both sizes, or neither."""
    if setup.options.has(_MAXIMUM) and not setup.options.number(_TARGET):
        yield Finding(
            what=f"{_MAXIMUM} = {setup.options.get(_MAXIMUM)} without {_TARGET}; SimpleTuner "
            "does not start",
            fix=f"add {_TARGET}, the size to which larger images are brought before the crop, or "
            f"remove {_MAXIMUM}",
            key=_MAXIMUM,
        )
    for entry in pictures(setup):
        values = with_options(setup, entry)
        if entry.number(_MAXIMUM) and not values.number(_TARGET):
            yield about(
                entry,
                _MAXIMUM,
                f"dataset {entry.name} has {_MAXIMUM}, but no {_TARGET}, and SimpleTuner refuses "
                "that",
                f"add {_TARGET}, the size to which larger images are brought before the crop, or "
                f"remove {_MAXIMUM}",
            )
        elif entry.number(_TARGET) and not values.number(_MAXIMUM):
            yield Finding(
                what=f"{_TARGET} of dataset {entry.name} does nothing without {_MAXIMUM}",
                fix=f"add {_MAXIMUM}, or remove {_TARGET}",
                key=_TARGET,
                dataset=entry.index,
                severity=Severity.WARNING,
            )


def check_limits(setup: TrainerSetup) -> Iterator[Finding]:
    """D04: sizes that upstream refuses as being of the wrong unit."""
    if "deepfloyd" in (setup.options.text("model_type") or ""):
        return
    for key in (_MAXIMUM, _TARGET):
        yield from _check_option(setup, key)
        for entry in pictures(setup):
            yield from _check_size(setup, entry, key)


def _check_option(setup: TrainerSetup, key: str) -> Iterator[Finding]:
    """Both are refused while config.json is read, whatever the datasets say."""
    size, kind = setup.options.number(key), setup.options.text("resolution_type")
    if size is None or not setup.options.has(key):
        return
    if kind == "area" and size > _MAX_OPTION_MP and not _is_overridden(setup):
        yield Finding(
            what=f"{key} = {size:g} counts as {size:g} megapixels with resolution_type area; "
            f"SimpleTuner takes at most {_MAX_OPTION_MP:g}",
            fix=f"write the size into the dataset, or give at most {_MAX_OPTION_MP:g}",
            key=key,
        )
    elif kind == "pixel" and size < _MIN_EDGE_PX:
        yield Finding(
            what=f"{key} = {size:g} counts as {size:g} pixels with resolution_type pixel; "
            f"SimpleTuner takes {_MIN_EDGE_PX:g} or more",
            fix=f"give {_MIN_EDGE_PX:g} or more",
            key=key,
        )


def _check_size(setup: TrainerSetup, entry: DatasetEntry, key: str) -> Iterator[Finding]:
    sizes = sizes_of(setup, entry)
    size = None if sizes is None else _size(sizes, key)
    if sizes is None or size is None:
        return
    written = with_options(setup, entry).number(key) or 0.0
    if not sizes.is_in_pixels and size >= _MAX_MP and not _is_overridden(setup):
        yield about(
            entry,
            key,
            f"{key} {written:g}{_origin(entry, key)} counts as {size:g} megapixels in dataset "
            f"{entry.name} (resolution_type {sizes.kind}); SimpleTuner takes less than "
            f"{_MAX_MP:g}",
            f'write "{key}": 2048 with "resolution_type": "pixel_area" into the dataset, or '
            '4.0 with "area"',
            *_moved(entry, key, sizes, written),
        )
    elif sizes.is_in_pixels and size < _MIN_EDGE_PX and key in entry.written:
        yield about(
            entry,
            key,
            f"{key} {written:g} of dataset {entry.name} counts as pixels (resolution_type "
            f"pixel); SimpleTuner takes {_MIN_EDGE_PX:g} or more",
            f"give {_MIN_EDGE_PX:g} or more, or remove both {_MAXIMUM} and {_TARGET}",
        )


def _size(sizes: Sizes, key: str) -> float | None:
    return {_MAXIMUM: sizes.maximum, _TARGET: sizes.target, _MINIMUM: sizes.minimum}[key]


def _origin(entry: DatasetEntry, key: str) -> str:
    return "" if key in entry.written else " of config.json"


def _moved(entry: DatasetEntry, key: str, sizes: Sizes, written: float) -> tuple[Edit, ...]:
    """In the dataset itself an edge is squared, so the same number means what was meant."""
    is_edge = sizes.kind == "pixel_area" and key not in entry.written
    in_mp = written * written / 1e6
    most = _MAX_MINIMUM_MP if key == _MINIMUM else _MAX_MP - 1e-9
    is_fine = written >= _EDGE_PX and in_mp <= most and written.is_integer()
    return (write(key, int(written), entry),) if is_edge and is_fine else ()


def _is_overridden(setup: TrainerSetup) -> bool:
    return bool(setup.around.environ.get(_OVERRIDE))


def check_minimum(setup: TrainerSetup) -> Iterator[Finding]:
    """D05: upstream finds out at the first image, and then leaves out every one."""
    for entry in pictures(setup):
        sizes = sizes_of(setup, entry)
        if sizes is None or sizes.minimum is None or sizes.is_in_pixels:
            continue
        if sizes.minimum > _MAX_MINIMUM_MP:
            written = float(with_options(setup, entry).number(_MINIMUM) or 0.0)
            yield about(
                entry,
                _MINIMUM,
                f"{_MINIMUM} {written:g}{_origin(entry, _MINIMUM)} counts as {sizes.minimum:g} "
                f"megapixels in dataset {entry.name} (resolution_type {sizes.kind}); SimpleTuner "
                f"takes at most {_MAX_MINIMUM_MP:g}, and leaves out every image otherwise",
                f'write "{_MINIMUM}": 512 with "resolution_type": "pixel_area" into the dataset, '
                'or 0.25 with "area"',
                *_moved(entry, _MINIMUM, sizes, written),
            )


def check_order(setup: TrainerSetup) -> Iterator[Finding]:
    """D06: minimum, resolution, target and maximum, from small to large."""
    for entry in pictures(setup):
        sizes = sizes_of(setup, entry)
        if sizes is not None and sizes.resolution is not None:
            yield from chain(_check_top(entry, sizes), _check_bottom(entry, sizes))


def _check_top(entry: DatasetEntry, sizes: Sizes) -> Iterator[Finding]:
    resolution, target, maximum = sizes.resolution, sizes.target, sizes.maximum
    if resolution is None or target is None or maximum is None:
        return  # D03 speaks of one without the other.
    if maximum < resolution:
        yield _disorder(entry, _MAXIMUM, maximum, f"resolution {sizes.in_words(resolution)}", sizes)
    if target < resolution:
        yield _disorder(entry, _TARGET, target, f"resolution {sizes.in_words(resolution)}", sizes)
    elif target > maximum:
        yield _disorder(entry, _MAXIMUM, maximum, f"{_TARGET} {sizes.in_words(target)}", sizes)
    elif entry.is_on("crop") and sizes.in_pixels(target) > _ZOOM * sizes.in_pixels(resolution):
        yield _zoom(entry, sizes, target)


def _disorder(entry: DatasetEntry, key: str, size: float, larger: str, sizes: Sizes) -> Finding:
    return about(
        entry,
        key,
        f"{key} {sizes.in_words(size)} of dataset {entry.name} is smaller than its {larger}",
        f"keep the order {_MINIMUM} <= resolution <= {_TARGET} <= {_MAXIMUM}",
    )


def _zoom(entry: DatasetEntry, sizes: Sizes, target: float) -> Finding:
    share = (sizes.edge_px or 0.0) / sizes.in_pixels(target)
    return Finding(
        what=f"dataset {entry.name} brings every image to {sizes.in_words(target)} before the "
        f"crop, also those below {_MAXIMUM}, so the crop keeps only {share:.0%} of the short edge",
        fix=f"make {_TARGET} as large as the resolution, or remove it and {_MAXIMUM}",
        key=_TARGET,
        dataset=entry.index,
        severity=Severity.WARNING,
    )


def _check_bottom(entry: DatasetEntry, sizes: Sizes) -> Iterator[Finding]:
    minimum, resolution = sizes.minimum, sizes.resolution
    if minimum is None or resolution is None:
        return
    if minimum > resolution:
        yield Finding(
            what=f"{_MINIMUM} {sizes.in_words(minimum)} of dataset {entry.name} leaves out images "
            f"that would not even be enlarged to {sizes.in_words(resolution)}",
            fix=f"lower {_MINIMUM} to the resolution, unless you want only the larger images",
            key=_MINIMUM,
            dataset=entry.index,
            severity=Severity.WARNING,
        )
