"""RunConfig + dataset views -> the trainer's files, as typed values.

Pure: nothing is read or written here. Every option that tuner_kit knows is written
explicitly, because SimpleTuner's defaults are unsafe in places (learning rate 4e-7,
validation at 256 px, both limits needed) and a later version may change them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import JsonValue

from tuner_kit.config.run_config import RunConfig
from tuner_kit.config.yaml_source import KeyPath
from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.simpletuner.bucket_plan import BucketPlan, count_steps
from tuner_kit.simpletuner.method_options import (
    METHOD_CONSTANTS,
    METHOD_SOURCES,
    lycoris_config,
    method_options,
)

_COPIED: Mapping[str, KeyPath] = MappingProxyType(
    {
        "model_family": ("model", "family"),
        "train_batch_size": ("training", "train_batch_size"),
        "gradient_accumulation_steps": ("training", "gradient_accumulation_steps"),
        "learning_rate": ("training", "learning_rate"),
        "lr_scheduler": ("training", "lr_scheduler"),
        "optimizer": ("training", "optimizer"),
        "mixed_precision": ("training", "mixed_precision"),
        "gradient_checkpointing": ("training", "gradient_checkpointing"),
        "max_grad_norm": ("training", "max_grad_norm"),
        "caption_dropout_probability": ("training", "caption_dropout_rate"),
        "checkpoint_step_interval": ("training", "checkpointing_steps"),
        "checkpoints_total_limit": ("training", "checkpoints_total_limit"),
        "vae_batch_size": ("training", "vae_batch_size"),
        "seed": ("training", "seed"),
        "resolution": ("datasets", 0, "resolution_px"),
        "validation_step_interval": ("validation", "validation_steps"),
        "validation_num_inference_steps": ("validation", "num_inference_steps"),
        "validation_guidance": ("validation", "guidance_scale"),
        "validation_seed": ("validation", "seed"),
        "validation_negative_prompt": ("validation", "negative_prompt"),
        "tracker_project_name": ("tracking", "project"),
        "tracker_run_name": ("name",),
    }
)
"""Options whose value stands in tuner.yaml as it is."""

_COMPUTED: Mapping[str, KeyPath] = MappingProxyType(
    {
        "pretrained_model_name_or_path": ("model", "base"),
        "revision": ("model", "revision"),
        "base_model_default_dtype": ("training", "mixed_precision"),
        "vae_dtype": ("training", "mixed_precision"),
        "max_train_steps": ("training", "max_train_steps"),
        "lr_warmup_steps": ("training", "lr_warmup_steps"),
        "validation_disable": ("validation", "prompts"),
        "user_prompt_library": ("validation", "prompts"),
        "validation_resolution": ("validation", "resolution_px"),
        "report_to": ("tracking", "tracker"),
        "output_dir": ("paths", "runs_dir"),
        "data_backend_config": ("datasets",),
    }
)
"""Options whose value follows from one in tuner.yaml."""

_ALWAYS: Mapping[str, JsonValue] = MappingProxyType(
    {
        # SimpleTuner refuses a file that sets both limits, or leaves one to its default.
        "num_train_epochs": 0,
        "resolution_type": "pixel_area",
        "minimum_image_size": 0,
        # Both families force their buckets to multiples of 64 (sd3/model.py, sd1x/model.py); the
        # parser wants text.
        "aspect_bucket_alignment": "64",
        "resume_from_checkpoint": "latest",
        # A checkpoint that a crash left half-written is dropped, and the one before it used.
        "delete_invalid_checkpoints": True,
        "validation_disable_unconditional": True,
        # Step 0 is the base model: the first column of every comparison.
        "validation_on_startup": True,
        "disable_benchmark": True,
        # We publish ourselves, after the adapter was verified.
        "push_to_hub": False,
    }
)

OPTION_SOURCES: Mapping[str, KeyPath] = MappingProxyType({**_COPIED, **_COMPUTED, **METHOD_SOURCES})
"""Where in tuner.yaml an option of config.json comes from."""

OWN_OPTIONS = frozenset(OPTION_SOURCES) | frozenset(_ALWAYS) | METHOD_CONSTANTS
"""Options that tuner_kit writes: `simpletuner:` can't set them as well."""


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """A private folder of images with their captions, ready for the trainer."""

    dir: Path
    """Absolute."""
    fingerprint: str
    """Of the images' bytes and their captions, wherever they lie."""
    buckets: BucketPlan
    """How the trainer will batch them."""
    dataset_index: int
    """Of the dataset in the configuration that it belongs to."""
    part: str = ""
    """Name of the part of that dataset."""
    is_regularization: bool = False
    """Class images: the base model's own answer to them is what the adapter shall keep."""


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """All that the trainer's files are made of."""

    config: RunConfig
    base_model: str
    """Hub id or absolute folder."""
    run: Run
    attempt: Attempt
    views: Sequence[ImageFolder]
    """One for each part of each dataset, in the order of the configuration."""


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """What is written before the trainer starts."""

    config: Mapping[str, JsonValue]
    backend: Sequence[Mapping[str, JsonValue]]
    prompts: Mapping[str, str]
    lycoris: Mapping[str, JsonValue] | None = None
    """The shape of a LoKr, for LyCORIS; None with another method."""


def build_training_files(inputs: TrainingInputs) -> TrainingFiles:
    """Build config.json, multibackend.json, the validation prompts and a LoKr's shape."""
    return TrainingFiles(
        config=build_options(inputs) | inputs.config.simpletuner,
        backend=_build_backend(inputs),
        prompts=validation_prompts(inputs.config),
        lycoris=lycoris_config(inputs.config),
    )


def validation_prompts(config: RunConfig) -> dict[str, str]:
    """Name the validation prompts; the names become part of file names."""
    return {
        f"prompt-{index:02d}": prompt
        for index, prompt in enumerate(config.validation.prompts, start=1)
    }


def count_train_steps(config: RunConfig, plans: Sequence[BucketPlan]) -> int:
    """Return the optimizer steps of a run.

    Epochs are turned into steps here, so that the total is known before training.

    Args:
        config: exactly one of epochs and max_train_steps is set.
        plans: one of each image folder.
    """
    training = config.training
    if training.max_train_steps is not None:
        return training.max_train_steps
    return max(1, count_steps(plans, training.epochs or 1))


def build_options(inputs: TrainingInputs) -> dict[str, JsonValue]:
    """Build every entry of config.json that tuner_kit decides."""
    config = inputs.config
    copied = {name: read_value(config, path) for name, path in _COPIED.items()}
    return {
        **_ALWAYS,
        **copied,
        **method_options(config, inputs.attempt.lycoris_path),
        **_run_options(inputs),
        **_numeric_options(inputs),
    }


def read_value(config: RunConfig, path: KeyPath) -> JsonValue:
    """Return the value at a path of the configuration."""
    value: Any = config
    for part in path:
        value = value[part] if isinstance(part, int) else getattr(value, part)
    found: JsonValue = value
    return found


def _run_options(inputs: TrainingInputs) -> dict[str, JsonValue]:
    """Name what the trainer loads and where it writes."""
    config = inputs.config
    # The trainer's own record is what our progress is read from.
    trackers = ["simpletuner", config.tracking.tracker]
    options: dict[str, JsonValue] = {
        "output_dir": str(inputs.run.checkpoints_dir),
        "data_backend_config": str(inputs.attempt.backend_path),
        "pretrained_model_name_or_path": inputs.base_model,
        "report_to": ",".join(name for name in trackers if name != "none"),
        "validation_disable": not config.validation.prompts,
    }
    if config.model.revision is not None:
        options["revision"] = config.model.revision
    if config.validation.prompts:
        options["user_prompt_library"] = str(inputs.attempt.prompts_path)
    return options


def _numeric_options(inputs: TrainingInputs) -> dict[str, JsonValue]:
    """Compute lengths, sizes and precisions."""
    config = inputs.config
    steps = count_train_steps(config, [view.buckets for view in inputs.views])
    size_px = config.validation.resolution_px
    return {
        "max_train_steps": steps,
        "lr_warmup_steps": _warmup_steps(config, steps),
        "base_model_default_dtype": _dtype(config),
        "vae_dtype": _dtype(config),
        "validation_resolution": f"{size_px}x{size_px}",
    }


def _dtype(config: RunConfig) -> str:
    return "bf16" if config.training.mixed_precision == "bf16" else "fp32"


def _warmup_steps(config: RunConfig, steps: int) -> int:
    """Translate warm-up: SimpleTuner reads it as the half-period of its `cosine`."""
    if config.training.lr_scheduler == "cosine":
        return steps
    return 0 if config.training.lr_scheduler == "constant" else config.training.lr_warmup_steps


def _build_backend(inputs: TrainingInputs) -> list[dict[str, JsonValue]]:
    text_key = hash_of(
        inputs.config.model.model_dump(mode="json"), inputs.base_model, _dtype(inputs.config)
    )
    images = [_image_backend(inputs, view) for view in inputs.views]
    text: dict[str, JsonValue] = {
        "id": f"text-{text_key}",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": str(inputs.run.cache_dir / f"text-{text_key}"),
    }
    return [*images, text]


def _image_backend(inputs: TrainingInputs, view: ImageFolder) -> dict[str, JsonValue]:
    """Describe one image folder.

    SimpleTuner keeps stale bucket files, and restores an old resolution, for an id it knows,
    so the id is named by all that determines them. It also shuffles by the id, so nothing of
    this machine may be in it. The latents' folder is named by what determines how an image
    is encoded; which image it is, is in the name of each file: one that changed is encoded
    anew, the others are not.
    """
    dataset = inputs.config.datasets[view.dataset_index]
    encoding = hash_of(
        view.dataset_index,
        view.part,
        inputs.config.model.base,
        inputs.config.model.revision,
        _dtype(inputs.config),
        dataset.resolution_px,
        dataset.crop,
    )
    crop: dict[str, JsonValue] = {"crop": False}
    if dataset.crop == "center":
        crop = {"crop": True, "crop_aspect": "square", "crop_style": "center"}
    use: dict[str, JsonValue] = {"is_regularisation_data": True} if view.is_regularization else {}
    return {
        "id": f"images-{hash_of(encoding, view.fingerprint)}",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": str(view.dir),
        "caption_strategy": "textfile",
        "metadata_backend": "discovery",
        "resolution": dataset.resolution_px,
        "resolution_type": "pixel_area",
        "minimum_image_size": 0,
        **crop,
        **use,
        "repeats": view.buckets.settings.repeats,
        "cache_dir_vae": str(inputs.run.cache_dir / f"vae-{encoding}"),
    }


def hash_of(*parts: JsonValue) -> str:
    """Name a folder by what determines its content: 12 hex digits."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
