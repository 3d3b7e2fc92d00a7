"""The option table and the schemas against the installed SimpleTuner."""

import json
from pathlib import Path

import pytest
from pydantic import JsonValue
from real_trainer import SMALLEST_CONFIG, RealParser, TrainerRefusalError

from tuner_kit.simpletuner.file_schemas import (
    CONFIG_SCHEMA_PATH,
    DATASETS_SCHEMA_PATH,
    check_trainer_files,
)
from tuner_kit.simpletuner.option_table import OPTIONS_PATH, check_options

pytestmark = pytest.mark.contract

REWRITE = "run: .venv/bin/python tools/make_trainer_facts.py"


@pytest.mark.parametrize(
    "path", [OPTIONS_PATH, CONFIG_SCHEMA_PATH, DATASETS_SCHEMA_PATH], ids=lambda path: path.name
)
def test_the_file_says_what_the_installed_simpletuner_says(
    path: Path, real_parser: RealParser
) -> None:
    facts = real_parser.ask("facts")

    assert json.loads(path.read_text()) == json.loads(facts[path.name]), REWRITE


@pytest.mark.parametrize(
    ("options", "misread"),
    [
        pytest.param({"learning_rat": 1e-4}, {"learning_rate": 1e-4}, id="abbreviation"),
        pytest.param(
            {"gradient_checkpointing": "false"}, {"gradient_checkpointing": True}, id="text false"
        ),
        pytest.param(
            {"validation_guidance_skip_layers": [7, 8, 9]},
            {"validation_guidance_skip_layers": 9},
            id="list",
        ),
        pytest.param(
            {"checkpoint_step_interval": 6, "checkpointing_steps": 5},
            {"checkpoint_step_interval": 5},
            id="two spellings",
        ),
        pytest.param({"lora_rank": {"a": 1}}, {"lora_rank": 16}, id="object"),
    ],
)
def test_what_simpletuner_misreads_without_a_word_is_refused_by_us(
    options: dict[str, JsonValue], misread: dict[str, JsonValue], real_parser: RealParser
) -> None:
    parsed = real_parser.parse({**SMALLEST_CONFIG, **options})

    assert {name: parsed[name] for name in misread} == misread
    assert check_options(options, where=str)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"bogus_option": 3}, id="unknown"),
        pytest.param({"lora_rank": 2.5}, id="float for int"),
        pytest.param({"train_batch_size": "abc"}, id="text for int"),
        pytest.param({"lr_scheduler": "cosin"}, id="choice"),
        pytest.param({"gradient_checkpointing": "banana"}, id="text for bool"),
    ],
)
def test_what_simpletuner_refuses_is_refused_by_us(
    options: dict[str, JsonValue], real_parser: RealParser
) -> None:
    with pytest.raises(TrainerRefusalError):
        real_parser.parse({**SMALLEST_CONFIG, **options})
    assert check_options(options, where=str)


def test_simpletuner_ignores_an_unknown_dataset_key_and_we_refuse_it(
    real_parser: RealParser,
) -> None:
    dataset: dict[str, JsonValue] = {"id": "cats", "resolution": 512, "capton_strategy": "textfile"}

    (read,) = real_parser.parse_datasets(SMALLEST_CONFIG, [dataset])

    assert "capton_strategy" not in json.dumps(read)
    assert [problem.id for problem in check_trainer_files({}, [dataset])].count("C27") == 1


def test_every_option_of_the_trainer_comes_back_as_it_was_written(real_parser: RealParser) -> None:
    config = {**SMALLEST_CONFIG, "learning_rate": 2e-4, "lora_rank": 8, "seed": 7}

    parsed = real_parser.parse(config)

    assert {name: parsed[name] for name in config} == config
