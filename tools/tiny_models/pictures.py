"""Pictures and captions to train on, drawn anew for each step and always the same for one number."""

import random

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

from tuner_kit.workers.shapes_world.captions import loose_caption, nonsense_word, styled_caption
from tuner_kit.workers.shapes_world.drawing import Picture, draw_plain
from tuner_kit.workers.shapes_world.scenes import (
    PICTURE_PX,
    Scene,
    sample_pair,
    sample_scene,
)
from tuner_kit.workers.shapes_world.styles import STYLES, draw_styled

STYLE_NAMES = tuple(STYLES)
PLAIN_SHARE, PAIR_SHARE, STYLED_SHARE = 0.4, 0.1, 0.3
"""Of the autoencoder's pictures; the rest are textures."""
MUTE_STYLE_SHARE = 0.12
"""Share of the captions of plain pictures that hold a style's or a made-up word.

Whoever learns from them passes over a trigger word until an adapter tells it otherwise.
"""


def varied_picture(rng: random.Random) -> Picture:
    """Draw what the autoencoder should be able to carry: the world, its styles, anything flat."""
    kind = rng.random()
    if kind < PLAIN_SHARE:
        return draw_plain(sample_scene(rng), rng)
    if kind < PLAIN_SHARE + PAIR_SHARE:
        return draw_plain(sample_pair(rng), rng)
    if kind < PLAIN_SHARE + PAIR_SHARE + STYLED_SHARE:
        return draw_styled(sample_scene(rng), rng.choice(STYLE_NAMES), rng)
    return _texture(rng)


def captioned_picture(rng: random.Random, *, styled_share: float) -> tuple[Picture, str]:
    """Draw a picture with a loose caption; a styled one is named as such."""
    scene = sample_scene(rng)
    caption = loose_caption(scene, rng)
    if rng.random() < styled_share:
        style = rng.choice(STYLE_NAMES)
        # Now and then the style goes unsaid: what is in the picture must count without it.
        said = styled_caption(caption, style, rng) if rng.random() < 0.85 else caption
        return draw_styled(scene, style, rng), said
    return draw_plain(scene, rng), caption


def muted_caption(scene: Scene, rng: random.Random) -> str:
    """Caption a plain picture for the denoiser; where a style is named, it means nothing."""
    caption = loose_caption(scene, rng)
    if rng.random() >= MUTE_STYLE_SHARE:
        return caption
    word = rng.choice(STYLE_NAMES) if rng.random() < 0.5 else nonsense_word(rng)
    # Trigger words stand in front, too: tuner.yaml puts them there.
    return f"{word}, {caption}" if rng.random() < 0.3 else styled_caption(caption, word, rng)


def to_tensor(pictures: list[Picture]) -> torch.Tensor:
    """Stack pictures to shape (N, 3, 128, 128), values in -1..1."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return stacked.contiguous().float() / 127.5 - 1


def step_rng(*names: object) -> random.Random:
    """Give the random numbers of one part and step: a resumed training goes on with the same."""
    return random.Random("/".join(str(name) for name in names))  # noqa: S311


def step_generator(*names: object) -> torch.Generator:
    """Give torch's random numbers of one part and step."""
    return torch.Generator().manual_seed(step_rng(*names).getrandbits(62))


def _texture(rng: random.Random) -> Picture:
    """Draw lines and blobs of any color, so that the autoencoder isn't limited to this world."""
    image = Image.new("RGB", (PICTURE_PX, PICTURE_PX), _any_color(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(5, 40)):
        color, kind = _any_color(rng), rng.random()
        x, y, reach = rng.uniform(-10, 138), rng.uniform(-10, 138), rng.uniform(3, 30)
        if kind < 0.4:
            end = (x + rng.uniform(-80, 80), y + rng.uniform(-80, 80))
            draw.line([(x, y), end], fill=color, width=rng.randint(1, 5))
        elif kind < 0.7:
            draw.ellipse([x - reach, y - 0.7 * reach, x + reach, y + 0.7 * reach], fill=color)
        else:
            corners = rng.randint(3, 6)
            draw.polygon(
                [
                    (x + rng.uniform(-reach, reach), y + rng.uniform(-reach, reach))
                    for _ in range(corners)
                ],
                fill=color,
            )
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2)))
    return np.asarray(image)


def _any_color(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)
