"""What the images decide: resolution, cropping, repeats, and with them the number of steps."""

from dataclasses import dataclass, replace

from tuner_kit.catalog.recipes import ModelRecipe
from tuner_kit.config.answers import Answers
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.preflight.planned_run import Decider
from tuner_kit.preflight.training_length import (
    Folders,
    TrainingLength,
    plan_folder,
    plan_length,
    suggest_views,
)
from tuner_kit.simpletuner.bucket_plan import BucketSettings

_MAX_ENLARGED_RATE = 0.2
"""Of the images: a few that are enlarged do less harm than a small resolution for all."""
_MIN_SQUARE_RATE = 0.9
_MAX_REPEATS = 7
"""To fill a step from a rare shape; beyond, its few images would be seen too often at once."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value with who decided it and why."""

    value: int
    by: Decider
    reason: str


def choose_resolution(answers: Answers, folder: FolderFacts, recipe: ModelRecipe) -> Chosen:
    """Choose the edge of the training images, before memory is looked at."""
    if answers.resolution_px is not None:
        return Chosen(answers.resolution_px, Decider.YOU, "your answer")
    best_px = recipe.resolutions_px[0]
    for edge_px in recipe.resolutions_px:
        if folder.share_smaller_than(edge_px) <= _MAX_ENLARGED_RATE:
            if edge_px == best_px:
                return Chosen(edge_px, Decider.MODEL, "what the model draws best")
            return Chosen(
                edge_px,
                Decider.DATA,
                f"at {best_px} px {folder.share_smaller_than(best_px):.0%} would be enlarged",
            )
    smallest_px = recipe.resolutions_px[-1]
    return Chosen(smallest_px, Decider.DATA, f"the images are about {folder.short_edge_px} px")


def is_mostly_square(folder: FolderFacts) -> bool:
    """Whether nearly all images can be cut to squares without losing anything."""
    return folder.share_square >= _MIN_SQUARE_RATE


def choose_crop(folder: FolderFacts, settings: BucketSettings) -> tuple[str, str]:
    """Choose how images are cut, and say why: `center` or `none`.

    Args:
        folder: the images.
        settings: of the run, without cropping.
    """
    if is_mostly_square(folder):
        return "center", f"{folder.share_square:.0%} of the images are square"
    repeats = plan_folder(folder, settings).min_repeats
    if repeats <= _MAX_REPEATS:
        return "none", f"{folder.num_shapes} shapes: nothing is cut off"
    return "center", f"{folder.num_shapes} shapes, some with too few images to fill a step"


def choose_views(answers: Answers, folder: FolderFacts) -> Chosen:
    """Choose how often each image is shown in the whole run."""
    if answers.views_per_image is not None:
        return Chosen(answers.views_per_image, Decider.YOU, "your answer")
    views = suggest_views(folder.num_images, answers.purpose)
    return Chosen(views, Decider.DATA, f"{folder.num_images} images of a {answers.purpose}")


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """How the folders are trained at one resolution and batch."""

    settings: BucketSettings
    crop: str
    crop_reason: str
    views: Chosen
    length: TrainingLength


def plan_folders(answers: Answers, folders: Folders, wanted: BucketSettings) -> FolderPlan:
    """Plan cropping, repeats and length.

    Args:
        answers: what the person said.
        folders: the images.
        wanted: resolution and batch; cropping and repeats are chosen here.
    """
    uncropped = replace(wanted, is_cropped=False, repeats=0)
    crop, reason = choose_crop(folders.main, uncropped)
    settings = replace(uncropped, is_cropped=crop == "center")
    views = choose_views(answers, folders.main)
    return FolderPlan(settings, crop, reason, views, plan_length(folders, settings, views.value))
