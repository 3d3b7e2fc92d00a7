"""SimpleTuner's own files, written by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from config_files import ids_of

from tuner_kit.errors import ConfigError, Problem
from tuner_kit.preflight.hand_written import check_trainer_config

CONFIG: dict[str, object] = {
    "model_family": "sd3",
    "model_type": "lora",
    "optimizer": "torch-adamw",
    "output_dir": "output",
    "data_backend_config": "multibackend.json",
    "max_train_steps": 10,
    "num_train_epochs": 0,
    "learning_rate": 1e-4,
}
DATASETS: list[dict[str, object]] = [
    {
        "id": "cats",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": "cats",
        "caption_strategy": "textfile",
        "cache_dir_vae": "cache/vae",
    },
    {
        "id": "text",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": "cache/text",
    },
]

type Check = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write both files, with changes, and check them."""

    def write_and_check(
        config: dict[str, object] | str = CONFIG, datasets: object = DATASETS
    ) -> tuple[Problem, ...]:
        text = config if isinstance(config, str) else json.dumps(config, indent="\t")
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        (tmp_path / "multibackend.json").write_text(json.dumps(datasets), encoding="utf-8")
        return check_trainer_config(tmp_path / "config.json", working_dir=tmp_path / "elsewhere")

    return write_and_check


def test_sound_files_pass_with_and_without_dashes(check: Check) -> None:
    assert check() == ()
    assert check({f"--{name}": value for name, value in CONFIG.items()}) == ()


def test_every_mistake_is_named_at_once_with_its_line(check: Check) -> None:
    found = check(
        {
            **CONFIG,
            "learning_rat": 3e-4,
            "gradient_checkpointing": "false",
            "validation_guidance_skip_layers": [7, 8, 9],
        },
        [{**DATASETS[0], "capton_strategy": "textfile"}, DATASETS[1]],
    )

    assert ids_of(found) == ["C21", "C22", "C24", "C27"]
    assert found[0].where == "config.json:10  learning_rat"
    assert "capton_strategy" in found[3].what


@pytest.mark.parametrize(
    ("text", "problem_id"),
    [
        pytest.param('{"learning_rate": 1e-4, "learning_rate": 1e-3}', "C03", id="key twice"),
        pytest.param('{"learning_rate": 1e-4, "--learning_rate": 1e-3}', "C25", id="two spellings"),
        pytest.param("{}", "C07", id="required missing"),
        pytest.param('{"data_backend_config": "none.json"}', "C01", id="no dataset file"),
    ],
)
def test_what_the_trainer_takes_without_a_word_is_named(
    check: Check, text: str, problem_id: str
) -> None:
    assert problem_id in ids_of(check(text))


@pytest.mark.parametrize(
    ("text", "problem_id"),
    [
        pytest.param('{"a": 1,\n "b" 2}', "C02", id="broken"),
        pytest.param("[1, 2]", "C05", id="a list"),
        pytest.param("", "C05", id="empty"),
    ],
)
def test_a_file_that_is_no_options_is_refused(check: Check, text: str, problem_id: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check(text)

    assert ids_of(raised.value.problems) == [problem_id]


def test_a_broken_dataset_file_is_named_beside_the_rest(check: Check, tmp_path: Path) -> None:
    check()
    (tmp_path / "multibackend.json").write_text("[{", encoding="utf-8")

    found = check_trainer_config(tmp_path / "config.json", working_dir=tmp_path)

    assert ids_of(found) == ["C02"]
    assert found[0].where.startswith("multibackend.json:")
