"""The trainer's options as a table, and what is refused among options passed through."""

import json

import pytest
from pydantic import JsonValue

from tuner_kit.errors import Problem
from tuner_kit.simpletuner.file_schemas import check_trainer_files
from tuner_kit.simpletuner.option_table import check_options, load_option_table

GOOD_CONFIG: dict[str, JsonValue] = {
    "model_type": "lora",
    "model_family": "sd3",
    "optimizer": "torch-adamw",
    "output_dir": "output",
    "data_backend_config": "multibackend.json",
    "learning_rate": 1e-4,
    "max_train_steps": 10,
    "gradient_checkpointing": False,
    "report_to": ["simpletuner", "tensorboard"],
    "validation_guidance_skip_layers": "[7, 8, 9]",
}
GOOD_DATASETS: list[JsonValue] = [
    {
        "id": "cats",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": "cats",
        "caption_strategy": "textfile",
        "resolution": 512,
        "resolution_type": "pixel",
        "crop": True,
        "repeats": 3,
    },
    {"id": "text", "type": "local", "dataset_type": "text_embeds", "default": True},
]


def where(key: str) -> str:
    return f"tuner.yaml: simpletuner.{key}"


def check(options: dict[str, JsonValue]) -> tuple[Problem, ...]:
    return check_options(options, where=where)


def test_the_table_knows_the_learning_rate() -> None:
    option = load_option_table()["learning_rate"]

    assert (option.type, option.required, option.choices) == ("float", False, None)
    assert option.spellings == ("learning_rate",)


def test_good_options_pass() -> None:
    assert check(GOOD_CONFIG) == ()


@pytest.mark.parametrize(
    ("options", "expected_id", "expected_words"),
    [
        pytest.param({"learnin_rate": 1.0}, "C20", "learning_rate", id="unknown"),
        pytest.param({"zzz": 1}, "C20", "remove it", id="unknown and like nothing"),
        pytest.param({"learning_rat": 1e-4}, "C21", "learning_rate", id="abbreviation"),
        pytest.param({"gradient_checkpointing": "false"}, "C22", "quotes", id="bool as text"),
        pytest.param({"gradient_checkpointing": 1}, "C22", "true or false", id="bool as number"),
        pytest.param({"snr_gamma": 5.5}, "C22", "whole number", id="float for int"),
        pytest.param({"train_batch_size": True}, "C22", "whole number", id="bool for int"),
        pytest.param({"learning_rate": "1e-4"}, "C22", "a number", id="number as text"),
        pytest.param({"learning_rate": float("inf")}, "C22", "a number", id="infinity"),
        pytest.param({"output_dir": False}, "C22", "text", id="bool for text"),
        pytest.param({"lr_scheduler": "cosin"}, "C23", "mean cosine?", id="choice"),
        pytest.param({"optimizer": "adamw"}, "C23", "adamw_bf16", id="optimizer"),
        pytest.param(
            {"validation_guidance_skip_layers": [7, 8, 9]}, "C24", "'[7, 8, 9]'", id="list"
        ),
        pytest.param({"lora_rank": {"a": 1}}, "C24", "whole number", id="object"),
        pytest.param(
            {"checkpointing_steps": 5, "checkpoint_step_interval": 6},
            "C25",
            "keep checkpoint_step_interval",
            id="two spellings",
        ),
    ],
)
def test_what_the_trainer_would_misread_is_refused(
    options: dict[str, JsonValue], expected_id: str, expected_words: str
) -> None:
    (problem,) = check(options)

    assert problem.id == expected_id
    assert expected_words in problem.what + problem.fix
    assert problem.where == where(list(options)[-1])


def test_null_and_a_number_for_text_are_what_the_trainer_takes() -> None:
    assert check({"learning_rate": None, "validation_resolution": 512}) == ()


def test_a_list_is_fine_where_the_trainer_takes_one() -> None:
    assert check({"peft_lora_target_modules": ["to_k", "to_v"]}) == ()


def test_good_trainer_files_pass() -> None:
    assert check_trainer_files(GOOD_CONFIG, GOOD_DATASETS) == ()


def test_keys_may_be_written_with_dashes_as_simpletuner_does() -> None:
    dashed: dict[str, JsonValue] = {f"--{key}": value for key, value in GOOD_CONFIG.items()}

    assert check_trainer_files(dashed, GOOD_DATASETS) == ()


@pytest.mark.parametrize(
    ("change", "expected_words"),
    [
        pytest.param({"bogus": 1}, "bogus", id="unknown key"),
        pytest.param({"gradient_checkpointing": "false"}, "gradient_checkpointing", id="text"),
        pytest.param({"lora_rank": 2.5}, "a whole number", id="float"),
        pytest.param({"validation_guidance_skip_layers": [7]}, "text", id="list"),
        pytest.param({"lr_scheduler": "x"}, "cosine", id="choice"),
    ],
)
def test_a_wrong_config_json_is_refused(change: dict[str, JsonValue], expected_words: str) -> None:
    (problem,) = check_trainer_files({**GOOD_CONFIG, **change}, GOOD_DATASETS)

    assert problem.id == "C26"
    assert expected_words in problem.what + problem.fix


def test_a_config_json_without_a_required_key_is_refused() -> None:
    config = {key: value for key, value in GOOD_CONFIG.items() if key != "model_family"}

    (problem,) = check_trainer_files(config, GOOD_DATASETS)

    assert "model_family" in problem.what


@pytest.mark.parametrize(
    ("change", "expected_words"),
    [
        pytest.param({"capton_strategy": "textfile"}, "capton_strategy", id="unknown key"),
        pytest.param({"crop": "False"}, "true or false", id="bool as text"),
        pytest.param({"disabled": "false"}, "true or false", id="disabled as text"),
        pytest.param({"caption_strategy": "text"}, "textfile", id="caption strategy"),
        pytest.param({"metadata_backend": "jsonn"}, "discovery", id="metadata backend"),
        pytest.param({"type": "locall"}, "local", id="type"),
        pytest.param({"resolution": "1024"}, "number", id="resolution as text"),
        pytest.param({"repeats": 1.5}, "a whole number", id="repeats"),
    ],
)
def test_a_wrong_dataset_is_refused(change: dict[str, JsonValue], expected_words: str) -> None:
    first = GOOD_DATASETS[0]
    assert isinstance(first, dict)

    (problem,) = check_trainer_files(GOOD_CONFIG, [{**first, **change}])

    assert problem.id == "C27"
    assert expected_words in problem.what + problem.fix
    assert problem.where.startswith("multibackend.json  [0].")


def test_two_datasets_of_one_id_are_refused() -> None:
    (problem,) = check_trainer_files(GOOD_CONFIG, [GOOD_DATASETS[0], GOOD_DATASETS[0]])

    assert "called cats" in problem.what


def test_no_default_of_the_table_names_a_folder_of_one_machine() -> None:
    defaults = [option.default for option in load_option_table().values()]

    assert not [default for default in defaults if json.dumps(default).startswith(('"/', '"~'))]
