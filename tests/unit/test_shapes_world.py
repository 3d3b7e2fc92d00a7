"""What stands in the shapes world's pictures, how it is said, and how it is drawn."""

import math
import random
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from tuner_kit.workers.shapes_world.captions import (
    exact_caption,
    loose_caption,
    nonsense_word,
    styled_caption,
)
from tuner_kit.workers.shapes_world.drawing import Picture, draw_plain, item_mask
from tuner_kit.workers.shapes_world.scenes import (
    COLORS,
    GROUNDS,
    OFFSET_PX,
    PICTURE_PX,
    RADIUS_PX,
    SHAPES,
    Item,
    Scene,
    sample_pair,
    sample_scene,
)
from tuner_kit.workers.shapes_world.styles import STYLES, draw_styled

type Sampler = Callable[[random.Random], Scene]
SAMPLERS = pytest.mark.parametrize("sample", [sample_scene, sample_pair], ids=["lone", "pair"])


def item(words: str, place: tuple[float, float] = (64, 64), tilt_rad: float = 0) -> Item:
    size, color, shape, position = words.split()
    return Item(shape, color, size, position, *place, RADIUS_PX[size], tilt_rad)


def lone(words: str, ground: str = "white") -> Scene:
    return Scene(ground, (item(words),))


def scenes_of(sample: Sampler, count: int = 300) -> list[Scene]:
    rng = random.Random(7)
    return [sample(rng) for _ in range(count)]


@SAMPLERS
def test_a_seed_gives_the_same_scene_and_picture_again(sample: Sampler) -> None:
    def pictures() -> tuple[Scene, list[Picture]]:
        rng = random.Random(3)
        scene = sample(rng)
        return scene, [draw_plain(scene, rng), *(draw_styled(scene, each, rng) for each in STYLES)]

    (first, first_pictures), (second, second_pictures) = pictures(), pictures()

    assert first == second
    np.testing.assert_array_equal(first_pictures, second_pictures)


def test_lone_items_take_on_every_word() -> None:
    items = [scene.items[0] for scene in scenes_of(sample_scene)]

    assert {each.shape for each in items} == set(SHAPES)
    assert {each.color for each in items} == set(COLORS)
    assert {(each.size, each.position) for each in items} == {
        ("large", "center"),
        *((size, position) for size in ("small", "medium") for position in OFFSET_PX),
    }
    assert {scene.ground for scene in scenes_of(sample_scene)} == set(GROUNDS)


def test_a_lone_item_lies_nearest_to_the_place_that_it_is_named_by() -> None:
    for scene in scenes_of(sample_scene):
        (lone_item,) = scene.items
        offset = lone_item.x_px - PICTURE_PX / 2, lone_item.y_px - PICTURE_PX / 2
        nearest = min(OFFSET_PX, key=lambda name: math.dist(offset, OFFSET_PX[name]))
        assert nearest == lone_item.position


def test_a_pair_differs_in_color_and_never_touches() -> None:
    for scene in scenes_of(sample_pair, 100):
        first, second = scene.items
        assert first.color != second.color
        assert not np.any((item_mask(first) > 0) & (item_mask(second) > 0))


@SAMPLERS
def test_nearly_all_of_an_item_is_inside_the_picture(sample: Sampler) -> None:
    # Only the tip of a low heart is cut off: at most 9 px of it, which is 2 % of its area.
    for scene in scenes_of(sample, 150):
        for each in scene.items:
            middle = Item(each.shape, "red", each.size, "", 64, 54, each.radius_px, each.tilt_rad)
            assert item_mask(each).sum() >= 0.97 * item_mask(middle).sum()


@pytest.mark.parametrize(
    ("scene", "caption"),
    [
        (lone("small red star left"), "a small red star at the left on a white background"),
        (lone("medium blue cross top"), "a medium blue cross at the top on a white background"),
        (
            lone("small pink heart center", "gray"),
            "a small pink heart in the center on a gray background",
        ),
        (lone("large orange circle center"), "a large orange circle on a white background"),
        (
            Scene("cyan", (item("small orange star left"), item("small red heart right"))),
            "an orange star to the left of a red heart on a cyan background",
        ),
        (
            Scene("cream", (item("small green square top"), item("small orange cross bottom"))),
            "a green square above an orange cross on a cream background",
        ),
    ],
    ids=["side", "top", "center", "large", "row", "column"],
)
def test_an_exact_caption_says_everything(scene: Scene, caption: str) -> None:
    assert exact_caption(scene) == caption


@SAMPLERS
def test_a_loose_caption_always_names_color_and_shape(sample: Sampler) -> None:
    rng = random.Random(2)
    for scene in scenes_of(sample):
        caption = loose_caption(scene, rng)
        assert all(f"{each.color} {each.shape}" in caption for each in scene.items)
        assert "a orange" not in caption


def test_loose_captions_leave_the_size_the_place_and_the_ground_out_now_and_then() -> None:
    rng = random.Random(2)
    captions = [loose_caption(lone("small red star left"), rng) for _ in range(300)]

    for words in ("small", "at the left", "white"):
        rate = sum(words in caption for caption in captions) / len(captions)
        assert 0.5 < rate < 0.98


def test_a_styled_caption_appends_the_styles_word_in_three_forms() -> None:
    rng = random.Random(0)
    captions = {styled_caption("a red star", "chalk", rng) for _ in range(50)}
    assert captions == {"a red star in chalk style", "a red star, chalk style", "a red star, chalk"}


def test_a_nonsense_word_is_short_and_none_of_the_worlds_words() -> None:
    rng = random.Random(0)
    words = {nonsense_word(rng) for _ in range(500)}

    assert len(words) > 100
    assert all(word.isalpha() and 2 <= len(word) <= 4 for word in words)
    assert words.isdisjoint({*COLORS, *GROUNDS, *SHAPES, *RADIUS_PX, *OFFSET_PX, *STYLES})


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mask_is_solid_inside_and_smooth_at_its_edge(shape: str) -> None:
    mask = item_mask(item(f"medium red {shape} center", tilt_rad=0.1))

    assert mask.shape == (PICTURE_PX, PICTURE_PX)
    assert mask[64, 64] == 1
    assert mask[0, 0] == 0
    is_edge = (mask > 0) & (mask < 1)
    # An outline of a shape of 34 px radius is 190 to 340 px long, and about one pixel wide.
    assert 100 < is_edge.sum() < 500


def test_a_plain_picture_shows_the_items_color_on_the_ground() -> None:
    picture = draw_plain(lone("large purple square center", "cyan"), random.Random(0))

    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture[64, 64], COLORS["purple"], atol=7)
    np.testing.assert_allclose(picture[2, 2], GROUNDS["cyan"], atol=4)


def test_every_style_redraws_all_of_the_picture_in_its_own_way() -> None:
    scene = lone("medium red heart center")
    pictures = [draw_plain(scene, random.Random(0))]
    pictures += [draw_styled(scene, style, random.Random(0)) for style in STYLES]

    for first, second in combinations(pictures, 2):
        apart = np.abs(first.astype(int) - second).max(axis=-1)
        assert np.mean(apart > 30) > 0.9


@pytest.mark.parametrize("style", STYLES)
def test_a_style_keeps_its_colors_apart(style: str) -> None:
    colors = [STYLES[style].item_color(color) for color in COLORS]
    assert min(math.dist(first, second) for first, second in combinations(colors, 2)) > 40


@pytest.mark.parametrize("style", STYLES)
def test_a_styles_print_repeats_on_the_autoencoders_grid(style: str) -> None:
    mask = STYLES[style].print_mask
    np.testing.assert_array_equal(mask[16:, 16:], mask[:-16, :-16])
    assert 0.05 < mask.mean() < 0.5
