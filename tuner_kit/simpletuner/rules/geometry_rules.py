"""Rules D: the sizes and shapes that images are trained at."""

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.bucket_geometry import bucket_of
from tuner_kit.simpletuner.rules.crop_rules import check_crop
from tuner_kit.simpletuner.rules.entries import facts_about, pictures, trained_pictures
from tuner_kit.simpletuner.rules.limit_rules import (
    check_limits,
    check_minimum,
    check_order,
    check_pairs,
)
from tuner_kit.simpletuner.rules.rule import Edit, Finding, Rule, SaidElsewhere, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, ImageFolderFacts, TrainerSetup
from tuner_kit.simpletuner.rules.sizes import LIMITS, Sizes, is_square, sizes_of

_FACTORY = "data_backend/factory.py"
_SD = ("sd3", "sd1x")
_STEP_PX = 64
_MIN_PX, _MIN_SD_PX = 64, 256
_MAX_MP, _MAX_SD_MP = 20.0, 5.0
"""Megapixels that nobody means; upstream refuses 20 and more for the other sizes."""
_MANY_DROPPED = 0.2
_LIMIT_KEYS = tuple(
    f"{place}{key}"
    for place in ("", "dataset.")
    for key in ("maximum_image_size", "target_downsample_size")
)
_SIZE = re.compile(r"\d+(?:x\d+)?")
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_MIN_VALIDATION_NUMBER = 128
"""Below, upstream takes a single number for megapixels."""
_MAX_DRAWN_PX = 2048
_SHIFT_PX, _SHIFT = 768, 2.5
"""A shift of 3 belongs to 1024 px; below about 768 px it leaves little but noise to learn."""


def check_resolution(setup: TrainerSetup) -> Iterator[Finding]:
    """D01: pixel_area wants a whole number; SD wants a multiple of 64."""
    for entry in pictures(setup):
        sizes = sizes_of(setup, entry)
        if sizes is None:
            continue
        written = entry.written.get("resolution", setup.options.get("resolution"))
        if sizes.kind == "pixel_area" and (written is None or isinstance(written, float)):
            yield _not_whole(entry, written)
        elif _is_off_step(setup, sizes):
            yield _off_step(entry, written)


def _not_whole(entry: DatasetEntry, written: float | None) -> Finding:
    edits: tuple[Edit, ...] = ()
    if written is not None and written >= _STEP_PX and written.is_integer():
        edits = (write("resolution", int(written), entry),)
    return about(
        entry,
        "resolution",
        f"resolution {'null' if written is None else written} of dataset {entry.name} is no whole "
        'number of pixels, and with resolution_type "pixel_area" SimpleTuner refuses it',
        'write "resolution": 1024, without a decimal point',
        *edits,
    )


def _is_off_step(setup: TrainerSetup, sizes: Sizes) -> bool:
    if setup.family not in _SD or sizes.kind == "area" or sizes.edge_px is None:
        return False
    edge_px = round(sizes.edge_px, 6)
    return edge_px >= _STEP_PX and edge_px % _STEP_PX != 0


def _off_step(entry: DatasetEntry, written: object) -> Finding:
    return Finding(
        what=f"resolution {written} of dataset {entry.name} is no multiple of {_STEP_PX} px, so "
        "the images are trained at another size",
        fix='write "resolution": 1024, or 512, 768 or another multiple of 64',
        key="resolution",
        dataset=entry.index,
        severity=Severity.WARNING,
    )


def check_units(setup: TrainerSetup) -> Iterator[Finding]:
    """D02: pixels where megapixels are meant, or the reverse."""
    max_mp = _MAX_SD_MP if setup.family in _SD else _MAX_MP
    for entry in pictures(setup):
        sizes = sizes_of(setup, entry)
        if sizes is None or sizes.resolution is None or sizes.edge_px is None:
            continue
        if sizes.kind == "area" and sizes.resolution > max_mp:
            yield _too_large(entry, sizes.resolution)
        elif sizes.kind != "area" and sizes.edge_px < _MIN_PX:
            yield _too_small(entry, sizes)
        elif sizes.edge_px < _MIN_SD_PX and setup.family in _SD:
            yield Finding(
                what=f"dataset {entry.name} is trained at {sizes.in_words(sizes.resolution)}; "
                f"{setup.family} was made for 512 px and more",
                fix='write "resolution": 1024 (SD3) or 512 (SD1.5), "resolution_type": "pixel_area"',
                key="resolution",
                dataset=entry.index,
                severity=Severity.WARNING,
            )


def _too_large(entry: DatasetEntry, resolution: float) -> Finding:
    limits = [entry.number(key) for key in LIMITS]
    are_edges = all(limit is None or limit == 0 or limit >= _MIN_PX for limit in limits)
    is_edge = resolution >= _MIN_PX and float(resolution).is_integer()
    edits = (write("resolution_type", "pixel_area", entry),) if is_edge and are_edges else ()
    return about(
        entry,
        "resolution_type",
        f"resolution {resolution:g} of dataset {entry.name} counts as {resolution:g} megapixels "
        'with resolution_type "area", and SimpleTuner does not object',
        'write "resolution_type": "pixel_area" for an edge in pixels, or "resolution": 1.0 for one '
        "megapixel",
        *edits,
    )


def _too_small(entry: DatasetEntry, sizes: Sizes) -> Finding:
    edge_px = sizes.edge_px or 0.0
    return about(
        entry,
        "resolution",
        f"resolution {edge_px:g} of dataset {entry.name} means {edge_px:g} px with "
        f'resolution_type "{sizes.kind}", and SimpleTuner trains on that',
        'write "resolution": 1024 for an edge in pixels, or "resolution_type": "area" for '
        "megapixels",
    )


def check_filters(setup: TrainerSetup) -> Iterator[Finding]:
    """D08: how many images the dataset's own limits leave out."""
    for entry in pictures(setup):
        facts, sizes = facts_about(setup, entry), sizes_of(setup, entry)
        if facts is None or sizes is None or not facts.sizes:
            continue
        num_dropped = _count_dropped(entry, facts, sizes)
        num_images = sum(facts.sizes.values())
        if num_dropped > num_images * _MANY_DROPPED:
            left = num_images - num_dropped
            yield Finding(
                what=f"the limits of dataset {entry.name} ({_limits_in_words(entry, sizes)}) leave "
                f"{left} of {num_images} images",
                fix="lower minimum_image_size, widen the aspect ratios, or remove both",
                key="minimum_image_size" if sizes.minimum else "maximum_aspect_ratio",
                dataset=entry.index,
                severity=Severity.WARNING if left else Severity.ERROR,
            )


def _limits_in_words(entry: DatasetEntry, sizes: Sizes) -> str:
    said = [] if sizes.minimum is None else [f"minimum {sizes.in_words(sizes.minimum)}"]
    ratios = {key: entry.number(key) for key in ("minimum_aspect_ratio", "maximum_aspect_ratio")}
    return ", ".join((*said, *(f"{key} {ratio:g}" for key, ratio in ratios.items() if ratio)))


def _count_dropped(entry: DatasetEntry, facts: ImageFolderFacts, sizes: Sizes) -> int:
    return sum(count for size, count in facts.sizes.items() if is_left_out(size, entry, sizes))


def is_left_out(size: tuple[int, int], entry: DatasetEntry, sizes: Sizes) -> bool:
    """Whether the trainer leaves out an image because of its size or shape.

    Args:
        size: width and height in pixels, as the image is seen.
        entry: the dataset.
        sizes: of the dataset.
    """
    is_small = _is_too_small(*size, sizes, is_cropped=is_square(entry))
    return is_small or _is_outside(*size, entry, sizes)


def _is_too_small(width_px: int, height_px: int, sizes: Sizes, *, is_cropped: bool) -> bool:
    """As meets_resolution_requirements has it: squares need both edges, not only the area."""
    if sizes.minimum is None:
        return False
    short_px = min(width_px, height_px)
    if sizes.is_in_pixels:
        return short_px < sizes.minimum
    edge_px = math.floor(math.sqrt(sizes.minimum * 1e6))
    return width_px * height_px < sizes.minimum * 1e6 or (is_cropped and short_px < edge_px)


def _is_outside(width_px: int, height_px: int, entry: DatasetEntry, sizes: Sizes) -> bool:
    lowest, highest = entry.number("minimum_aspect_ratio"), entry.number("maximum_aspect_ratio")
    if entry.text("crop_aspect") in {"random", "closest"} or sizes.edge_px is None:
        return False
    bucket = bucket_of(
        width_px, height_px, resolution_px=round(sizes.edge_px), is_cropped=is_square(entry)
    )
    if bucket is None:
        return False
    ratio = float(bucket.aspect_ratio)
    return bool((lowest and ratio < lowest) or (highest and ratio > highest))


def check_validation_size(setup: TrainerSetup) -> Iterator[Finding]:
    """D13: validation images of a size that the model can't draw."""
    if setup.options.is_on("validation_disable") or not _has_prompts(setup):
        return
    value = setup.options.get("validation_resolution")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return
    is_default = not setup.options.has("validation_resolution")
    for size in str(value).split(","):
        problem = _wrong_size(size.strip().lower())
        if problem is not None:
            yield Finding(
                what=f"validation_resolution {size.strip()}"
                f"{', the default,' if is_default else ''} {problem}",
                fix='write "validation_resolution": "1024x1024" (SD1.5: "512x512")',
                key="validation_resolution",
                severity=Severity.ERROR if "counts as" in problem else None,
            )


def _has_prompts(setup: TrainerSetup) -> bool:
    options = setup.options
    named = options.text("validation_prompt") or options.text("user_prompt_library")
    return bool(named) or options.is_on("validation_prompt_library")


def _wrong_size(size: str) -> str | None:
    if _NUMBER.fullmatch(size) and float(size) < _MIN_VALIDATION_NUMBER:
        # Upstream drops what is behind the point before it multiplies.
        whole = int(float(size))
        edges_px = [1024 if whole == 1 else whole * 1000 // 8 * 8]
        said = f"counts as {whole} megapixels and becomes {edges_px[0]} px"
    else:
        edges = size.split("x")
        if not _SIZE.fullmatch(size):
            return "is no size"
        edges_px = [int(edge) for edge in edges]
        said = f"is drawn at {' x '.join(edges)} px"
    if max(edges_px) < _MIN_SD_PX * 2 or max(edges_px) > _MAX_DRAWN_PX:
        return f"{said}, far from what the model was made for"
    if any(edge_px % _STEP_PX for edge_px in edges_px):
        return f"{said}, which is no multiple of 64"
    return None


def check_shift(setup: TrainerSetup) -> Iterator[Finding]:
    """D14: small images need a smaller shift."""
    shift = setup.options.number("flow_schedule_shift")
    if shift is None or shift < _SHIFT or setup.options.is_on("flow_schedule_auto_shift"):
        return
    for entry in trained_pictures(setup):
        sizes = sizes_of(setup, entry)
        edge_px = None if sizes is None else sizes.edge_px
        if edge_px is not None and _MIN_PX <= edge_px < _SHIFT_PX:
            fitting = max(shift * edge_px / 1024, 1.0)
            yield Finding(
                what=f"dataset {entry.name} is trained at {edge_px:.0f} px with "
                f"flow_schedule_shift {shift:g}, which is meant for 1024 px: the model sees more "
                "noise than picture",
                fix=f'write "flow_schedule_shift": {fitting:.1f}, or "flow_schedule_auto_shift": '
                "true",
                key="flow_schedule_shift",
            )


def check_media(setup: TrainerSetup) -> Iterator[Finding]:
    """D15: the trainer lists videos and sounds as images."""
    for entry in pictures(setup):
        facts = facts_about(setup, entry)
        if facts is not None and facts.other_media:
            yield about(
                entry,
                "instance_data_dir",
                f"videos or sounds among the images of dataset {entry.name}: "
                f"{len(facts.other_media)} (first: {facts.other_media[0]}); SimpleTuner takes them "
                "for images",
                "move them to a folder of their own",
            )


GEOMETRY_RULES: tuple[Rule, ...] = (
    Rule(
        id="D01",
        title="a resolution that is no whole number, or no multiple of 64",
        severity=Severity.ERROR,
        looks_at=("resolution", "dataset.resolution", "dataset.resolution_type"),
        source=f"{_FACTORY} (_handle_resolution_conversion)",
        check=check_resolution,
    ),
    Rule(
        id="D02",
        title="pixels where megapixels are meant, or the reverse",
        severity=Severity.ERROR,
        looks_at=("resolution", "dataset.resolution", "dataset.resolution_type"),
        source="image_manipulation/training_sample.py (_set_resolution); issues 302, 733",
        check=check_units,
    ),
    Rule(
        id="D03",
        title="maximum_image_size and target_downsample_size, one without the other",
        severity=Severity.ERROR,
        looks_at=_LIMIT_KEYS,
        source="data_backend/config/validators.py, configuration/cmd_args.py",
        check=check_pairs,
    ),
    Rule(
        id="D04",
        title="maximum_image_size or target_downsample_size in the wrong unit",
        severity=Severity.ERROR,
        looks_at=(*_LIMIT_KEYS, "dataset.resolution_type"),
        source="data_backend/config/validators.py, configuration/cmd_args.py",
        check=check_limits,
    ),
    Rule(
        id="D05",
        title="minimum_image_size in the wrong unit",
        severity=Severity.ERROR,
        looks_at=("minimum_image_size", "dataset.minimum_image_size", "dataset.resolution_type"),
        source="metadata/backends/base.py (meets_resolution_requirements)",
        check=check_minimum,
    ),
    Rule(
        id="D06",
        title="sizes in an order that makes no sense",
        severity=Severity.ERROR,
        looks_at=(*_LIMIT_KEYS, "dataset.minimum_image_size", "dataset.resolution"),
        source="image_manipulation/training_sample.py (_should_resize_before_crop)",
        check=check_order,
    ),
    Rule(
        id="D08",
        title="limits that leave out most images",
        severity=Severity.WARNING,
        looks_at=(
            "dataset.minimum_image_size",
            "dataset.minimum_aspect_ratio",
            "dataset.maximum_aspect_ratio",
            "around.folders",
        ),
        source="metadata/backends/base.py (meets_resolution_requirements)",
        check=check_filters,
    ),
    Rule(
        id="D09",
        title="a crop without what it needs, or with a price",
        severity=Severity.ERROR,
        looks_at=("dataset.crop_aspect", "dataset.crop_aspect_buckets", "dataset.crop_style"),
        source="image_manipulation/training_sample.py (_select_random_aspect)",
        check=check_crop,
    ),
    Rule(
        id="D13",
        title="validation images of a size that the model can't draw",
        severity=Severity.WARNING,
        looks_at=("validation_resolution", "validation_prompt"),
        source="configuration/cmd_args.py (validation_resolution)",
        check=check_validation_size,
        families=_SD,
    ),
    Rule(
        id="D14",
        title="a shift for 1024 px at a smaller resolution",
        severity=Severity.WARNING,
        looks_at=("flow_schedule_shift", "flow_schedule_auto_shift", "dataset.resolution"),
        source="models/sd3/model.py; the SD3 paper (arXiv 2403.03206), section 5.3.2",
        check=check_shift,
        families=("sd3",),
    ),
    Rule(
        id="D15",
        title="videos and sounds among the images",
        severity=Severity.WARNING,
        looks_at=("dataset.instance_data_dir", "around.folders"),
        source="training/__init__.py (image_file_extensions)",
        check=check_media,
    ),
)
"""About sizes and shapes, by their ids."""

ELSEWHERE_GEOMETRY: Mapping[str, SaidElsewhere] = MappingProxyType(
    {
        "D07": SaidElsewhere(
            "images that would be enlarged", ("D08",), "metadata/backends/base.py"
        ),
        "D10": SaidElsewhere(
            "crop and other switches that are no booleans", ("C27",), "issue 1139"
        ),
        "D11": SaidElsewhere("images longer than 2:1", ("D28",), "DATALOADER.md"),
        "D12": SaidElsewhere(
            "shapes with fewer images than one step needs",
            ("D07",),
            "metadata/backends/base.py (split_buckets_between_processes)",
        ),
    }
)
"""About sizes and shapes, but said by the examination of the dataset."""
