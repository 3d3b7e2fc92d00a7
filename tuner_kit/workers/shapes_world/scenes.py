"""What a picture of the shapes world can show: its words, its scenes, scenes drawn by lot.

Pictures are 128 x 128 px, x to the right and y down. The words are the whole vocabulary that the
embedded model knows about pictures.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PICTURE_PX = 128

type Rgb = tuple[int, int, int]

COLORS: Mapping[str, Rgb] = MappingProxyType(
    {
        "red": (220, 40, 40),
        "orange": (250, 140, 20),
        "yellow": (250, 220, 40),
        "green": (40, 160, 70),
        "blue": (40, 80, 220),
        "purple": (130, 50, 170),
        "pink": (250, 130, 190),
        "brown": (130, 80, 40),
    }
)
GROUNDS: Mapping[str, Rgb] = MappingProxyType(
    {
        "white": (250, 250, 250),
        "black": (20, 20, 20),
        "gray": (150, 150, 150),
        "cyan": (150, 225, 235),
        "cream": (245, 232, 200),
    }
)
SHAPES = ("circle", "square", "triangle", "star", "heart", "cross")
RADIUS_PX: Mapping[str, float] = MappingProxyType({"small": 24, "medium": 34, "large": 48})
OFFSET_PX: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"center": (0, 0), "left": (-24, 0), "right": (24, 0), "top": (0, -24), "bottom": (0, 24)}
)
"""Where a lone item's middle lies, from the picture's middle."""
PAIR_OFFSET_PX = 32
"""Two items stand this far on either side of the picture's middle."""
MAX_TILT_RAD = 0.12
PLACE_SPREAD_PX, PAIR_SPREAD_PX = 4.0, 3.0
RADIUS_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class Item:
    """One solid shape: what a caption calls it, and where exactly it lies."""

    shape: str
    color: str
    size: str
    position: str
    x_px: float
    y_px: float
    radius_px: float
    tilt_rad: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A plain ground and one item, or two side by side (left, right) or stacked (top, bottom)."""

    ground: str
    items: tuple[Item, ...]


def sample_scene(rng: random.Random) -> Scene:
    """Draw a scene with one item; a large one always stands in the middle."""
    size = rng.choice(list(RADIUS_PX))
    # The middle is as frequent as two of the sides, or it would be learned last.
    places = ["center"] if size == "large" else ["center", *OFFSET_PX]
    position = rng.choice(places)
    ground, shape, color = rng.choice(list(GROUNDS)), rng.choice(SHAPES), rng.choice(list(COLORS))
    item = _place(rng, (shape, color, size, position), OFFSET_PX[position], PLACE_SPREAD_PX)
    return Scene(ground, (item,))


def sample_pair(rng: random.Random) -> Scene:
    """Draw a scene with two small items of different colors."""
    positions = rng.choice([("left", "right"), ("top", "bottom")])
    colors = rng.sample(list(COLORS), 2)
    items = []
    for position, color in zip(positions, colors, strict=True):
        step_x, step_y = (
            PAIR_OFFSET_PX * (side > 0) - PAIR_OFFSET_PX * (side < 0)
            for side in OFFSET_PX[position]
        )
        looks = (rng.choice(SHAPES), color, "small", position)
        items.append(_place(rng, looks, (step_x, step_y), PAIR_SPREAD_PX))
    return Scene(rng.choice(list(GROUNDS)), tuple(items))


def _place(
    rng: random.Random,
    looks: tuple[str, str, str, str],
    offset_px: tuple[float, float],
    spread_px: float,
) -> Item:
    shape, color, size, position = looks
    return Item(
        shape=shape,
        color=color,
        size=size,
        position=position,
        x_px=PICTURE_PX / 2 + offset_px[0] + rng.uniform(-spread_px, spread_px),
        y_px=PICTURE_PX / 2 + offset_px[1] + rng.uniform(-spread_px, spread_px),
        radius_px=RADIUS_PX[size] * rng.uniform(1 - RADIUS_SPREAD, 1 + RADIUS_SPREAD),
        tilt_rad=rng.uniform(-MAX_TILT_RAD, MAX_TILT_RAD),
    )
