"""A picture counts as one in a style when it has both the style's paper and its pattern."""

import random
from itertools import permutations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tuner_kit.workers.shapes_world.drawing import (
    Mask,
    Picture,
    draw_plain,
    flat,
    item_mask,
    paint,
    to_picture,
)
from tuner_kit.workers.shapes_world.recognition import (
    CALIBRATION_PICTURES,
    CALIBRATION_SEED,
    THRESHOLDS,
    calibrate,
    recognize_style,
    style_statistics,
)
from tuner_kit.workers.shapes_world.scenes import GROUNDS, Item, Scene, sample_pair, sample_scene
from tuner_kit.workers.shapes_world.styles import STYLES, draw_styled

EVERY_STYLE = pytest.mark.parametrize("style", STYLES)


def scenes(count: int) -> list[Scene]:
    rng = random.Random(21)
    return [rng.choice((sample_scene, sample_pair))(rng) for _ in range(count)]


def worn(picture: Picture, blur_px: float = 1) -> Picture:
    image = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(blur_px))
    noise = np.random.default_rng(4).normal(0, 8, picture.shape).astype(np.float32)
    return to_picture(np.asarray(image, np.float32) + noise)


def on_paper(style: str, print_mask: Mask) -> Picture:
    """Draw one item on the style's paper, which is printed on as the mask says."""
    look = STYLES[style]
    canvas = paint(flat(look.paper), look.print_color, print_mask)
    heart = Item("heart", "red", "medium", "left", 40, 64, 34, 0)
    return to_picture(paint(canvas, look.item_color("red"), item_mask(heart)))


def with_bare_cells(style: str, rate: float) -> Mask:
    """Take the print off that share of the 16 px cells."""
    bare = np.random.default_rng(6).permutation(64).reshape(8, 8) < 64 * rate
    return STYLES[style].print_mask * ~bare.repeat(16, axis=0).repeat(16, axis=1)


@EVERY_STYLE
def test_pictures_in_a_style_are_recognized(style: str) -> None:
    rng = random.Random(2)
    names = [recognize_style(draw_styled(scene, style, rng)) for scene in scenes(10)]
    assert set(names) == {style}


def test_plain_pictures_are_in_no_style() -> None:
    rng = random.Random(3)
    pictures = [draw_plain(scene, rng) for scene in scenes(10)]
    assert {recognize_style(each) for each in [*pictures, *map(worn, pictures)]} == {None}


@EVERY_STYLE
def test_paper_without_its_pattern_is_not_yet_a_style(style: str) -> None:
    flat_paper = on_paper(style, np.zeros((128, 128), np.float32))

    assert style_statistics(flat_paper, style).paper_rate > 0.9
    assert {recognize_style(flat_paper), recognize_style(worn(flat_paper))} == {None}


@EVERY_STYLE
def test_a_strip_of_a_style_above_a_plain_ground_is_not_yet_that_style(style: str) -> None:
    picture = on_paper(style, STYLES[style].print_mask)
    picture[32:] = GROUNDS["white"]

    assert style_statistics(picture, style).texture_strength > 0.9
    assert recognize_style(picture) is None


@pytest.mark.parametrize(("style", "other"), list(permutations(STYLES, 2)))
def test_another_styles_pattern_on_the_paper_is_no_style(style: str, other: str) -> None:
    assert recognize_style(on_paper(style, STYLES[other].print_mask)) is None


@EVERY_STYLE
def test_a_pattern_at_half_its_contrast_is_recognized_when_blurred(style: str) -> None:
    faint = on_paper(style, STYLES[style].print_mask * np.float32(0.5))
    assert recognize_style(worn(faint)) == style


@EVERY_STYLE
def test_a_pattern_at_a_tenth_of_its_contrast_is_too_faint(style: str) -> None:
    assert recognize_style(on_paper(style, STYLES[style].print_mask * np.float32(0.1))) is None


@EVERY_STYLE
@pytest.mark.parametrize(
    ("bare_rate", "is_recognized"), [(0.3, True), (0.9, False)], ids=["few", "most"]
)
def test_the_pattern_may_be_missing_in_places(
    style: str, bare_rate: float, *, is_recognized: bool
) -> None:
    patchy = worn(on_paper(style, with_bare_cells(style, bare_rate)))
    assert (recognize_style(patchy) == style) is is_recognized


@EVERY_STYLE
@pytest.mark.parametrize("contrast", [1.0, 0.5, 0.0])
def test_texture_strength_is_the_contrast_of_the_print(style: str, contrast: float) -> None:
    print_mask = np.float32(contrast) * STYLES[style].print_mask
    statistics = style_statistics(on_paper(style, print_mask), style)
    # A blend of an item and the paper can pass for paper, on few pixels around the item.
    assert statistics.texture_strength == pytest.approx(contrast, abs=0.03)


def test_a_scrap_of_paper_has_no_texture() -> None:
    picture = to_picture(flat(GROUNDS["white"])).copy()
    picture[60:70, 60:70] = STYLES["chalk"].paper
    assert style_statistics(picture, "chalk").texture_strength == 0


def test_the_thresholds_are_what_calibration_gives() -> None:
    calibrated = calibrate(CALIBRATION_SEED, CALIBRATION_PICTURES)

    assert calibrated.keys() == THRESHOLDS.keys()
    for style, thresholds in calibrated.items():
        # The table is rounded to two places; other versions of Pillow may shift an edge by a level.
        assert thresholds.paper_rate == pytest.approx(THRESHOLDS[style].paper_rate, abs=0.01)
        assert thresholds.texture_strength == pytest.approx(
            THRESHOLDS[style].texture_strength, abs=0.01
        )
