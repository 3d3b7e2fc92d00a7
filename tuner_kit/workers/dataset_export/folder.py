"""A Hugging Face dataset in a local folder: parquet files, or what `save_to_disk` wrote."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tuner_kit.workers.dataset_export.refusal import RefusedError
from tuner_kit.workers.dataset_export.tables import (
    DEFAULT_CONFIG,
    DEFAULT_SPLIT,
    Splits,
    Tables,
    tables_of_names,
)

_CARD = "README.md"
_CARD_HEADER = re.compile(r"---\s*\n(.*?)\n---", re.DOTALL)
_STATE = "state.json"
_SPLITS = "dataset_dict.json"


def list_folder(folder: Path, files: Sequence[str]) -> Tables:
    """Sort a folder's files into configurations and splits.

    Args:
        folder: where the dataset lies.
        files: what it holds, relative to it; nothing else is opened.

    Raises:
        RefusedError: the dataset is made by a program, or its own list of files is broken.
    """
    script = f"{folder.name}.py"
    if script in files:
        raise _broken(
            folder, f"the dataset is made by a program, {script}, which is never run here"
        )
    if _SPLITS in files:
        return Tables({DEFAULT_CONFIG: _saved_splits(folder, files)})
    if _STATE in files:
        state = _load(folder / _STATE)
        split = state.get("_split")
        name = split if isinstance(split, str) else DEFAULT_SPLIT
        return Tables({DEFAULT_CONFIG: {name: _saved_files(folder, "", files)}})
    return tables_of_names(files, _card(folder) if _CARD in files else {})


def _saved_splits(folder: Path, files: Sequence[str]) -> Splits:
    names = _load(folder / _SPLITS).get("splits")
    if not isinstance(names, list) or not names:
        raise _broken(folder, f"{_SPLITS} names no splits")
    return {str(name): _saved_files(folder, f"{name}/", files) for name in names}


def _saved_files(folder: Path, prefix: str, files: Sequence[str]) -> tuple[str, ...]:
    """Name the Arrow files of a saved split, in order.

    Only files that were found below the folder count, so the list can't lead out of it.
    """
    state_name = prefix + _STATE
    if state_name not in files:
        raise _broken(folder, f"{state_name} is missing")
    listed = _load(folder / state_name).get("_data_files")
    entries = listed if isinstance(listed, list) else []
    names = [prefix + str(entry.get("filename")) for entry in entries if isinstance(entry, dict)]
    missing = [
        name for name in names if name not in files or PurePosixPath(name).suffix != ".arrow"
    ]
    if missing or not names:
        raise _broken(folder, f"{state_name} names files that are not there: {', '.join(missing)}")
    return tuple(names)


def _load(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _broken(path, f"{path.name} can't be read: it is damaged")
    return content


def _card(folder: Path) -> Mapping[str, object]:
    """Read the header of the dataset's card; a card without one says nothing."""
    text = (folder / _CARD).read_text(encoding="utf-8", errors="replace")
    header = _CARD_HEADER.match(text)
    try:
        content = YAML(typ="safe").load(header[1]) if header else None
    except YAMLError:
        content = None
    return content if isinstance(content, dict) else {}


def _broken(where: Path, what: str) -> RefusedError:
    return RefusedError(
        "dataset", what=what, where=str(where), fix="save or download the dataset again"
    )
