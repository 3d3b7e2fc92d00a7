"""SimpleTuner's own files, written by hand."""

import json
from pathlib import Path

import pytest
from rule_setups import OPTIONS
from trainer_files import TrainerFolder, make_trainer_folder

from tuner_kit.errors import ConfigError, Severity


@pytest.fixture
def folder(tmp_path: Path) -> TrainerFolder:
    return make_trainer_folder(tmp_path)


def test_sound_files_pass_with_and_without_dashes(folder: TrainerFolder) -> None:
    assert folder.check().problems == ()

    sound = json.loads(folder.config_path.read_text())
    folder.write(json.dumps({f"--{name}": value for name, value in sound.items()}))
    assert folder.check().problems == ()


def test_every_mistake_is_named_at_once_with_its_line(folder: TrainerFolder) -> None:
    folder.write(
        {
            "learning_rat": 3e-4,
            "gradient_checkpointing": "false",
            "validation_guidance_skip_layers": [7, 8, 9],
        },
        {"capton_strategy": "textfile"},
    )

    found = folder.check().problems

    line = len(OPTIONS) + 2
    assert [problem.id for problem in found][:4] == ["C21", "C22", "C24", "C27"]
    assert found[0].where == f"config.json:{line}  learning_rat"
    assert "capton_strategy" in found[3].what


@pytest.mark.parametrize(
    ("text", "problem_id"),
    [
        pytest.param('{"learning_rate": 1e-4, "learning_rate": 1e-3}', "C03", id="key-twice"),
        pytest.param('{"learning_rate": 1e-4, "--learning_rate": 1e-3}', "C25", id="two-spellings"),
        pytest.param(
            '{"checkpointing_steps": 10, "checkpoint_step_interval": 20}', "C25", id="two-names"
        ),
        pytest.param(
            '{"save_total_limit": 1, "checkpoints_total_limit": 2}', "C25", id="former-name"
        ),
        pytest.param('{"aspect_ratio_bucketing": true}', "C20", id="without-effect"),
        pytest.param("{}", "C07", id="required-missing"),
        pytest.param('{"data_backend_config": "none.json"}', "C01", id="no-dataset-file"),
    ],
)
def test_what_the_trainer_takes_without_a_word_is_named(
    folder: TrainerFolder, text: str, problem_id: str
) -> None:
    folder.write(text)

    assert problem_id in folder.ids()


@pytest.mark.parametrize(
    ("text", "problem_id", "where"),
    [
        pytest.param('{"a": 1,\n "b" 2}', "C02", "config.json:2, column 6", id="broken"),
        pytest.param('{"a": 1,}', "C02", "config.json:1", id="comma-at-the-end"),
        pytest.param("[1, 2]", "C05", "config.json:1", id="a-list"),
        pytest.param("", "C02", "config.json:1", id="empty"),
    ],
)
def test_a_file_that_is_no_options_is_refused(
    folder: TrainerFolder, text: str, problem_id: str, where: str
) -> None:
    folder.write(text)

    with pytest.raises(ConfigError) as raised:
        folder.check()

    (problem,) = raised.value.problems
    assert problem.id == problem_id
    assert problem.where.startswith(where)


def test_a_broken_dataset_file_is_named_beside_the_rest(folder: TrainerFolder) -> None:
    folder.datasets_path.write_text("[{", encoding="utf-8")

    found = folder.check().problems

    assert "C02" in [problem.id for problem in found]
    assert any(problem.where.startswith("multidatabackend.json:") for problem in found)


def test_the_folder_of_images_is_looked_into(folder: TrainerFolder) -> None:
    (folder.dir / "data" / "cats" / "0.txt").unlink()

    found = folder.check().problems

    assert [problem.id for problem in found] == ["D03"]
    assert found[0].files == ("0.png",)


def test_a_missing_folder_of_images_is_named_with_its_line(folder: TrainerFolder) -> None:
    folder.write(image={"instance_data_dir": "data/dogs"})

    found = [problem for problem in folder.check().problems if problem.id == "D01"]

    assert found[0].where.startswith("multidatabackend.json:6  [0].instance_data_dir")


def test_too_few_images_of_a_shape_are_named(folder: TrainerFolder) -> None:
    folder.write({"gradient_accumulation_steps": 8})

    assert "D07" in folder.ids()


def test_buckets_are_not_judged_where_they_are_formed_in_another_way(folder: TrainerFolder) -> None:
    folder.write({"gradient_accumulation_steps": 8}, {"crop_aspect": "preserve"})

    assert "D07" not in folder.ids()


def test_class_images_may_have_one_prompt_for_all(folder: TrainerFolder) -> None:
    for path in (folder.dir / "data" / "cats").glob("*.txt"):
        path.unlink()
    folder.write(
        image={"caption_strategy": "instanceprompt", "instance_prompt": "a photo of a sks cat"}
    )

    errors = [each for each in folder.check().problems if each.severity is Severity.ERROR]
    assert errors == []
