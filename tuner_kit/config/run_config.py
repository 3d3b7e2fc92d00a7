"""tuner.yaml as frozen models: everything that a run is asked to do.

Units are in the names. A value that is absent comes from the preset named by `preset`,
then from the default here. Rules across several values live in `preflight/config_rules.py`;
they are reported together with the mistakes found here.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tuner_kit.catalog.base_models import ModelFamily
from tuner_kit.catalog.layouts import AUTO_LAYOUT, LayoutName
from tuner_kit.config.strict_model import StrictModel

TrainingMethod = Literal["lora", "lokr", "full"]

RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
SCHEMA_VERSION = 1
"""The format that this version writes and reads, and the only one so far."""

PositiveInt = Annotated[int, Field(ge=1)]


class ModelConfig(StrictModel):
    """The base model that is trained, or that the adapter changes."""

    family: ModelFamily = "sd3"
    """Architecture: `sd3` is Stable Diffusion 3 and 3.5, `sd1x` is Stable Diffusion 1.4 and 1.5."""
    base: Annotated[str, Field(min_length=1)]
    """Hub id, folder in diffusers layout, `embedded:tiny-sd3` or `embedded:tiny-sd1`."""
    revision: str | None = None
    """Hub commit or branch; null takes the default branch."""
    quantization: Literal["none", "int8-quanto", "int8-torchao", "fp8-torchao", "nf4-bnb"] = "none"
    """Stored precision of the frozen base: less memory, slower steps. fp8 needs an Ada or newer
    NVIDIA GPU, nf4 any NVIDIA GPU. Not for `training.method: full`."""
    text_encoder_3_quantization: Literal["none", "int8-quanto", "int8-torchao"] = "none"
    """Stored precision of T5-XXL while captions are encoded (9.5 GB in bf16); sd3 only."""


class DatasetConfig(StrictModel):
    """A folder of images with their captions, in any layout that `layout` names."""

    path: Path
    """The folder, relative to tuner.yaml, or `hf://datasets/user/name`. It is only read."""
    layout: LayoutName = AUTO_LAYOUT
    """Where the captions are; `auto` recognizes it, and asks where a folder fits two layouts."""
    instance_prompt: Annotated[str, Field(min_length=1)] | None = None
    """One caption for every image (DreamBooth); replaces all captions of the folder."""
    class_prompt: Annotated[str, Field(min_length=1)] | None = None
    """Caption of the class images, where the folder has any (`class_images/`, kohya's `reg/`)."""
    hold_out: bool = True
    """Keep about one image in seven from training (one in ten of 200 and more), to judge the
    result on images it has not seen; of fewer than 20 images none is kept."""
    repair: bool = False
    """Leave out or mend what is damaged, in the run's private copy, instead of stopping."""
    resolution_px: Annotated[int, Field(ge=64, le=2048, multiple_of=64)] = 1024
    """Edge of the training images in pixels (of a square of the same area with `crop: none`)."""
    crop: Literal["center", "none"] = "center"
    """`center` cuts squares; `none` keeps each shape in aspect-ratio buckets."""
    repeats: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Additional passes over the images in one epoch; 0 shows each once."""
    trigger_word: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Put in front of each caption that doesn't contain it."""
    fallback_caption: Annotated[str, Field(min_length=1)] | None = None
    """Caption of images that have none; null makes a missing caption an error."""


class LoraConfig(StrictModel):
    """The adapter's shape with `training.method: lora`."""

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    """Rank of each update; capacity and file size grow with it."""
    alpha: Annotated[float, Field(gt=0, le=4096)] | None = None
    """Update strength is alpha / rank; null means alpha = rank. Folded into the saved weights."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of adapter inputs zeroed in training, 0..1."""


class LokrConfig(StrictModel):
    """The adapter's shape with `training.method: lokr`.

    LoKr (LyCORIS) writes each update as the Kronecker product of a small and a large matrix.
    """

    linear_dim: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    """Rank of the large matrix; 10,000 is more than any layer has and keeps it whole."""
    linear_alpha: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Update strength is linear_alpha / linear_dim; without effect where the matrix is whole."""
    factor: Annotated[int, Field(ge=2, le=256)] = 16
    """Edge of the small matrix in attention layers; a larger one trains fewer weights."""
    feed_forward_factor: Annotated[int, Field(ge=2, le=256)] = 8
    """The same in feed-forward layers."""
    full_matrix: bool = True
    """Keep the large matrix whole whatever linear_dim is: more capacity, a larger file."""


class TrainingConfig(StrictModel):
    """What is trained, how long, how fast and in which precision.

    Give `epochs` or `max_train_steps`.
    """

    method: TrainingMethod = "lora"
    """`lora` and `lokr` train a small adapter beside the frozen base, `full` every weight of the
    denoiser, which takes several times the memory and gives a whole model."""
    epochs: PositiveInt | None = None
    """Passes over the dataset (with its repeats)."""
    max_train_steps: PositiveInt | None = None
    """Optimizer steps, of all GPUs together."""
    train_batch_size: Annotated[int, Field(ge=1, le=256)] = 1
    """Images a GPU sees at once."""
    gradient_accumulation_steps: Annotated[int, Field(ge=1, le=1024)] = 1
    """Batches summed into one optimizer step; effective batch = batch x accumulation x GPUs."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    """Peak learning rate."""
    lr_scheduler: Literal["constant", "constant_with_warmup", "linear", "cosine", "polynomial"] = (
        "constant_with_warmup"
    )
    """Shape of the learning rate over the steps; `cosine` is one decay over the whole run."""
    lr_warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps until the peak (no effect with `constant` and `cosine`)."""
    optimizer: Annotated[str, Field(min_length=1)] = "adamw_bf16"
    """One of the trainer's optimizers: `adamw_bf16`, `torch-adamw`, `optimi-lion`, `prodigy`, ..."""
    mixed_precision: Literal["bf16", "no"] = "bf16"
    """`bf16`, or `no` for full float32. SD3 does not train in fp16 (the loss becomes NaN)."""
    gradient_checkpointing: bool = True
    """Recompute activations instead of storing them: far less memory, about 30 % slower."""
    max_grad_norm: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Gradients are clipped to this norm."""
    flow_schedule_shift: Annotated[float, Field(gt=0, le=20)] = 3.0
    """Weight of noisy timesteps in training; 3 is SD3's own value at 1024 px. sd3 only."""
    caption_dropout_rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of steps trained without caption, 0..1; keeps guidance working."""
    checkpointing_steps: PositiveInt = 250
    """Steps between checkpoints that training can continue from."""
    checkpoints_total_limit: PositiveInt = 3
    """Checkpoints kept on disk; the oldest go first."""
    vae_batch_size: Annotated[int, Field(ge=1, le=64)] = 1
    """Images encoded at once while latents are cached."""
    seed: Annotated[int, Field(ge=1, le=2**31 - 1)] = 42
    """Seed of everything random in training."""


class ValidationConfig(StrictModel):
    """Pictures rendered while training, to see it learn."""

    prompts: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Prompts rendered at every validation; none switches validation off."""
    negative_prompt: str = ""
    """What to steer away from."""
    validation_steps: PositiveInt = 250
    """Steps between validations; the last step always validates."""
    num_inference_steps: Annotated[int, Field(ge=1, le=1000)] = 28
    """Denoising steps of each picture."""
    guidance_scale: Annotated[float, Field(ge=0, le=30)] = 4.0
    """Classifier-free guidance; SD3.5 is at its best between 3 and 5, SD1.5 around 7."""
    resolution_px: Annotated[int, Field(ge=64, le=2048, multiple_of=64)] = 1024
    """Edge of the square pictures in pixels."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    """The same noise at each validation, so that pictures can be compared."""


class HardwareConfig(StrictModel):
    """What trains: the plan of memory and time is made for it."""

    gpu: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """A name such as `RTX 4090`, or a size such as `24 GB`; null is the GPU of the machine that
    trains."""
    num_gpus: Annotated[int, Field(ge=1, le=64)] = 1
    """GPUs that train together, each with its own batch."""


class TrackingConfig(StrictModel):
    """Where the curves go besides the run directory."""

    tracker: Literal["none", "tensorboard", "wandb"] = "none"
    """`wandb` obeys WANDB_MODE and WANDB_API_KEY of your environment."""
    project: Annotated[str, Field(min_length=1, max_length=128)] = "tuner_kit"
    """Project name at the tracker."""


class PublishingConfig(StrictModel):
    """Where the result is published. Training never uploads anything."""

    hub_model_id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    """`user/name` on the Hugging Face Hub; null means not published."""
    private: bool = True
    """Create the repository as a private one."""


class PathsConfig(StrictModel):
    """Where results go."""

    runs_dir: Path = Path("runs")
    """Folder of all runs, relative to tuner.yaml."""


class RunConfig(StrictModel):
    """One run: what tuner.yaml says, completed."""

    schema_version: Literal[1] = 1
    """Version of this format."""
    name: RunName
    """Letters, digits, `.`, `_` and `-`, without spaces; the run's folder has this name."""
    preset: str | None = None
    """Starting point that supplies what is not written here; `tuner-kit init --help` lists them."""
    model: ModelConfig
    datasets: Annotated[tuple[DatasetConfig, ...], Field(min_length=1)]
    """Folders to train on."""
    lora: LoraConfig = LoraConfig()
    lokr: LokrConfig = LokrConfig()
    training: TrainingConfig = TrainingConfig()
    validation: ValidationConfig = ValidationConfig()
    hardware: HardwareConfig = HardwareConfig()
    tracking: TrackingConfig = TrackingConfig()
    publishing: PublishingConfig = PublishingConfig()
    paths: PathsConfig = PathsConfig()
    simpletuner: dict[str, JsonValue] = Field(default_factory=dict)
    """The trainer's own options, checked against its option table; they win over the rest."""
