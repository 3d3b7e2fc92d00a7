"""config.toml and config.env, read as SimpleTuner reads them."""

from pathlib import Path

import pytest
from trainer_files import TrainerFolder, make_trainer_folder

from tuner_kit.errors import ConfigError
from tuner_kit.simpletuner.option_table import load_option_table
from tuner_kit.simpletuner.written_config import (
    OptionChange,
    WrittenConfig,
    change_written_config,
    read_written_config,
)

ENV = """\
# where the images are
export MODEL_FAMILY='sd3'
export TRAIN_BATCH_SIZE=2
LEARNING_RATE="1e-4"
USE_EMA=true
VALIDATION_PROMPT="a cat on   a sofa"
TRAINER_EXTRA_ARGS="--lora_rank=8 --disable_benchmark"
"""


def read(folder: Path, name: str, text: str) -> WrittenConfig:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_written_config(path, load_option_table())


def test_variables_become_options_of_their_types(tmp_path: Path) -> None:
    config = read(tmp_path, "config.env", ENV)

    assert config.problems == ()
    assert config.options == {
        "model_family": "sd3",
        "train_batch_size": 2,
        "learning_rate": 1e-4,
        "use_ema": True,
        "validation_prompt": "a cat on a sofa",
        "lora_rank": 8,
        "disable_benchmark": True,
    }
    assert config.locate("train_batch_size") == "config.env:3  TRAIN_BATCH_SIZE"


@pytest.mark.parametrize(
    ("line", "problem_id", "said"),
    [
        pytest.param(
            "USE_GRADIENT_CHECKPOINTING=false", "C22", "stays on", id="false-is-not-passed-on"
        ),
        pytest.param("LEARNING_RAT=1e-4", "C20", "LEARNING_RATE", id="misspelt"),
    ],
)
def test_a_variable_without_effect_is_named(
    tmp_path: Path, line: str, problem_id: str, said: str
) -> None:
    config = read(tmp_path, "config.env", f"MODEL_FAMILY=sd3\n{line}\n")

    (problem,) = config.problems
    assert problem.id == problem_id
    assert said in problem.what + problem.fix
    assert problem.where.startswith("config.env:2")


def test_other_programs_variables_are_left_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "config.env", "OMP_NUM_THREADS=4\n").problems == ()


def test_toml_is_read_with_lines(tmp_path: Path) -> None:
    config = read(tmp_path, "config.toml", '# x\nmodel_family = "sd3"\n\nlora_rank = 8\n')

    assert config.options == {"model_family": "sd3", "lora_rank": 8}
    assert config.locate("lora_rank") == "config.toml:4  lora_rank"


@pytest.mark.parametrize(
    ("name", "content", "problem_id"),
    [
        pytest.param("config.toml", b"a = = 1", "C02", id="toml-syntax"),
        pytest.param("config.json", b"\xff\xfe", "C01", id="not-utf-8"),
        pytest.param("config.json", b" " * 1_000_001, "C01", id="too-large"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes, problem_id: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError) as raised:
        read_written_config(tmp_path / name, load_option_table())

    assert raised.value.problems[0].id == problem_id


def test_a_variable_is_changed_in_its_line_and_a_new_one_added(tmp_path: Path) -> None:
    config = read(tmp_path, "config.env", ENV)

    text = change_written_config(
        config,
        [
            OptionChange("train_batch_size", 4),
            OptionChange("use_ema", is_removal=True),
            OptionChange("seed", 42),
        ],
    )

    assert "export TRAIN_BATCH_SIZE=4\n" in text
    assert "# USE_EMA=true\n" in text
    assert text.endswith("export TRAINING_SEED=42\n")
    assert text.count("\n") == ENV.count("\n") + 1


def test_all_three_formats_are_checked_alike(tmp_path: Path) -> None:
    folder: TrainerFolder = make_trainer_folder(tmp_path)
    lines = {
        "config.env": "MODEL_FAMILY=sd4\n",
        "config.toml": 'model_family = "sd4"\n',
        "config.json": '{"model_family": "sd4"}\n',
    }
    for name, text in lines.items():
        (tmp_path / name).write_text(text)

    ids = {
        name: [
            problem.id for problem in folder.check(tmp_path / name).problems if problem.id == "C23"
        ]
        for name in lines
    }

    assert ids == {name: ["C23"] for name in lines}
