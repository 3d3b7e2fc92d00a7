"""From what a person wrote to a folder of files: their own, or the export of a dataset.

A dataset of the Hugging Face library, on the Hub or in a folder, is written out once into
the person's cache; from there on it is a folder like any other.
"""

from dataclasses import replace
from pathlib import Path

from tuner_kit.data.hub_dataset import (
    HubDataset,
    LocalDataset,
    export_dataset,
    find_local_dataset,
    parse_hub_dataset,
)
from tuner_kit.data.read_dataset import DatasetSource
from tuner_kit.errors import Problem
from tuner_kit.process.environment import cache_dir
from tuner_kit.process.worker import OnEvent

_EXPORTED_LAYOUTS = frozenset({"auto", "huggingface"})
_HUB_PREFIX = "hf:"


def as_written(path: Path) -> str:
    """Write a path as the person did: one to the Hub has lost a slash of `hf://`."""
    return str(path).replace("hf:/datasets/", "hf://datasets/", 1)


def find_source(
    source: DatasetSource, on_event: OnEvent
) -> tuple[DatasetSource, tuple[Problem, ...]]:
    """Give the folder to read, and what is to be known about it.

    Raises:
        AccessError: the Hub refuses a dataset, or can't be reached.
        DatasetError: a dataset of the Hugging Face library can't be read.
    """
    dataset = _find_dataset(source)
    if dataset is None:
        return source, ()
    export = export_dataset(dataset, cache_dir() / "exports", on_event=on_event)
    return replace(source, dir=export.folder, layout="metadata-jsonl"), export.notices


def _find_dataset(source: DatasetSource) -> HubDataset | LocalDataset | None:
    if source.layout not in _EXPORTED_LAYOUTS:
        return None
    if source.dir.is_dir():
        try:
            return find_local_dataset(source.dir)
        except OSError:  # said when the folder is read
            return None
    return _find_on_hub(source.written)


def _find_on_hub(written: str) -> HubDataset | None:
    """Take `user/name` for a Hub id, unless there is a folder `user`: then `name` is missing."""
    if not written.startswith(_HUB_PREFIX) and Path(written).parent.is_dir():
        return None
    return parse_hub_dataset(written)
