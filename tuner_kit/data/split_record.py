"""split.json: which image of a run is trained on and which is held out, by its bytes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.data.records import ImageRecord
from tuner_kit.data.split import SEED, Side
from tuner_kit.runs.atomic import write_text_atomically

_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class DatasetSplit:
    """The sides of one dataset's images."""

    images: Iterable[ImageRecord]
    held_out: frozenset[str]


def write_split(path: Path, splits: Sequence[DatasetSplit]) -> None:
    """Record the side of every image, with its hash and its group of look-alikes.

    Names are relative to the dataset, and `group` is null for an image that looks like no other.
    """
    document = {
        "schema_version": _SCHEMA_VERSION,
        "seed": SEED,
        "datasets": [[_entry(image, split.held_out) for image in split.images] for split in splits],
    }
    write_text_atomically(path, json.dumps(document, indent=1) + "\n")


def _entry(image: ImageRecord, held_out: frozenset[str]) -> dict[str, str | int | None]:
    pixels = image.pixels
    assert pixels is not None  # noqa: S101 - nothing is split before it was decoded
    return {
        "name": image.name,
        "sha256": pixels.sha256,
        "group": pixels.near_group or None,
        "side": (Side.HELD_OUT if image.name in held_out else Side.TRAIN).value,
    }


def read_sides(path: Path, index: int) -> Mapping[str, Side]:
    """Recall the sides of the images of dataset number `index`, by sha256.

    A run that was not begun, or a record that can't be read, has none.
    """
    try:
        datasets = json.loads(path.read_bytes())["datasets"]
        return {entry["sha256"]: Side(entry["side"]) for entry in datasets[index]}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
