"""The models inside the package: complete, small, and nothing that runs when it is loaded."""

import json
import struct
from pathlib import Path

import pytest
from package_facts import PACKAGE, name_of

from tuner_kit.catalog.base_models import (
    BASE_MODELS,
    EMBEDDED_PREFIX,
    PIPELINE_CLASSES,
    PIPELINE_PARTS,
    BaseModel,
    embedded_model_dir,
)
from tuner_kit.config.load import load_config
from tuner_kit.config.presets import PRESET_NAMES, preset_path

MAX_MIB = 16
EMBEDDED = [model for model in BASE_MODELS if model.id.startswith(EMBEDDED_PREFIX)]
FILES = [path for path in (PACKAGE / "embedded_models").rglob("*") if path.is_file()]
READ_WITHOUT_RUNNING = {".json", ".md", ".safetensors", ".txt"}


def folder_of(model: BaseModel) -> Path:
    return embedded_model_dir(model.id.removeprefix(EMBEDDED_PREFIX))


@pytest.mark.parametrize("model", EMBEDDED, ids=lambda model: model.id)
def test_an_embedded_base_model_is_a_whole_pipeline_of_its_family(model: BaseModel) -> None:
    folder = folder_of(model)
    index = json.loads((folder / "model_index.json").read_bytes())
    parts = PIPELINE_PARTS[model.family]
    networks = [part for part in parts if "tokenizer" not in part and part != "scheduler"]

    assert index["_class_name"] in PIPELINE_CLASSES[model.family]
    assert [part for part in parts if not index[part][1]] == []
    assert [part for part in parts if not list((folder / part).glob("*config.json"))] == []
    assert [part for part in networks if not list((folder / part).glob("*.safetensors"))] == []


def test_there_is_an_embedded_model_and_a_preset_that_uses_it() -> None:
    bases = {load_config(preset_path(name)).config.model.base for name in PRESET_NAMES}
    assert {model.id for model in EMBEDDED} & bases


def test_embedded_models_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) <= MAX_MIB * 2**20


def test_no_file_of_a_model_can_run_anything_when_it_is_loaded() -> None:
    assert [name_of(path) for path in FILES if path.suffix not in READ_WITHOUT_RUNNING] == []
    weights = [path for path in FILES if path.suffix == ".safetensors"]
    assert [name_of(path) for path in weights if not begins_with_a_header(path)] == []


def begins_with_a_header(path: Path) -> bool:
    """Whether a file is what its name says: safetensors, whose tensors fill it exactly."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > path.stat().st_size:
            return False
        header = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return path.stat().st_size == 8 + int(length) + int(max(ends))
