"""`tuner-kit check config.json --fix`: what surely was meant is written, and shown."""

import json
from pathlib import Path

import pytest
from project_files import Tuner
from trainer_files import TrainerFolder, make_trainer_folder

from tuner_kit.errors import ExitCode
from tuner_kit.stages.fix_trainer_files import FixOutcome, fix_trainer_files


@pytest.fixture
def folder(tmp_path: Path) -> TrainerFolder:
    return make_trainer_folder(tmp_path)


def fix(folder: TrainerFolder) -> FixOutcome:
    return fix_trainer_files(folder.config_path, folder.site, lambda _: None)


def test_values_that_would_be_misread_are_written_as_they_were_meant(folder: TrainerFolder) -> None:
    folder.write(
        {
            "gradient_checkpointing": "false",
            "validation_guidance_skip_layers": [7, 8, 9],
            "lora_rank": "16",
            "vae_batch_size": 1.0,
        }
    )
    before = folder.config_path.read_text()

    outcome = fix(folder)

    data = json.loads(folder.config_path.read_text())
    (changed,) = outcome.files
    assert data["gradient_checkpointing"] is False
    assert data["validation_guidance_skip_layers"] == "[7, 8, 9]"
    assert data["lora_rank"] == 16
    assert type(data["vae_batch_size"]) is int
    assert '-    "gradient_checkpointing": "false",' in changed.diff
    assert '+    "gradient_checkpointing": false,' in changed.diff
    assert changed.kept_path.read_text() == before
    assert not {"C22", "C24"} & {problem.id for problem in outcome.checked.problems}


def test_an_abbreviation_is_written_out(folder: TrainerFolder) -> None:
    text = folder.config_path.read_text().replace('"learning_rate"', '"learning_rat"')
    folder.config_path.write_text(text)

    fix(folder)

    data = json.loads(folder.config_path.read_text())
    assert data["learning_rate"] == 1e-4
    assert "learning_rat" not in data


def test_sound_files_are_not_touched(folder: TrainerFolder) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.dir.rglob("*")}

    outcome = fix(folder)

    assert outcome.files == ()
    assert {path: path.stat().st_mtime_ns for path in folder.dir.rglob("*")} == before


def test_what_has_no_single_right_value_is_left_to_the_person(folder: TrainerFolder) -> None:
    folder.write({"learning_rate": "fast"})

    outcome = fix(folder)

    assert outcome.files == ()
    assert "C22" in {problem.id for problem in outcome.checked.problems}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param(
            "config.toml",
            '# mine\nmodel_family = "sd3"  # the family\ngradient_checkpointing = "false"\n',
            '# mine\nmodel_family = "sd3"  # the family\ngradient_checkpointing = false\n',
            id="toml",
        ),
        pytest.param(
            "config.env",
            "# mine\nexport MODEL_FAMILY=sd3\nMAX_NUM_STEPS=10.0\n",
            "# mine\nexport MODEL_FAMILY=sd3\nMAX_NUM_STEPS=10.0\n",
            id="env",
        ),
    ],
)
def test_comments_stay_in_the_other_formats(
    folder: TrainerFolder, name: str, text: str, expected: str
) -> None:
    path = folder.dir / name
    path.write_text(text)

    fix_trainer_files(path, folder.site, lambda _: None)

    # What a rule wants written explicitly comes behind.
    assert path.read_text().startswith(expected)


def test_the_difference_is_printed_and_the_rest_reported(
    folder: TrainerFolder, tuner: Tuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write({"gradient_checkpointing": "false", "optimizer": "adamw"})
    monkeypatch.chdir(folder.dir)

    outcome = tuner(["check", "config.json", "--fix"])

    assert outcome.exit_code == ExitCode.CONFIG
    assert '+    "gradient_checkpointing": false' in outcome.stdout
    assert "C23" in outcome.stderr
    assert "as it was: config.json.before-fix" in outcome.stderr
