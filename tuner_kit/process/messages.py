"""What crosses the border between the fast side and a worker, as pydantic messages.

A worker is `python -m tuner_kit.workers.<name> request.json result.json`: the request
comes in by file, the result goes out by file, and each line on stdout is one `Event`.
Paths in messages are absolute.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tuner_kit.catalog.base_models import ModelFamily

type Method = Literal["lora", "lokr", "full"]


class Message(BaseModel):
    """Base of everything that crosses a process border; immutable and strict about its keys."""

    # Built at first use: a command pays only for the messages that it exchanges.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Event(Message):
    """One line of a worker's progress on stdout."""

    phase: str
    """What is being done, in the words of a progress line: `loading the base model`."""
    current: int = Field(default=0, ge=0)
    """Units done in this phase."""
    total: int | None = Field(default=None, ge=0)
    """Units in this phase; null while it isn't known."""


class WorkerFailure(Message):
    """The result file of a worker that met something a person can repair; it exits with 8."""

    what: str
    where: str
    fix: str


# ------------------------------------------------------------------ draw_shapes


class DrawShapesRequest(Message):
    """Draw a folder of captioned pictures of the shapes world."""

    dataset_dir: Path
    """Where the folder of pictures and captions shall be; it does not exist yet."""
    num_pictures: int = Field(ge=1, le=99)
    style: str | None = None
    """Name of a style; null draws plain pictures."""
    seed: int
    """With a picture's number it decides the scene."""


class DrawShapesResult(Message):
    """What was drawn."""

    captions: tuple[str, ...]
    """In the order of the pictures; without any trigger word."""


# ------------------------------------------------------------------ finish_adapter


class FinishAdapterRequest(Message):
    """Verify what the trainer left and write the adapter that every loader reads alike."""

    trained_path: Path
    """SimpleTuner's `pytorch_lora_weights.safetensors`."""
    adapter_path: Path
    """Where the finished adapter goes."""
    base_model: str
    """Hub id or absolute folder of the diffusers base model."""
    revision: str | None = None
    family: ModelFamily = "sd3"
    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)
    """The trained `lora_alpha`; alpha / rank is folded into the weights (no file keeps it)."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """What goes into the safetensors header beside `format`."""


class AdapterSummary(Message):
    """What verified weights are made of: those of an adapter, or of a whole denoiser."""

    method: Method = "lora"
    num_modules: int
    """Layers of the base model that are changed."""
    num_parameters: int
    rank: int | None
    """Of a LoRA; nothing else has one."""
    dtype: str
    largest_update: float = Field(ge=0)
    """Largest absolute value of what begins at zero: `lora_B`, `lokr_w2`, or the difference to
    the base model. 0 would mean that nothing was learned."""
    size_mib: float
    """Of the adapter's file, or of all files of a whole model."""


# ------------------------------------------------------------------ finish_lokr


class FinishLokrRequest(Message):
    """Verify a LoKr that the trainer left, and write it with its shape beside it."""

    trained_path: Path
    """SimpleTuner's `pytorch_lora_weights.safetensors`, in LyCORIS's own names."""
    lycoris_path: Path
    """The shape that was trained, as LyCORIS reads it."""
    lokr_path: Path
    """Where the finished weights go; the shape goes beside them."""
    base_model: str
    """Hub id or absolute folder of the diffusers base model."""
    revision: str | None = None
    family: ModelFamily
    metadata: dict[str, str] = Field(default_factory=dict)
    """What goes into the safetensors header beside `format` and `lycoris_config`."""


# ------------------------------------------------------------------ finish_pipeline


class FinishPipelineRequest(Message):
    """Make a whole diffusers pipeline of a fully fine-tuned denoiser and its base model."""

    trained_dir: Path
    """SimpleTuner's `pipeline` folder, which plain diffusers can't load."""
    pipeline_dir: Path
    """Where the whole pipeline goes; what is there is replaced."""
    base_model: str
    """Hub id or absolute folder of the diffusers base model."""
    revision: str | None = None
    family: ModelFamily


# ------------------------------------------------------------------ generate


class GenerateRequest(Message):
    """Render every prompt with every seed, with the adapter and, to compare, without it."""

    base_model: str
    """Hub id or absolute folder of the diffusers base model."""
    revision: str | None = None
    family: ModelFamily = "sd3"
    method: Method = "lora"
    """How what is at `adapter_path` was trained."""
    adapter_path: Path | None
    """A LoRA's or LoKr's safetensors file, or the folder of a whole fine-tuned pipeline; null
    renders the base model alone."""
    adapter_scale: float = 1.0
    """Strength: 0 is the base model, 1 is what was trained."""
    prompts: tuple[str, ...] = Field(min_length=1)
    negative_prompt: str = ""
    seeds: tuple[int, ...] = Field(min_length=1)
    num_inference_steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    width_px: int = Field(ge=16)
    height_px: int = Field(ge=16)
    compare: bool = False
    """Also render the base model with the same noise."""
    output_dir: Path
    """An existing folder; images and `sheet.png` are written into it."""
    label: str
    """What the adapter is called on the contact sheet and in the images' settings."""
    base_label: str
    """What the base model is called there (never a path)."""


class GeneratedImage(Message):
    """One picture on disk."""

    path: Path
    prompt: str
    seed: int
    variant: Literal["base", "tuned"]


class GenerateResult(Message):
    """The pictures, in the order prompt, seed, base before tuned."""

    images: tuple[GeneratedImage, ...]
    sheet_path: Path
    device: str
    seconds: float


# ------------------------------------------------------------------ score_style


class ScoreStyleRequest(Message):
    """Say in how many pictures a style shows, and whether they still show what was asked."""

    images: tuple[GeneratedImage, ...]
    """Of each scene, base and tuned, one with the trigger word in the prompt and one without."""
    style: str
    """Name of a style of the shapes world."""
    trigger_word: str
    scenes_seed: int
    """With the numbers from 1 to `num_scenes` it decides the scenes."""
    num_scenes: int = Field(ge=1)
    sheet_path: Path
    """Where the comparison of all scenes is drawn."""


class StyleGroup(Message):
    """What was found in the pictures of one variant, with the trigger word or without."""

    variant: Literal["base", "tuned"]
    is_triggered: bool
    num_pictures: int
    num_in_style: int
    """Pictures whose palette and texture are the style's."""
    num_shape_right: int
    num_color_right: int
    num_position_right: int
    num_grounds: int
    """Pictures with a plain ground; a style hides it."""
    num_ground_right: int
    """Of these."""


class ScoreStyleResult(Message):
    """The four groups: base before tuned, with the trigger word before without."""

    style: str
    trigger_word: str
    num_scenes: int
    groups: tuple[StyleGroup, ...]


# ------------------------------------------------------------------ plot_loss


class LossPoint(Message):
    """The training loss at one step."""

    step: int
    loss: float
    learning_rate: float | None = None


class PlotLossRequest(Message):
    """Draw the loss curve of a run as SVG."""

    points: tuple[LossPoint, ...]
    checkpoint_steps: tuple[int, ...] = ()
    svg_path: Path


class PlotLossResult(Message):
    """The drawing, and the numbers that a reader wants in words."""

    svg_path: Path
    first_mean: float | None
    """Mean loss over the first tenth of the steps; null with fewer than two points."""
    last_mean: float | None
    """Mean loss over the last tenth."""


# ------------------------------------------------------------------ export_dataset


class ExportDatasetRequest(Message):
    """Write the images and captions of a Hugging Face dataset into a plain folder, once."""

    hub_id: str | None = None
    """`user/name` on the Hub; null when the dataset is the folder `source_dir`."""
    revision: str | None = None
    """Branch, tag or commit on the Hub; null is its main branch."""
    source_dir: Path | None = None
    files: tuple[str, ...] = ()
    """The files of `source_dir` that say what the dataset is, relative to it."""
    config_name: str | None = None
    """One of the dataset's configurations; null takes the only or the default one."""
    split: str | None = None
    """Null takes `train`, or the only one."""
    image_column: str | None = None
    caption_column: str | None = None
    exports_dir: Path
    """Where the folder is made: `<stem>-<version>`."""
    stem: str
    """What all exports of this dataset with these choices are called."""
    version: str | None = None
    """Of a folder's files; null on the Hub, where the commit is the version."""


class ExportDatasetResult(Message):
    """A folder of `images/` and `metadata.jsonl`, and what went into it."""

    export_dir: Path
    num_images: int = Field(ge=0)
    num_captions: int = Field(ge=0)
    num_without_image: int = Field(ge=0)
    """Rows that hold no image; they have no file."""
    image_column: str
    caption_column: str | None
    """Null when the dataset has no column of text."""
    config_name: str
    split: str
    commit: str | None = None
    """The commit on the Hub that was read."""
    is_conversion: bool = False
    """The commit is one of the Hub's own parquet conversion, not of the author's files."""
    is_last_known: bool = False
    """The Hub could not be asked: there may be a newer version than this export."""


class ExportDatasetRefusal(Message):
    """Why a dataset can't be exported."""

    kind: Literal["access", "dataset", "disk"]
    what: str
    where: str
    fix: str


class ExportDatasetOutcome(Message):
    """The export, or why there is none."""

    answer: ExportDatasetResult | ExportDatasetRefusal


# ------------------------------------------------------------------ audit_images


class AuditImagesRequest(Message):
    """Decode every image of a folder that was not looked at before, and find look-alikes."""

    dataset_dir: Path
    database_path: Path
    """The folder's inventory; what is found out is written into it."""
    max_threads: int | None = Field(default=None, ge=1)
    """Null: one for each processor, 16 at most."""


class AuditImagesResult(Message):
    """How much was looked at; what was found is in the inventory."""

    num_looked_at: int = Field(ge=0)
    """Images decoded by this worker; the others were known."""
