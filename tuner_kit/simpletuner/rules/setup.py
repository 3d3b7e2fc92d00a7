"""A SimpleTuner configuration as the rules see it: options, datasets, and what is around them."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.simpletuner.option_table import TrainerOption

_NOT_TRAINED_ON = frozenset(
    {
        "conditioning",
        "conditioning_image_embeds",
        "distillation_cache",
        "eval",
        "grounding",
        "image_embeds",
        "text_embeds",
    }
)


@dataclass(frozen=True)
class Values:
    """Values by name, each given only in the type that the caller can use.

    A value of another type is told by the type rules; every other rule finds None there.
    """

    written: Mapping[str, JsonValue]
    """What the file says; options by their documented names, without dashes."""
    defaults: Mapping[str, JsonValue] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the file gives a value; null is none, SimpleTuner skips it."""
        return self.written.get(name) is not None

    def get(self, name: str) -> JsonValue:
        """Return what the trainer would use: what is written, else its default."""
        return self.written[name] if self.has(name) else self.defaults.get(name)

    def number(self, name: str) -> float | None:
        """Return a finite number; None where there is none, or it isn't one."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if math.isfinite(value) else None

    def text(self, name: str) -> str | None:
        """Return text that is not empty."""
        value = self.get(name)
        return value if isinstance(value, str) and value else None

    def flag(self, name: str) -> bool | None:
        """Return a real boolean."""
        value = self.get(name)
        return value if isinstance(value, bool) else None

    def is_on(self, name: str) -> bool:
        """Whether a switch is really on; text and numbers are not."""
        return self.get(name) is True


@dataclass(frozen=True)
class DatasetEntry(Values):
    """One entry of the data backend file."""

    index: int = 0
    """Its place in the file, from 0."""

    @property
    def kind(self) -> str:
        """`image` where nothing else is said."""
        return self.text("dataset_type") or "image"

    @property
    def is_enabled(self) -> bool:
        """Upstream tests for truth, so any text disables it."""
        return not (self.get("disabled") or self.get("disable"))

    @property
    def name(self) -> str:
        """How to call it in a sentence: its id, or its place."""
        return self.text("id") or f"number {self.index + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolderFacts:
    """What is in the folder of an image dataset; names are relative to it."""

    dir: Path
    num_images: int
    sizes: Mapping[tuple[int, int], int] = field(default_factory=Counter)
    """How many images have each width and height in pixels."""
    same_stem: Sequence[str] = ()
    """Images whose name differs from another's only in the extension."""
    is_writable: bool = True
    example_names: Sequence[str] = ()
    """Names of some images."""
    several_lines: Sequence[str] = ()
    """Images whose caption has several lines."""
    byte_order_marks: Sequence[str] = ()
    """Images whose caption begins with a byte order mark."""
    other_media: Sequence[str] = ()
    """Videos and sounds."""
    cached_settings: Mapping[str, JsonValue] | None = None
    """With which settings the trainer sorted the images before; empty: it never did."""
    changed_images: Sequence[str] = ()
    """Images that are newer than their cached latents."""
    has_compressed_latents: bool | None = None
    """Whether the cached latents are compressed; None where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuFacts:
    """One GPU that the training may use."""

    name: str
    memory_gib: float
    compute_capability: tuple[int, int] | None = None
    """NVIDIA's, such as (8, 9); None where unknown or of another maker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known about the place of the training; None means unknown, and no rule judges it."""

    working_dir: Path = Path()
    """Where the trainer is started: its relative paths begin there."""
    config_dir: Path = Path()
    config_name: str = "config.json"
    """The file in `config_dir` that is judged."""
    environ: Mapping[str, str] = field(default_factory=dict)
    home_dir: Path | None = None
    gpus: Sequence[GpuFacts] | None = None
    """Empty: known to have none."""
    num_processes: int = 1
    ram_gib: float | None = None
    has_nvidia_smi: bool | None = None
    """Whether the program `nvidia-smi` can be started."""
    free_disk_gib: float | None = None
    packages: frozenset[str] | None = None
    """Installed distributions, normalized: `optimum-quanto`, `bitsandbytes`."""
    base_class: str | None = None
    """`_class_name` of the base model's model_index.json, where it is a local folder."""
    base_parts: frozenset[str] | None = None
    """Folders in the local base model."""
    lycoris: Mapping[str, JsonValue] | None = None
    """What the file of `lycoris_config` says; empty where there is none that can be read."""
    folders: Mapping[int, ImageFolderFacts] = field(default_factory=dict)
    """By the index of the dataset entry."""
    num_cached_texts: Mapping[int, int] = field(default_factory=dict)
    """Files in the text caches, by the index of the dataset entry."""
    config_names: Sequence[str] = ()
    """Names of other configurations (`config.env`, `config.toml`) that the trainer would read."""


@dataclass(frozen=True)
class TrainerSetup:
    """A configuration to judge."""

    options: Values
    datasets: tuple[DatasetEntry, ...]
    table: Mapping[str, TrainerOption]
    around: Surroundings = field(default_factory=Surroundings)

    @property
    def family(self) -> str:
        """Such as `sd3`; empty where none is written."""
        return self.options.text("model_family") or ""

    @property
    def is_lora(self) -> bool:
        """Whether an adapter is trained: LoRA or LyCORIS."""
        return self.options.text("model_type") == "lora"

    @property
    def is_lycoris(self) -> bool:
        """Whether the adapter is one of LyCORIS."""
        return self.is_lora and self.options.text("lora_type") == "lycoris"

    @property
    def is_quantized(self) -> bool:
        """Whether the base model is stored in fewer bits."""
        return (self.options.text("base_model_precision") or "no_change") != "no_change"

    @cached_property
    def image_datasets(self) -> tuple[DatasetEntry, ...]:
        """Enabled datasets that are trained on."""
        return tuple(
            entry
            for entry in self.datasets
            if entry.is_enabled
            and entry.kind not in _NOT_TRAINED_ON
            # It makes any dataset one of conditions (data_backend/factory.py).
            and not entry.has("conditioning_type")
        )

    @property
    def num_images(self) -> int | None:
        """Images of all datasets; None where a folder was not looked at."""
        folders = [self.around.folders.get(entry.index) for entry in self.image_datasets]
        known = [folder.num_images for folder in folders if folder is not None]
        return sum(known) if folders and len(known) == len(folders) else None

    @property
    def effective_batch_size(self) -> int | None:
        """Images of one optimizer step, of all processes."""
        batch = self.options.number("train_batch_size")
        accumulation = self.options.number("gradient_accumulation_steps")
        if batch is None or accumulation is None:
            return None
        return int(batch * accumulation) * self.around.num_processes


def build_setup(
    options: Mapping[str, JsonValue],
    datasets: Sequence[JsonValue],
    table: Mapping[str, TrainerOption],
    around: Surroundings | None = None,
) -> TrainerSetup:
    """Build what the rules look at.

    Args:
        options: as in config.json without dashes; every spelling is taken.
        datasets: entries of the data backend file; what is no object is left out.
        table: the trainer's options.
        around: what is known about the place of the training.
    """
    return TrainerSetup(
        options=Values(dict(_by_name(options, table)), _defaults(table)),
        datasets=tuple(
            DatasetEntry(written=entry, index=index)
            for index, entry in enumerate(datasets)
            if isinstance(entry, dict)
        ),
        table=table,
        around=around or Surroundings(),
    )


def _by_name(
    options: Mapping[str, JsonValue], table: Mapping[str, TrainerOption]
) -> Iterator[tuple[str, JsonValue]]:
    """Give each option its documented name; where two spellings meet, the last counts."""
    names = {spelling: name for name, option in table.items() for spelling in option.spellings}
    for key, value in options.items():
        yield names.get(key, key), value


def _defaults(table: Mapping[str, TrainerOption]) -> Mapping[str, JsonValue]:
    return {name: option.default for name, option in table.items()}
