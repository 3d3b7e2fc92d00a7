"""The three styles that can be learned: each redraws a scene with its own palette and texture.

The textures repeat every 8 or 16 px, on the autoencoder's grid: what can be learned in minutes is
a look that is the same everywhere, and that is what such a texture is to the denoiser.
A style keeps an item's shape, place and color (as a tint); the ground becomes the style's paper.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tuner_kit.workers.shapes_world.drawing import (
    GROUND_TINT,
    ITEM_TINT,
    Mask,
    Picture,
    draw_plain,
    flat,
    item_mask,
    paint,
    tinted,
    to_picture,
)
from tuner_kit.workers.shapes_world.scenes import COLORS, PICTURE_PX, Rgb, Scene

type Pattern = NDArray[np.bool_]
"""Shape (128, 128)."""

ROWS, COLUMNS = np.mgrid[0:PICTURE_PX, 0:PICTURE_PX]
GRID_PX = 8
"""One latent stands for so many pixels."""
CONTOUR_PX = 5
"""Width of the filter that shrinks a mask: the contour is half as wide."""


@dataclass(frozen=True, slots=True)
class Style:
    """A look: the paper, what is printed on all of it, and how items are colored."""

    paper: Rgb
    print_color: Rgb
    print_mask: Mask
    """Where the paper is printed on."""
    tint: Rgb
    tint_share: float
    """How much of an item's color gives way to the tint, in 0..1."""
    hatch_color: Rgb
    hatch_mask: Mask
    """What covers the inside of an item."""
    contour_color: Rgb

    def item_color(self, color: str) -> Rgb:
        """Give the color that an item of that name has in this style."""
        pairs = zip(COLORS[color], self.tint, strict=True)
        red, green, blue = (round(a + self.tint_share * (b - a)) for a, b in pairs)
        return red, green, blue


def draw_scene(scene: Scene, style: str | None, rng: random.Random) -> Picture:
    """Draw the scene plainly, or in one of STYLES."""
    return draw_plain(scene, rng) if style is None else draw_styled(scene, style, rng)


def draw_styled(scene: Scene, style: str, rng: random.Random) -> Picture:
    """Draw the scene in one of STYLES."""
    look = STYLES[style]
    canvas = flat(tinted(look.paper, rng, GROUND_TINT))
    canvas = paint(canvas, look.print_color, look.print_mask)
    for item in scene.items:
        mask = item_mask(item)
        canvas = paint(canvas, tinted(look.item_color(item.color), rng, ITEM_TINT), mask)
        canvas = paint(canvas, look.hatch_color, mask * look.hatch_mask)
        canvas = paint(canvas, look.contour_color, mask - _shrunk(mask))
    return to_picture(canvas)


def _shrunk(mask: Mask) -> Mask:
    image = Image.fromarray(np.rint(mask * 255).astype(np.uint8))
    shrunk: Mask = np.asarray(image.filter(ImageFilter.MinFilter(CONTOUR_PX)), np.float32)
    return shrunk / np.float32(255)


def _stripes(ramp: NDArray[np.int64], period_px: int, width_px: int) -> Pattern:
    """Give lines across the way in which the ramp rises."""
    return np.asarray(ramp % period_px < width_px)


def _dots() -> Pattern:
    center, radius = (GRID_PX - 1) / 2, 2.6
    across, down = COLUMNS % GRID_PX - center, ROWS % GRID_PX - center
    return np.asarray(down**2 + across**2 < radius**2)


def _mask(pattern: Pattern, strength: float) -> Mask:
    return np.float32(strength) * pattern.astype(np.float32)


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "blueprint": Style(
            paper=(28, 62, 142),
            print_color=(92, 132, 208),
            print_mask=_mask(_stripes(ROWS, 16, 2) | _stripes(COLUMNS, 16, 2), 0.9),
            tint=(205, 222, 255),
            tint_share=0.45,
            hatch_color=(40, 78, 160),
            hatch_mask=_mask(_stripes(ROWS + COLUMNS, GRID_PX, 3), 0.35),
            contour_color=(238, 244, 255),
        ),
        "chalk": Style(
            paper=(34, 66, 50),
            print_color=(74, 110, 90),
            print_mask=_mask(_stripes(ROWS - COLUMNS, 16, 5), 0.8),
            tint=(240, 240, 225),
            tint_share=0.35,
            hatch_color=(34, 66, 50),
            hatch_mask=_mask(_stripes(ROWS, GRID_PX, 3), 0.4),
            contour_color=(250, 248, 235),
        ),
        "halftone": Style(
            paper=(255, 206, 150),
            print_color=(232, 128, 92),
            print_mask=_mask(_dots(), 0.9),
            tint=(60, 20, 70),
            tint_share=0.3,
            hatch_color=(40, 20, 60),
            hatch_mask=_mask(_dots(), 0.35),
            contour_color=(48, 22, 62),
        ),
    }
)
