"""Say whether a picture is in one of the styles, by its palette and its texture alone.

Two numbers decide: how much of the border has the style's paper, and how strongly the style's own
pattern shows in it. The thresholds were calibrated on drawn pictures that were blurred and made
noisy; no trained model takes part.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageFilter

from tuner_kit.workers.shapes_world.drawing import Picture, draw_plain, to_picture
from tuner_kit.workers.shapes_world.reading import Region, border, grown, line_distance
from tuner_kit.workers.shapes_world.scenes import sample_pair, sample_scene
from tuner_kit.workers.shapes_world.styles import STYLES, Style, draw_styled

BORDER_PX = 8
PAPER_TOLERANCE = 40.0
"""Colors closer than this to a mix of paper and print are paper; the nearest ground is 57 levels off."""
SOFT_EDGE_PX = 5
"""Width of the filter that keeps an item's soft edge off the paper."""
WEAR_BLUR_PX, WEAR_NOISE = 1.75, 8.0
"""Radius and levels: what may become of a style on its way through a small model and its autoencoder."""


@dataclass(frozen=True, slots=True)
class StyleStatistics:
    """How much a picture looks like one style."""

    paper_rate: float
    """Share of the border in the paper's colors, in 0..1."""
    texture_strength: float
    """Contrast of the style's pattern on the paper: about 1 as drawn, 0 on flat paper."""


@dataclass(frozen=True, slots=True)
class StyleThresholds:
    """What a picture's statistics have to reach for it to be in the style."""

    paper_rate: float
    texture_strength: float


CALIBRATION_SEED, CALIBRATION_PICTURES = 1, 16
THRESHOLDS: Mapping[str, StyleThresholds] = MappingProxyType(
    {
        "blueprint": StyleThresholds(paper_rate=0.50, texture_strength=0.18),
        "chalk": StyleThresholds(paper_rate=0.50, texture_strength=0.22),
        "halftone": StyleThresholds(paper_rate=0.50, texture_strength=0.13),
    }
)
"""What `calibrate` gave for the seed and the number above."""


def recognize_style(picture: Picture) -> str | None:
    """Name the style that the picture is in, or None."""
    for style, thresholds in THRESHOLDS.items():
        statistics = style_statistics(picture, style)
        has_paper = statistics.paper_rate >= thresholds.paper_rate
        if has_paper and statistics.texture_strength >= thresholds.texture_strength:
            return style
    return None


def style_statistics(picture: Picture, style: str) -> StyleStatistics:
    """Measure the style's paper and pattern in the picture."""
    look = STYLES[style]
    return StyleStatistics(_paper_rate(picture, look), _print_contrast(picture, look))


def calibrate(seed: int, num_pictures: int) -> dict[str, StyleThresholds]:
    """Derive each style's thresholds from that many worn pictures in each style.

    Both lie midway between what is usual in the style and what is usual out of it: for the paper in
    plain pictures and in the other styles, for the texture on the same paper without its pattern.
    """
    rng, noise = random.Random(seed), np.random.default_rng(seed)  # noqa: S311  # drawing lots
    scenes = [rng.choice((sample_scene, sample_pair))(rng) for _ in range(num_pictures)]
    plain = [_worn(draw_plain(scene, rng), noise) for scene in scenes]
    styled = {style: [draw_styled(scene, style, rng) for scene in scenes] for style in STYLES}
    worn = {style: [_worn(each, noise) for each in styled[style]] for style in STYLES}
    thresholds = {}
    for style, look in STYLES.items():
        own = [style_statistics(each, style) for each in worn[style]]
        others = [*plain, *(each for name in STYLES if name != style for each in worn[name])]
        flat = [_worn(_flattened(each, look), noise) for each in styled[style]]
        thresholds[style] = StyleThresholds(
            _midway(
                [each.paper_rate for each in own], [_paper_rate(each, look) for each in others]
            ),
            _midway(
                [each.texture_strength for each in own],
                [style_statistics(each, style).texture_strength for each in flat],
            ),
        )
    return thresholds


def _midway(own: Sequence[float], others: Sequence[float]) -> float:
    return float(np.median(own) + np.median(others)) / 2


def _paper_rate(picture: Picture, look: Style) -> float:
    return float(_paper(picture, look)[border(BORDER_PX)].mean())


def _print_contrast(picture: Picture, look: Style) -> float:
    """Fit the style's pattern to the paper: how far the colors go from paper to print with it."""
    region = ~grown(~_paper(picture, look), SOFT_EDGE_PX)
    mask = look.print_mask[region]
    is_uniform = mask.size == 0 or mask.min() == mask.max()
    if is_uniform:  # there is no paper, or only a scrap of it
        return 0.0
    paper, print_color = np.array(look.paper), np.array(look.print_color)
    way = print_color - paper
    share = (picture[region] - paper) @ way / (way @ way)
    centered = mask - mask.mean()
    return float(centered @ share / (centered @ centered))


def _paper(picture: Picture, look: Style) -> Region:
    distance = line_distance(picture.astype(np.float32), look.paper, look.print_color)
    return distance < PAPER_TOLERANCE


def _flattened(picture: Picture, look: Style) -> Picture:
    """Take the pattern off the paper."""
    is_paper, flat = _paper(picture, look), picture.copy()
    flat[is_paper] = picture[is_paper].mean(axis=0).astype(np.uint8)
    return flat


def _worn(picture: Picture, noise: np.random.Generator) -> Picture:
    """Blur the picture and add noise."""
    blurred = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(WEAR_BLUR_PX))
    levels = np.asarray(blurred) + noise.normal(0, WEAR_NOISE, picture.shape)
    return to_picture(levels.astype(np.float32))
