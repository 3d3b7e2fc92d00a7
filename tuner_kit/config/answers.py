"""What a person answers: the few decisions from which a whole tuner.yaml follows.

The wizard fills this in question by question, `--answers FILE` gives it at once. What is not
answered takes the suggestion that fits the data and the machine.
"""

from typing import Annotated, Literal

from pydantic import Field

from tuner_kit.catalog.layouts import AUTO_LAYOUT, LayoutName
from tuner_kit.config.run_config import RunName
from tuner_kit.config.strict_model import StrictModel

Purpose = Literal["style", "subject", "concept"]
Method = Literal["lora", "lokr", "full", "dreambooth", "dreambooth-class"]

THIS_GPU = "this"
"""The GPU of the machine that the question is asked on."""


class Answers(StrictModel):
    """Answers to the wizard's questions; `model_fields_set` names those that were given."""

    schema_version: Literal[1] = 1
    """Version of this format."""
    data: Annotated[str, Field(min_length=1)] | None = None
    """Folder of images, or `hf://datasets/user/name`."""
    layout: LayoutName = AUTO_LAYOUT
    """Where the captions of the folder are; only asked where a folder fits several."""
    purpose: Purpose = "style"
    """What the images have in common: a style, one subject (person, animal, thing), a concept."""
    trigger_word: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Put in front of each caption that doesn't contain it; null for none."""
    instance_prompt: Annotated[str, Field(min_length=1)] | None = None
    """One caption for every image."""
    fallback_caption: Annotated[str, Field(min_length=1)] | None = None
    """Caption of the images that have none."""
    base: Annotated[str, Field(min_length=1)] | None = None
    """Base model: hub id, folder in diffusers layout, or `embedded:tiny-sd3`."""
    method: Method = "lora"
    """What is trained: an adapter (lora, lokr), the whole model, or a subject by DreamBooth."""
    class_images: Annotated[str, Field(min_length=1)] | None = None
    """Folder of ordinary images of the subject's class, for DreamBooth with class images."""
    class_prompt: Annotated[str, Field(min_length=1)] | None = None
    """What these show: `a photo of a dog`."""
    gpu: Annotated[str, Field(min_length=1)] = THIS_GPU
    """`this`, a name such as `RTX 4090`, or a size such as `24 GB`."""
    num_gpus: Annotated[int, Field(ge=1, le=64)] = 1
    """GPUs that train together."""
    views_per_image: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How often each image is shown in the whole run."""
    resolution_px: Annotated[int, Field(ge=64, le=2048, multiple_of=64)] | None = None
    """Edge of the training images; null lets the data, the model and the GPU decide."""
    prompts: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What to draw while training; none takes captions of the images."""
    tracker: Literal["none", "tensorboard", "wandb"] = "none"
    """Where the curves go besides the run's own folder."""
    hub_model_id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    """`user/name` on the Hub, to be published to later; null for none."""
    plain_images: Annotated[str, Field(min_length=1)] | None = None
    """Folder of other images, trained without the trigger word, so that it means these only."""
    name: RunName | None = None
    """Name of the run; null takes the folder's."""
    runs_dir: Annotated[str, Field(min_length=1)] | None = None
    """Folder of all runs; null takes `runs` beside tuner.yaml."""
