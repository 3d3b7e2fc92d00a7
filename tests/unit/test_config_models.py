"""RunConfig and its parts as values."""

import json
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from tuner_kit.config.run_config import LoraConfig, RunConfig, TrainingConfig
from tuner_kit.config.strict_model import StrictModel

SMALLEST = '{"name": "a", "model": {"base": "b/c"}, "datasets": [{"path": "."}]}'


def models_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Give a model and every model that its fields hold."""
    yield model
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from models_below(part)


EVERY_MODEL = tuple(models_below(RunConfig))
EVERY_FIELD = [(model, name) for model in EVERY_MODEL for name in model.model_fields]


def test_every_section_is_known_to_these_tests() -> None:
    assert len(EVERY_MODEL) == 11


@pytest.mark.parametrize("model", EVERY_MODEL, ids=lambda model: model.__name__)
def test_every_section_is_frozen_and_strict(model: type[BaseModel]) -> None:
    assert issubclass(model, StrictModel)
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["strict"] is True


@pytest.mark.parametrize(
    ("model", "name"), EVERY_FIELD, ids=[f"{model.__name__}.{name}" for model, name in EVERY_FIELD]
)
def test_every_value_is_described(model: type[BaseModel], name: str) -> None:
    field = model.model_fields[name]
    holds_sections = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    assert field.description or holds_sections


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        LoraConfig().rank = 3  # type: ignore[misc]  # that is the point


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        TrainingConfig.model_validate_json('{"lerning_rate": 1}')


def test_what_is_dumped_can_be_loaded_again() -> None:
    config = RunConfig.model_validate_json(SMALLEST)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", ["a", "my-run", "3.5_x", "A" * 64])
def test_a_run_may_be_called(name: str) -> None:
    data = json.loads(SMALLEST) | {"name": name}
    assert RunConfig.model_validate_json(json.dumps(data)).name == name


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a b", "a/b", "a\n", "A" * 65, "\u00e4"])
def test_a_run_may_not_be_called(name: str) -> None:
    data = json.loads(SMALLEST) | {"name": name}
    with pytest.raises(ValidationError, match="string_pattern_mismatch"):
        RunConfig.model_validate_json(json.dumps(data))
