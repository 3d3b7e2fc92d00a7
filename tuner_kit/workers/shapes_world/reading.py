"""Read a picture back into words, by rules alone: no trained model is asked about one.

What differs from the ground is cut out, and its outline is laid over every shape's. It is meant for
pictures that a small model drew: edges may be soft, colors off by 10 levels, the ground uneven.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from tuner_kit.workers.shapes_world.drawing import Mask, Picture, Points, item_mask, outline
from tuner_kit.workers.shapes_world.scenes import (
    COLORS,
    GROUNDS,
    MAX_TILT_RAD,
    OFFSET_PX,
    PICTURE_PX,
    RADIUS_PX,
    SHAPES,
    Item,
    Rgb,
    Scene,
)
from tuner_kit.workers.shapes_world.styles import STYLES, Style

type Pixels = NDArray[np.float32]
"""Shape (..., 3), RGB, values in 0..255."""
type Region = NDArray[np.bool_]
"""Shape (128, 128): which pixels belong to it."""

BORDER_PX = 4
GROUND_TOLERANCE = 50.0
"""Colors closer than this to the ground are ground: half the way to the nearest item, purple on gray."""
MIN_AREA_PX, MAX_AREA_PX = 250, 10_000
"""An item covers 640 px (a small star) to 7,900 px (a large square); all else is a speck or a ground."""
SPECK_PX, CONTOUR_GAP_PX, SOFT_EDGE_PX, CONTOUR_PX = 3, 3, 5, 9
"""Widths of the filters that drop specks, close contours, take in soft edges and peel off contours."""
TEMPLATE_PX = 48
TEMPLATE_SIDE = 2.2
"""Side of a template's frame for an item of area 1: the longest item, a cross, measures 1.5."""
TEMPLATE_RADIUS_PX = 40.0
TILTS_RAD = (-MAX_TILT_RAD, -MAX_TILT_RAD / 2, 0.0, MAX_TILT_RAD / 2, MAX_TILT_RAD)


@dataclass(frozen=True, slots=True)
class ReadItem:
    """An item that was found, in the words that a caption would use for it."""

    shape: str
    color: str
    size: str
    position: str
    x_px: float
    """The middle, as is `y_px`: the bounding box's, less how far the shape itself lies off it."""
    y_px: float
    radius_px: float
    area_px: int
    iou: float
    """How well the outline fits the shape's, in 0..1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture shows: the ground (None on a style's paper), and the items, largest first."""

    ground: str | None
    items: tuple[ReadItem, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much of a scene is in the picture; a rate is the share of the scene's items, in 0..1."""

    ground: bool | None
    """None on a style's paper, which hides the ground."""
    count: bool
    color_rate: float
    shape_rate: float
    position_rate: float


def read_picture(picture: Picture, style: str | None = None) -> Reading:
    """Say what is in the picture, which is plain or in the style of that name."""
    pixels = picture.astype(np.float32)
    if style is not None:
        return Reading(None, _read_styled(pixels, STYLES[style]))
    ground = _border_color(pixels)
    return Reading(_nearest(ground, GROUNDS), _read_plain(pixels, ground))


def compare(scene: Scene, reading: Reading) -> Agreement:
    """Compare each of the scene's items with the found one that takes its place."""
    found = _in_order(scene, reading.items)
    return Agreement(
        ground=None if reading.ground is None else reading.ground == scene.ground,
        count=len(reading.items) == len(scene.items),
        color_rate=_agreement_rate(scene, found, "color"),
        shape_rate=_agreement_rate(scene, found, "shape"),
        position_rate=_agreement_rate(scene, found, "position"),
    )


def line_distance(pixels: Pixels, start: Rgb, end: Rgb) -> NDArray[np.float32]:
    """Measure how far each pixel's color is from the nearest mix of two colors, in levels."""
    origin, way = _color(start), _color(end) - _color(start)
    share = np.clip((pixels - origin) @ way / (way @ way), 0, 1)
    rest = pixels - origin - share[..., None] * way
    distance: NDArray[np.float32] = np.linalg.norm(rest, axis=-1)
    return distance


def border(width_px: int) -> Region:
    """Give the picture's rim of that width."""
    region = np.ones((PICTURE_PX, PICTURE_PX), np.bool_)
    region[width_px:-width_px, width_px:-width_px] = False
    return region


def _in_order(scene: Scene, found: Sequence[ReadItem]) -> list[ReadItem | None]:
    """Give the found item for each of the scene's, by where they lie."""
    if len(scene.items) == 1:
        return [found[0] if found else None]
    along = attrgetter("x_px" if scene.items[0].position == "left" else "y_px")
    if len(found) == 1:
        # Of a pair with one item missing, the other one still stands on its side.
        return [found[0], None] if along(found[0]) < PICTURE_PX / 2 else [None, found[0]]
    return sorted(found[:2], key=along) or [None, None]


def _agreement_rate(scene: Scene, found: Sequence[ReadItem | None], word: str) -> float:
    pairs = zip(scene.items, found, strict=True)
    hits: list[bool] = [
        item is not None and getattr(item, word) == getattr(asked, word) for asked, item in pairs
    ]
    return sum(hits) / len(hits)


def _read_plain(pixels: Pixels, ground: Pixels) -> tuple[ReadItem, ...]:
    rough = np.linalg.norm(pixels - ground, axis=-1) > GROUND_TOLERANCE
    found = []
    for part in _parts(_opened(rough)):
        color = _median(pixels[_core(part, SPECK_PX)])
        region = _filled(_half_way(pixels, ground, color) & grown(part, SOFT_EDGE_PX))
        found.append(_read_item(region, _nearest(color, COLORS)))
    return _largest_first(found)


def _read_styled(pixels: Pixels, look: Style) -> tuple[ReadItem, ...]:
    marks = line_distance(pixels, look.paper, look.print_color) > GROUND_TOLERANCE
    whole = _filled(_shrunk(grown(marks, CONTOUR_GAP_PX), CONTOUR_GAP_PX))
    found = []
    for part in _parts(_opened(whole)):
        core = _core(part, CONTOUR_PX)
        hatched = {color: _hatched_color(look, color, core) for color in COLORS}
        color = _nearest(pixels[core].mean(axis=0), hatched)
        found.append(_read_item(part, color))
    return _largest_first(found)


def _hatched_color(look: Style, color: str, region: Region) -> tuple[float, ...]:
    share = float(look.hatch_mask[region].mean())
    pairs = zip(look.item_color(color), look.hatch_color, strict=True)
    return tuple(own + share * (hatch - own) for own, hatch in pairs)


def _half_way(pixels: Pixels, ground: Pixels, color: Pixels) -> Region:
    way = color - ground
    is_nearer: Region = (pixels - ground) @ way > way @ way / 2
    return is_nearer


def _read_item(region: Region, color: str) -> ReadItem:
    shape, iou = _nearest_shape(region)
    area_px = int(region.sum())
    radius_px = math.sqrt(area_px / UNIT_AREAS[shape])
    size = min(RADIUS_PX, key=lambda name: abs(RADIUS_PX[name] - radius_px))
    x_px, y_px = _box_middle(region) - radius_px * _outline_middle(shape)
    position = "center" if size == "large" else _nearest_place(x_px, y_px)
    return ReadItem(shape, color, size, position, float(x_px), float(y_px), radius_px, area_px, iou)


def _box_middle(region: Region) -> Points:
    rows, columns = np.nonzero(region)
    corners = np.array([(columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)])
    return corners.mean(axis=0)


def _outline_middle(shape: str) -> Points:
    # A heart hangs by a third of its radius below the middle that it is placed by.
    points = outline(shape)
    return (points.min(axis=0) + points.max(axis=0)) / 2


def _largest_first(items: Sequence[ReadItem]) -> tuple[ReadItem, ...]:
    return tuple(sorted(items, key=lambda item: -item.area_px))


def _nearest(color: Pixels, names: Mapping[str, Sequence[float]]) -> str:
    return min(names, key=lambda name: float(np.linalg.norm(color - _color(names[name]))))


def _nearest_place(x_px: float, y_px: float) -> str:
    x, y = x_px - PICTURE_PX / 2, y_px - PICTURE_PX / 2
    return min(OFFSET_PX, key=lambda name: math.dist((x, y), OFFSET_PX[name]))


def _nearest_shape(region: Region) -> tuple[str, float]:
    outline = _framed(region)
    overlap = np.minimum(TEMPLATES, outline).sum(axis=(1, 2))
    ious = overlap / np.maximum(TEMPLATES, outline).sum(axis=(1, 2))
    best = int(ious.argmax())
    return SHAPES[best // len(TILTS_RAD)], float(ious[best])


def _color(levels: Sequence[float]) -> Pixels:
    return np.asarray(levels, np.float32)


def _border_color(pixels: Pixels) -> Pixels:
    return _median(pixels[border(BORDER_PX)])


def _median(colors: Pixels) -> Pixels:
    return np.median(colors, axis=0).astype(np.float32)


def _parts(region: Region) -> list[Region]:
    """Split into the connected parts that are as large as an item."""
    labels = np.arange(1, region.size + 1, dtype=np.int32).reshape(region.shape) * region
    _spread(labels, region)
    numbers, areas = np.unique(labels[region], return_counts=True)
    is_item = (areas >= MIN_AREA_PX) & (areas <= MAX_AREA_PX)
    return [labels == number for number in numbers[is_item]]


def _filled(region: Region) -> Region:
    """Fill what the region encloses, also where the picture's edge cuts it open."""
    outside = np.zeros(region.shape, np.int32)
    outside[[0, 0, -1, -1], [0, -1, 0, -1]] = 1  # no item lies in a corner
    outside *= ~region
    _spread(outside, ~region)
    return ~outside.astype(np.bool_)


def _spread(labels: NDArray[np.int32], region: Region) -> None:
    """Let the highest label reach everything that is connected with it inside the region."""
    before = np.zeros_like(labels)
    while not np.array_equal(before, labels):
        before[:] = labels
        for lines, allowed in ((labels, region), (labels.T, region.T)):
            for swept, inside in ((lines, allowed), (lines[::-1], allowed[::-1])):
                for line in range(1, len(swept)):
                    swept[line] = np.maximum(swept[line], swept[line - 1]) * inside[line]


def _core(region: Region, width_px: int) -> Region:
    """Take the edge off, unless nothing would be left."""
    inner = _shrunk(region, width_px)
    return inner if inner.any() else region


def _opened(region: Region) -> Region:
    return grown(_shrunk(region, SPECK_PX), SPECK_PX)


def grown(region: Region, width_px: int) -> Region:
    """Widen the region by half of that odd width on every side."""
    padded = np.pad(region, width_px // 2)
    in_columns = sliding_window_view(padded, width_px, axis=0).any(axis=-1)
    in_both: Region = sliding_window_view(in_columns, width_px, axis=1).any(axis=-1)
    return in_both


def _shrunk(region: Region, width_px: int) -> Region:
    return ~grown(~region, width_px)


def _framed(region: Region) -> Mask:
    """Shift the region to the middle of a template's frame, and scale it to the same area."""
    rows, columns = np.nonzero(region)
    side_px = TEMPLATE_SIDE * math.sqrt(len(rows))
    # A margin on all sides, for the frame of an item at the picture's edge reaches beyond it.
    image = Image.fromarray(np.pad(region.astype(np.uint8) * 255, PICTURE_PX))
    left, top = (float(line.mean()) + 0.5 + PICTURE_PX - side_px / 2 for line in (columns, rows))
    frame = (left, top, left + side_px, top + side_px)
    size = (TEMPLATE_PX, TEMPLATE_PX)
    resized = image.resize(size, Image.Resampling.BILINEAR, box=frame)
    return np.asarray(resized, np.float32) / np.float32(255)


def _template_region(shape: str, tilt_rad: float) -> Region:
    middle = PICTURE_PX / 2
    item = Item(shape, "red", "large", "center", middle, middle, TEMPLATE_RADIUS_PX, tilt_rad)
    return item_mask(item) > 1 / 2


TEMPLATES = np.stack(
    [_framed(_template_region(shape, tilt)) for shape in SHAPES for tilt in TILTS_RAD]
)
"""Shape (30, 48, 48): every shape in turn, in each of the tilts."""
UNIT_AREAS = {
    shape: float(_template_region(shape, 0.0).sum()) / TEMPLATE_RADIUS_PX**2 for shape in SHAPES
}
"""Area of each shape with radius 1."""
