"""Which files of a dataset make up which configuration and split.

The rules are those of the `datasets` library (5.2, `data_files.py`): what the card of the
dataset says, else the names of the files. Only names are looked at here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from tuner_kit.workers.dataset_export.refusal import RefusedError, listed

type Splits = Mapping[str, tuple[str, ...]]
"""Names of files by name of the split."""

PARQUET = ".parquet"
DEFAULT_CONFIG = "default"
DEFAULT_SPLIT = "train"

_SHARD = re.compile(r"(?:.*/)?([\w.-]+)-\d{5}-of-\d{5}[^/]*\.parquet")
_KEYWORDS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """The files of one split of one configuration."""

    config_name: str
    split: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Every configuration of a dataset with its splits."""

    configs: Mapping[str, Splits]
    default_config: str | None = None

    def choose(self, config_name: str | None, split: str | None, where: str) -> Table:
        """Give the table that was asked for, or the one that nobody would doubt.

        Raises:
            RefusedError: there is none of that name, or there are several to choose from.
        """
        config = _choose_name(
            config_name,
            self.configs,
            (self.default_config, DEFAULT_CONFIG),
            ("configuration", where),
        )
        splits = self.configs[config]
        chosen = _choose_name(split, splits, (DEFAULT_SPLIT,), ("split", where))
        return Table(config, chosen, splits[chosen])


def tables_of_names(names: Iterable[str], card: Mapping[str, object]) -> Tables:
    """Sort parquet files into configurations and splits, by the card or by their names."""
    parquet = sorted(name for name in names if is_table(name))
    described = [entry for entry in _entries(card.get("configs")) if "config_name" in entry]
    configs = {str(entry["config_name"]): _splits_of_entry(entry, parquet) for entry in described}
    configs = {name: splits for name, splits in configs.items() if splits}
    default = next((str(e["config_name"]) for e in described if e.get("default") is True), None)
    if configs:
        return Tables(configs, default if default in configs else None)
    return Tables({DEFAULT_CONFIG: _splits_of_names(parquet)} if parquet else {})


def tables_of_conversion(names: Iterable[str]) -> Tables:
    """Sort the files of the Hub's own conversion: `<configuration>/<split>/0000.parquet`."""
    configs: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in sorted(filter(is_table, names)):
        match PurePosixPath(name).parts:
            case (config, split, _):
                splits = configs.setdefault(config, {})
                splits[split] = (*splits.get(split, ()), name)
    return Tables(configs)


def is_table(name: str) -> bool:
    """Whether a file holds rows; `metadata.parquet` is the caption file of an image folder."""
    path = PurePosixPath(name)
    is_inside = not path.is_absolute() and ".." not in path.parts
    return is_inside and path.suffix == PARQUET and path.name != "metadata.parquet"


def _choose_name(
    asked: str | None,
    names: Iterable[str],
    preferred: Iterable[str | None],
    words: tuple[str, str],
) -> str:
    kind, where = words
    present = tuple(names)
    if asked in present:
        return str(asked)
    if asked is None:
        for name in preferred:
            if name in present:
                return str(name)
        if len(present) == 1:
            return present[0]
    what = f"no {kind} is called {asked!r}" if asked else f"there are several {kind}s"
    raise RefusedError(
        "dataset",
        what=f"{what}; the dataset has {listed(present)}",
        where=where,
        fix=f"name one of them as the {kind}",
    )


def _splits_of_entry(entry: Mapping[str, object], names: Sequence[str]) -> Splits:
    """Find the files of one configuration of a card."""
    folder = str(entry.get("data_dir") or "").strip("/")
    inside = [name for name in names if not folder or name.startswith(f"{folder}/")]
    if (wanted := entry.get("data_files")) is None:
        return _splits_of_names(inside)
    splits: dict[str, tuple[str, ...]] = {}
    for split, patterns in _patterns_by_split(wanted):
        prefix = f"{folder}/" if folder else ""
        files = tuple(n for n in inside if any(_matches(n, prefix + p) for p in patterns))
        if files:
            splits[split] = files
    return splits


def _patterns_by_split(wanted: object) -> list[tuple[str, list[str]]]:
    """Read `data_files`: a pattern, a list of them, or a list of split and path."""
    entries = _entries(wanted)
    if entries:
        return [
            (str(entry.get("split", DEFAULT_SPLIT)), _texts(entry.get("path"))) for entry in entries
        ]
    return [(DEFAULT_SPLIT, _texts(wanted))]


def _entries(value: object) -> list[Mapping[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _matches(name: str, pattern: str) -> bool:
    # In a glob `**/` also stands for no folder at all, in fnmatch it doesn't.
    return fnmatchcase(name, pattern) or fnmatchcase(name, pattern.replace("**/", ""))


def _splits_of_names(names: Sequence[str]) -> Splits:
    """Sort files by `<split>-00000-of-00001`, else by a word like `train`, else into one split."""
    for split_of in (_shard_split, _keyword_split):
        splits: dict[str, tuple[str, ...]] = {}
        for name in names:
            if (split := split_of(name)) is not None:
                splits[split] = (*splits.get(split, ()), name)
        if splits:
            return splits
    return {DEFAULT_SPLIT: tuple(names)} if names else {}


def _shard_split(name: str) -> str | None:
    match = _SHARD.fullmatch(name)
    return None if match is None else match[1]


def _keyword_split(name: str) -> str | None:
    words = re.split(r"[^a-z]+", name.removesuffix(PARQUET).lower())
    return next((_KEYWORDS[word] for word in words if word in _KEYWORDS), None)
