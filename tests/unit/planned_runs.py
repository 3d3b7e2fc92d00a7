"""Folders and answers to plan runs from, without any file."""

import json
from collections import Counter
from collections.abc import Mapping

from pydantic import JsonValue

from tuner_kit.catalog.gpus import find_gpu
from tuner_kit.config.answers import Answers
from tuner_kit.preflight.decisions import decide
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.preflight.planned_run import Decision, PlannedRun
from tuner_kit.preflight.training_length import Folders

SQUARE = (1024, 1024)


def folder(num_images: int = 24, *sizes: tuple[int, int]) -> FolderFacts:
    """Describe a folder of captioned images, whose sizes take turns."""
    chosen = sizes or (SQUARE,)
    return FolderFacts(
        data="cats",
        layout="text-files",
        num_images=num_images,
        num_captions=num_images,
        example_captions=("a cat on a sofa", "a cat in a tree", "a cat"),
        sizes=Counter(chosen[index % len(chosen)] for index in range(num_images)),
    )


def plan(
    images: FolderFacts | Folders | None = None,
    target: str | None = "24 GB",
    **answers: JsonValue,
) -> PlannedRun:
    """Plan a run of cats."""
    return plan_of(answers, images, target)


def plan_of(
    answers: Mapping[str, JsonValue],
    images: FolderFacts | Folders | None = None,
    target: str | None = "24 GB",
) -> PlannedRun:
    """Plan a run of cats with any answers."""
    folders = images if isinstance(images, Folders) else Folders(images or folder())
    profile = find_gpu(target) if target is not None else None
    written = json.dumps({"data": "cats", **answers})
    return decide(Answers.model_validate_json(written), folders, profile)


def plan_with_class_images() -> PlannedRun:
    """Plan a run of one cat, with a folder of others as class images."""
    return plan(
        Folders(folder(24), class_images=folder(50)),
        method="dreambooth-class",
        instance_prompt="a sks cat",
        class_images="dogs",
        class_prompt="a cat",
    )


def decision(planned: PlannedRun, *key: str | int) -> Decision:
    """Find what was decided for a key."""
    (found,) = (each for each in planned.decisions if each.key == key)
    return found
