"""Scenes of the shapes world by seed and number, so that two programs mean the same one."""

import random

from tuner_kit.workers.runtime import RepairableError
from tuner_kit.workers.shapes_world.drawing import Picture
from tuner_kit.workers.shapes_world.scenes import Scene, sample_scene
from tuner_kit.workers.shapes_world.styles import STYLES, draw_scene


def draw_numbered_scene(seed: int, number: int, style: str | None) -> tuple[Scene, Picture]:
    """Give the scene of that number, with its picture: plain, or in one of STYLES."""
    lots = random.Random(f"{seed} {number}")  # noqa: S311  # lots are drawn for pictures
    scene = sample_scene(lots)
    return scene, draw_scene(scene, style, lots)


def verify_style(style: str) -> None:
    """Refuse a style that nothing can be drawn in.

    Raises:
        RepairableError: it is none of STYLES.
    """
    if style not in STYLES:
        raise RepairableError(
            what=f"there is no style {style}",
            where="style",
            fix=f"use one of {', '.join(STYLES)}",
        )
