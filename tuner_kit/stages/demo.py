"""demo: the pictures for the whole flow on one's own CPU, and what is asked for afterwards."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.data.captions import add_trigger_word
from tuner_kit.process.messages import DrawShapesRequest, DrawShapesResult
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.disk_errors import explain_disk_errors

DEMO_STYLE = TRIGGER_WORD = "blueprint"
NUM_STYLED, NUM_PLAIN, NUM_UNSEEN = 29, 10, 8
STYLED_SEED, PLAIN_SEED, UNSEEN_SEED = 369, 255, 678
"""Chosen for variety; no unseen scene has shape and color in common with a styled one."""


@dataclass(frozen=True, slots=True)
class DemoPictures:
    """What the demo trains on, and what it asks for afterwards."""

    styled_dir: Path
    """Pictures in the style; their captions don't name it."""
    plain_dir: Path
    """Plain pictures, so that the style answers to its trigger word alone."""
    unseen_captions: tuple[str, ...]
    """Of scenes that are in neither folder."""

    @property
    def prompts(self) -> tuple[str, ...]:
        """Each unseen scene with the trigger word, then without."""
        return tuple(
            prompt
            for caption in self.unseen_captions
            for prompt in (add_trigger_word(caption, TRIGGER_WORD), caption)
        )


def draw_pictures(demo_dir: Path, *, on_event: OnEvent) -> DemoPictures:
    """Draw the two folders to train on, and name the scenes to ask for.

    The folders are the demo's own: pictures that are there already are used again.
    """
    styled_dir, plain_dir = demo_dir / DEMO_STYLE, demo_dir / "plain"
    work_dir = demo_dir / ".drawing"
    # Drawn to be named: a worker alone knows what stands in a scene.
    unseen_dir = work_dir / "unseen"

    def draw(folder: Path, number: int, seed: int, style: str | None) -> tuple[str, ...]:
        request = DrawShapesRequest(
            dataset_dir=folder.resolve(), num_pictures=number, style=style, seed=seed
        )
        return run_worker("draw_shapes", request, DrawShapesResult, work_dir, on_event).captions

    with explain_disk_errors(demo_dir):
        shutil.rmtree(work_dir, ignore_errors=True)
        work_dir.mkdir(parents=True)
    if not styled_dir.is_dir():
        draw(styled_dir, NUM_STYLED, STYLED_SEED, DEMO_STYLE)
    if not plain_dir.is_dir():
        draw(plain_dir, NUM_PLAIN, PLAIN_SEED, None)
    captions = draw(unseen_dir, NUM_UNSEEN, UNSEEN_SEED, None)
    shutil.rmtree(work_dir, ignore_errors=True)
    return DemoPictures(styled_dir, plain_dir, captions)
