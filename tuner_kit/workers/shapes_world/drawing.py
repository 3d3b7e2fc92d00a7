"""Draw a scene: its items' outlines, their masks, and the plain picture."""

import math
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tuner_kit.workers.shapes_world.scenes import COLORS, GROUNDS, PICTURE_PX, Item, Rgb, Scene

type Picture = NDArray[np.uint8]
"""Shape (128, 128, 3), RGB."""
type Mask = NDArray[np.float32]
"""Shape (128, 128): how much of each pixel is covered, in 0..1."""
type Points = NDArray[np.float64]

SUPERSAMPLING = 3
ITEM_TINT, GROUND_TINT = 7.0, 4.0
"""Colors vary by so much in each channel, as no two paints are the same."""
CURVE_POINTS = 60
STAR_INNER, CROSS_ARM, SQUARE_HALF = 0.42, 0.34, 0.88


def draw_plain(scene: Scene, rng: random.Random) -> Picture:
    """Draw solid shapes on the plain ground."""
    canvas = flat(tinted(GROUNDS[scene.ground], rng, GROUND_TINT))
    for item in scene.items:
        canvas = paint(canvas, tinted(COLORS[item.color], rng, ITEM_TINT), item_mask(item))
    return to_picture(canvas)


def flat(color: Rgb) -> NDArray[np.float32]:
    """Give a canvas of one color, shape (128, 128, 3), values in 0..255."""
    return np.full((PICTURE_PX, PICTURE_PX, 3), color, np.float32)


def paint(canvas: NDArray[np.float32], color: Rgb, mask: Mask) -> NDArray[np.float32]:
    """Lay one color over the canvas where the mask is."""
    return canvas + mask[..., None] * (np.array(color, np.float32) - canvas)


def to_picture(canvas: NDArray[np.float32]) -> Picture:
    """Round the canvas to whole levels."""
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def tinted(color: Rgb, rng: random.Random, spread: float) -> Rgb:
    """Give nearly that color."""
    red, green, blue = (
        min(255, max(0, round(level + rng.uniform(-spread, spread)))) for level in color
    )
    return red, green, blue


def item_mask(item: Item) -> Mask:
    """Rasterize the item with smooth edges."""
    cosine, sine = math.cos(item.tilt_rad), math.sin(item.tilt_rad)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    points = outline(item.shape) * item.radius_px @ turn + (item.x_px, item.y_px)
    side_px = PICTURE_PX * SUPERSAMPLING
    image = Image.new("L", (side_px, side_px), 0)
    corners = [(float(x), float(y)) for x, y in points * SUPERSAMPLING]
    ImageDraw.Draw(image).polygon(corners, fill=255)
    covered: Mask = np.asarray(image.reduce(SUPERSAMPLING), np.float32)
    return covered / np.float32(255)


def outline(shape: str) -> Points:
    """Give the outline's corners, shape (N, 2), y down; about within -1..1, the heart lower."""
    return OUTLINES[shape]


def _circle() -> Points:
    angle = np.linspace(0, 2 * math.pi, CURVE_POINTS, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _star() -> Points:
    angle = np.arange(10) * math.pi / 5
    radius = np.where(np.arange(10) % 2 == 0, 1, STAR_INNER)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1)


def _heart() -> Points:
    angle = np.linspace(0, 2 * math.pi, CURVE_POINTS, endpoint=False)
    x = 16 * np.sin(angle) ** 3
    y = -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle))
    return np.stack([x / 17, (y + 2.5) / 15], axis=1)


def _cross() -> Points:
    quarter = np.array([(-CROSS_ARM, -1), (CROSS_ARM, -1), (CROSS_ARM, -CROSS_ARM)])
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    turned = [quarter @ np.linalg.matrix_power(turn, number) for number in range(4)]
    return np.concatenate(turned)


OUTLINES: dict[str, Points] = {
    "circle": _circle(),
    "square": SQUARE_HALF * np.array([(-1.0, -1.0), (1, -1), (1, 1), (-1, 1)]),
    "triangle": np.array([(0.0, -1.0), (1, 0.85), (-1, 0.85)]),
    "star": _star(),
    "heart": _heart(),
    "cross": _cross(),
}
