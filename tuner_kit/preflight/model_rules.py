"""Rules about the base model's folder: what takes SimpleTuner twenty minutes to say."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tuner_kit.catalog.base_models import (
    BASE_MODELS,
    EMBEDDED_PREFIX,
    PIPELINE_CLASSES,
    PIPELINE_PARTS,
    family_of,
    title_of,
)
from tuner_kit.config.load import ConfigFile
from tuner_kit.config.suggest import did_you_mean
from tuner_kit.errors import Problem

_BASE = ("model", "base")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_local_folder(base: str, file: ConfigFile) -> bool:
    """Whether `model.base` means a folder: it looks like a path, or it exists."""
    return base.startswith(("/", "./", "../", "~")) or file.resolve(Path(base)).is_dir()


def check_base_model(file: ConfigFile) -> Iterator[Problem]:
    """Find what is wrong with `model.base`, as far as the disk can tell."""
    base = file.config.model.base
    if not file.is_sound(*_BASE):
        return
    known_family = family_of(base)
    if known_family not in (None, file.config.model.family):
        yield Problem(
            id="C11",
            what=f"{title_of(base)} is of the family {known_family}, not of "
            f"{file.config.model.family}",
            where=file.source.locate(_BASE),
            fix=f"set model.family: {known_family}, or name another base model",
        )
    elif base.startswith(EMBEDDED_PREFIX):
        yield from _check_embedded(base, file)
    elif is_local_folder(base, file):
        yield from _check_folder(file.resolve(Path(base)), file)
    elif not _HUB_ID.fullmatch(base):
        yield _problem(
            file,
            what=f"{base} is neither a folder nor a hub id",
            fix=did_you_mean(
                base, _known_bases(), otherwise="name a folder, or a hub id like user/model"
            ),
        )


def _known_bases() -> list[str]:
    return [model.id for model in BASE_MODELS]


def _check_embedded(base: str, file: ConfigFile) -> Iterator[Problem]:
    known = [name for name in _known_bases() if name.startswith(EMBEDDED_PREFIX)]
    if base not in known:
        yield _problem(
            file,
            what=f"there is no embedded model {base.removeprefix(EMBEDDED_PREFIX)}",
            fix=did_you_mean(base, known, otherwise=f"there is {', '.join(known)}"),
        )


def _check_folder(folder: Path, file: ConfigFile) -> Iterator[Problem]:
    family = file.config.model.family
    if not folder.is_dir():
        yield _problem(
            file,
            what=f"the base model's folder {file.config.model.base} "
            + ("is a file" if folder.exists() else "does not exist"),
            fix="name a folder in diffusers layout, or a model of the Hugging Face Hub",
        )
        return
    class_name = _pipeline_class(folder)
    if class_name is not None and class_name not in PIPELINE_CLASSES[family]:
        yield Problem(
            id="C11",
            what=f"the base model is a {class_name}, not of the family {family}",
            where=file.source.locate(_BASE),
            fix=f"name a model of the family {family}",
        )
        return
    missing = [part for part in PIPELINE_PARTS[family] if not (folder / part).is_dir()]
    if class_name is None:
        missing.insert(0, "model_index.json")
    if missing:
        yield _problem(
            file,
            what=f"the base model's folder lacks {', '.join(missing)}",
            fix="download the model again in diffusers layout, with all its parts",
        )


def _pipeline_class(folder: Path) -> str | None:
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    name = index.get("_class_name") if isinstance(index, dict) else None
    return name if isinstance(name, str) else None


def _problem(file: ConfigFile, *, what: str, fix: str) -> Problem:
    return Problem(id="C10", what=what, where=file.source.locate(_BASE), fix=fix)
