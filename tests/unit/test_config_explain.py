"""How each kind of wrong value is explained."""

from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.config.suggest import did_you_mean, suggest
from tuner_kit.errors import ConfigError


@pytest.mark.parametrize(
    ("lines", "problem_id", "what", "fix"),
    [
        pytest.param(
            "lora:\n  rank: true\n",
            "C05",
            "lora.rank is true; expected a whole number, without quotes",
            "set rank to a whole number, without quotes",
            id="bool-for-int",
        ),
        pytest.param(
            "lora:\n  rank: 4.5\n",
            "C05",
            "lora.rank is 4.5; expected a whole number, without quotes",
            "set rank to a whole number, without quotes",
            id="fraction-for-int",
        ),
        pytest.param(
            "training:\n  gradient_checkpointing: yes\n",
            "C05",
            'training.gradient_checkpointing is "yes"; expected true or false, without quotes',
            "set gradient_checkpointing to true or false, without quotes",
            id="text-for-bool",
        ),
        pytest.param(
            "paths:\n  runs_dir: [a]\n",
            "C05",
            "paths.runs_dir is a list; expected text",
            "set runs_dir to text",
            id="list-for-path",
        ),
        pytest.param(
            "lora: 16\n",
            "C05",
            "lora is 16; expected a section with `key: value` lines below it",
            "set lora to a section with `key: value` lines below it",
            id="value-for-section",
        ),
        pytest.param(
            "simpletuner: [a]\n",
            "C05",
            "simpletuner is a list; expected a section with `key: value` lines below it",
            "set simpletuner to a section with `key: value` lines below it",
            id="list-for-options",
        ),
        pytest.param(
            "validation:\n  prompts: a cat\n",
            "C05",
            'validation.prompts is "a cat"; expected a list, one `- item` per line',
            "set prompts to a list, one `- item` per line",
            id="text-for-list",
        ),
        pytest.param(
            "validation:\n  prompts: [a, 1]\n",
            "C05",
            "validation.prompts[1] is 1; expected text",
            "set validation.prompts[1] to text",
            id="number-in-list",
        ),
        pytest.param(
            "validation:\n  prompts: ['']\n",
            "C06",
            'validation.prompts[0] is ""; expected some text',
            "set validation.prompts[0] to some text",
            id="empty-text",
        ),
        pytest.param(
            "training:\n  learning_rate: .nan\n",
            "C06",
            "training.learning_rate is NaN; expected a finite number",
            "set learning_rate to a finite number",
            id="nan",
        ),
        pytest.param(
            "training:\n  learning_rate: 0\n",
            "C06",
            "training.learning_rate is 0; expected more than 0.0",
            "set learning_rate to more than 0.0",
            id="not-above",
        ),
        pytest.param(
            "lora:\n  dropout: 1\n",
            "C06",
            "lora.dropout is 1; expected less than 1.0",
            "set dropout to less than 1.0",
            id="not-below",
        ),
        pytest.param(
            "lora:\n  rank: 2000\n",
            "C06",
            "lora.rank is 2000; expected at most 1024",
            "set rank to at most 1024",
            id="too-large",
        ),
        pytest.param(
            "tracking:\n  project: ''\n",
            "C06",
            'tracking.project is ""; expected some text',
            "set project to some text",
            id="too-short",
        ),
        pytest.param(
            "training:\n  lr_scheduler: cosin\n",
            "C06",
            "training.lr_scheduler is \"cosin\"; expected one of 'constant', "
            "'constant_with_warmup', 'linear', 'cosine' or 'polynomial'",
            "did you mean cosine? It can be one of 'constant', 'constant_with_warmup', 'linear', "
            "'cosine' or 'polynomial'",
            id="misspelt-choice",
        ),
        pytest.param(
            "publishing:\n  hub_model_id: cats\n",
            "C06",
            'publishing.hub_model_id is "cats"; expected `user/name` on the Hugging Face Hub; '
            "null means not published",
            "set hub_model_id to `user/name` on the Hugging Face Hub; null means not published",
            id="pattern",
        ),
        pytest.param(
            "tracking:\n  color: red\n",
            "C04",
            "unknown key tracking.color",
            "keys here: project, tracker",
            id="unknown-key",
        ),
        pytest.param(
            "trainig:\n  seed: 3\n",
            "C04",
            "unknown key trainig",
            "did you mean training?",
            id="unknown-section",
        ),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_expected(
    lines: str, problem_id: str, what: str, fix: str, tmp_path: Path
) -> None:
    (problem,) = read_config(tmp_path, SMALLEST + lines).problems
    assert (problem.id, problem.what, problem.fix) == (problem_id, what, fix)


def test_a_long_value_is_shown_in_part(tmp_path: Path) -> None:
    (problem,) = read_config(tmp_path, f"{SMALLEST}lora:\n  rank: {'x' * 200}\n").problems
    assert len(problem.what) < 140
    assert 'xxx..."; expected' in problem.what


def test_a_long_number_gets_no_quote(tmp_path: Path) -> None:
    (problem,) = read_config(tmp_path, f"{SMALLEST}lora:\n  rank: 1{'0' * 80}\n").problems
    assert "000...; expected" in problem.what


def test_a_misspelt_required_key_is_not_missing_as_well(tmp_path: Path) -> None:
    file = read_config(tmp_path, "name: a\npreset: tiny-lora\ndatasets:\n  - pth: cats\n")
    assert [problem.fix for problem in file.problems] == ["did you mean path?"]


def test_an_empty_list_of_datasets_is_one_problem(tmp_path: Path) -> None:
    (problem,) = read_config(tmp_path, "name: a\npreset: tiny-lora\ndatasets: []\n").problems
    assert problem.what == "datasets is a list; expected at least one entry"


def test_wrong_datasets_are_not_an_empty_list_as_well(tmp_path: Path) -> None:
    file = read_config(tmp_path, "name: a\npreset: tiny-lora\ndatasets:\n  - 1\n  - x\n")
    assert [problem.where for problem in file.problems] == [
        "tuner.yaml:4  datasets[0]",
        "tuner.yaml:5  datasets[1]",
    ]


def test_a_word_near_a_known_one_is_suggested() -> None:
    assert suggest("lerning_rate", ["learning_rate", "seed"]) == "learning_rate"
    assert suggest("xyz", ["learning_rate", "seed"]) is None


def test_without_a_near_word_the_other_advice_is_given() -> None:
    assert did_you_mean("sed", ["seed"], otherwise="?") == "did you mean seed?"
    assert did_you_mean("xyz", ["seed"], otherwise="keys: seed") == "keys: seed"


def test_a_newer_file_is_refused_as_a_whole(tmp_path: Path) -> None:
    text = f"{SMALLEST}schema_version: 7\nbrand_new: 1\ntraining: {{method: magic}}\n"

    with pytest.raises(ConfigError) as raised:
        read_config(tmp_path, text)

    (problem,) = raised.value.problems
    assert (problem.id, problem.where) == ("C06", "tuner.yaml:5  schema_version")
    assert problem.what == (
        "the file was written by a newer tuner_kit (schema 7); this one reads schema 1"
    )
    assert "update tuner_kit" in problem.fix


@pytest.mark.parametrize("version", ["0", "-1", '"2"', "1.5"])
def test_a_version_that_never_was_is_an_ordinary_wrong_value(version: str, tmp_path: Path) -> None:
    (problem,) = read_config(tmp_path, f"{SMALLEST}schema_version: {version}\n").problems
    assert "expected" in problem.what
