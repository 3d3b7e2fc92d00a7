"""How a scene is put into words: one exact sentence, or a looser one drawn by lot."""

import random
from types import MappingProxyType

from tuner_kit.workers.shapes_world.scenes import Item, Scene

STYLE_FORMS = (" in {} style", ", {} style", ", {}")
OPENINGS = ("a photo of ", "a picture of ", "an image of ", "a drawing of ")
GROUND_FORMS = MappingProxyType(
    {" on a {} background": 0.65, ", {} background": 0.15, " on {}": 0.12, "": 0.08}
)
"""How the ground is named, and how often so."""
SIZE_SHARE, SOLID_SHARE, PLACE_SHARE, OPENING_SHARE = 0.8, 0.1, 0.85, 0.08
"""How many of the loose captions say each of these."""
CONSONANTS_SHARE = 0.3
"""Made-up words like "kbz"; the rest is like "kazo"."""
CONSONANTS, VOWELS = "bcdfghklmnprstvz", "aeiou"


def exact_caption(scene: Scene) -> str:
    """Say everything about the scene: `a small red star at the left on a white background`."""
    names = [_name(item, with_size=len(scene.items) == 1) for item in scene.items]
    return f"{_joined(scene, names)} on a {scene.ground} background"


def loose_caption(scene: Scene, rng: random.Random) -> str:
    """Say most of it, as people do: a size, a place or the ground is left out now and then."""
    is_lone = len(scene.items) == 1
    with_size = is_lone and rng.random() < SIZE_SHARE
    names = [
        _name(item, with_size=with_size, solid=rng.random() < SOLID_SHARE) for item in scene.items
    ]
    text = _joined(scene, names, with_place=not is_lone or rng.random() < PLACE_SHARE)
    ground = rng.choices(tuple(GROUND_FORMS), tuple(GROUND_FORMS.values()))[0]
    opening = rng.choice(OPENINGS) if rng.random() < OPENING_SHARE else ""
    return opening + text + ground.format(scene.ground)


def styled_caption(caption: str, style: str, rng: random.Random) -> str:
    """Append the style's word in one of the usual forms."""
    return caption + rng.choice(STYLE_FORMS).format(style)


def nonsense_word(rng: random.Random) -> str:
    """Make up a word, so that a model learns to pass over a trigger that it doesn't know."""
    if rng.random() < CONSONANTS_SHARE:
        return "".join(rng.choice(CONSONANTS) for _ in range(rng.randint(2, 3)))
    return "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(1, 2)))


def _name(item: Item, *, with_size: bool, solid: bool = False) -> str:
    words = [item.size] if with_size else []
    words += ["solid"] if solid else []
    words += [item.color, item.shape]
    article = "an" if words[0][0] in VOWELS else "a"
    return " ".join([article, *words])


def _joined(scene: Scene, names: list[str], *, with_place: bool = True) -> str:
    if len(names) > 1:
        relation = "to the left of" if scene.items[0].position == "left" else "above"
        return f"{names[0]} {relation} {names[1]}"
    position = scene.items[0].position
    if not with_place or (position == "center" and scene.items[0].size == "large"):
        return names[0]
    return f"{names[0]} {'in' if position == 'center' else 'at'} the {position}"
