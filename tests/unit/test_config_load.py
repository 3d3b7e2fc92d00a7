"""What a tuner.yaml means, and every mistake in it."""

from pathlib import Path

import pytest
from config_files import PRESET_STEPS, SMALLEST, ids_of, places_of, read_config, write_config

from tuner_kit.config.load import load_config
from tuner_kit.errors import ConfigError, Problem

SEVEN_MISTAKES = """\
name: my cats
preset: tiny-lora
model:
  quantization: int8-quant
datasets:
  - path: cats
    resolution_px: 1000
  - resolution_px: 512
training:
  learning_rate: "1e-4"
  max_train_step: 60
  seed:
lora:
  rank: 0
"""


def test_every_mistake_is_reported_at_once_in_the_order_of_its_line(tmp_path: Path) -> None:
    file = read_config(tmp_path, SEVEN_MISTAKES)
    assert places_of(file.problems) == [
        ("C06", "tuner.yaml:1  name"),
        ("C06", "tuner.yaml:4  model.quantization"),
        ("C06", "tuner.yaml:7  datasets[0].resolution_px"),
        ("C07", "tuner.yaml:8  datasets[1].path"),
        ("C05", "tuner.yaml:10  training.learning_rate"),
        ("C04", "tuner.yaml:11  training.max_train_step"),
        ("C05", "tuner.yaml:12  training.seed"),
        ("C06", "tuner.yaml:14  lora.rank"),
    ]


def test_each_mistake_says_what_to_type_instead(tmp_path: Path) -> None:
    file = read_config(tmp_path, SEVEN_MISTAKES)
    fixes = [problem.fix for problem in file.problems]
    assert fixes[0].startswith("set name to Letters, digits")
    assert fixes[1].startswith("did you mean int8-quanto? It can be one of 'none'")
    assert fixes[2:4] == [
        "set resolution_px to a multiple of 64",
        "add it: The folder, relative to tuner.yaml, or `hf://datasets/user/name`. It is only read",
    ]
    assert fixes[4:] == [
        "set learning_rate to a number, without quotes",
        "did you mean max_train_steps?",
        "set seed to a whole number, without quotes",
        "set rank to at least 1",
    ]


def test_wrong_values_leave_the_right_ones_as_they_are(tmp_path: Path) -> None:
    config = read_config(tmp_path, SEVEN_MISTAKES).config
    assert config.name == "unnamed"
    assert config.datasets[0].path == Path("cats")
    assert config.datasets[1].resolution_px == 512
    assert config.training.max_train_steps == PRESET_STEPS


def test_a_wrong_dataset_leaves_the_others_in_their_places(tmp_path: Path) -> None:
    file = read_config(
        tmp_path, "name: a\npreset: tiny-lora\ndatasets:\n  - 3\n  - path: dogs\n    repeats: 4\n"
    )
    assert places_of(file.problems) == [("C05", "tuner.yaml:4  datasets[0]")]
    assert [dataset.repeats for dataset in file.config.datasets] == [0, 4]
    assert not file.is_sound("datasets", 0, "path")
    assert file.is_sound("datasets", 1, "path")


@pytest.mark.parametrize(
    ("written", "expected"),
    [("1e-4", 1e-4), ("0.001", 1e-3), ("1", 1.0), ("5E-5", 5e-5)],
)
def test_numbers_are_those_of_yaml_1_2(written: str, expected: float, tmp_path: Path) -> None:
    file = read_config(tmp_path, f"{SMALLEST}training:\n  learning_rate: {written}\n")
    assert file.problems == ()
    assert file.config.training.learning_rate == expected


def test_no_is_text_and_not_false(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST + "training:\n  mixed_precision: no\n")
    assert file.problems == ()
    assert file.config.training.mixed_precision == "no"


@pytest.mark.parametrize("date", ["2024-12-05", "2024-13-45", "2001-01-01T25:00:00"])
def test_a_date_is_the_text_that_was_written(date: str, tmp_path: Path) -> None:
    text = f"{SMALLEST}validation:\n  prompts: [{date}]\n"
    file = read_config(tmp_path, text)
    assert file.problems == ()
    assert file.config.validation.prompts == (date,)


def test_what_is_written_lies_over_the_preset(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST + "training:\n  seed: 7\n")
    assert file.config.training.seed == 7
    assert file.config.training.max_train_steps == PRESET_STEPS
    assert file.config.model.base == "embedded:tiny-sd3"


def test_epochs_in_the_file_replace_the_presets_number_of_steps(tmp_path: Path) -> None:
    training = read_config(tmp_path, SMALLEST + "training:\n  epochs: 3\n").config.training
    assert (training.epochs, training.max_train_steps) == (3, None)


def test_epochs_of_null_leave_the_presets_number_of_steps(tmp_path: Path) -> None:
    training = read_config(tmp_path, SMALLEST + "training:\n  epochs:\n").config.training
    assert (training.epochs, training.max_train_steps) == (None, PRESET_STEPS)


def test_sections_without_content_count_as_absent(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST + "training:\nlora: ~\nvalidation: null\n")
    assert file.problems == ()
    assert file.config.training.max_train_steps == PRESET_STEPS


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null\n"])
def test_an_empty_file_lacks_what_is_required(text: str, tmp_path: Path) -> None:
    file = read_config(tmp_path, text)
    assert places_of(file.problems) == [
        ("C07", "tuner.yaml  name"),
        ("C07", "tuner.yaml  model"),
        ("C07", "tuner.yaml  datasets"),
    ]


@pytest.mark.parametrize("text", ["42\n", "- a\n", "just words\n"])
def test_a_file_without_keys_is_no_configuration(text: str, tmp_path: Path) -> None:
    problem = refusal(write_config(tmp_path, text))
    assert (problem.id, problem.where) == ("C05", "tuner.yaml:1")


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "tuner.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    assert load_config(path).problems == ()


def test_windows_line_ends_count_as_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tuner.yaml"
    path.write_bytes((SMALLEST + "lora:\n  rank: x\n").replace("\n", "\r\n").encode())
    assert places_of(load_config(path).problems) == [("C05", "tuner.yaml:6  lora.rank")]


def test_a_missing_file_points_to_init(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "tuner.yaml")
    assert problem.id == "C01"
    assert "tuner-kit init" in problem.fix


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path).id == "C01"


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tuner.yaml"
    path.write_bytes("name: Käthe\n".encode("latin-1"))
    problem = refusal(path)
    assert problem.id == "C01"
    assert "not UTF-8" in problem.what


def test_a_file_of_more_than_a_megabyte_is_not_even_read(tmp_path: Path) -> None:
    problem = refusal(write_config(tmp_path, "#" * 1_000_001))
    assert problem.id == "C01"
    assert "larger than 1 MB" in problem.what


def test_a_key_that_is_written_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST + "training:\n  seed: 1\n  seed: 2\n")
    assert places_of(file.problems) == [("C03", "tuner.yaml:7  training.seed")]
    assert "first in line 6" in file.problems[0].what


def test_of_a_key_written_twice_the_first_value_is_judged(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST + "lora:\n  rank: zero\nlora:\n  rank: 1\n  rank: 2\n")
    assert places_of(file.problems) == [
        ("C03", "tuner.yaml:7  lora"),
        ("C05", "tuner.yaml:6  lora.rank"),
    ]


@pytest.mark.parametrize(
    ("key", "name"), [("1: x", "1"), ("true: x", "true"), ("~: x", "null"), ("1.5: x", "1.5")]
)
def test_keys_that_are_not_text_are_unknown_keys(key: str, name: str, tmp_path: Path) -> None:
    file = read_config(tmp_path, f"{SMALLEST}{key}\n")
    assert ids_of(file.problems) == ["C04"]
    assert file.problems[0].what == f"unknown key {name}"


def test_a_list_as_key_is_refused(tmp_path: Path) -> None:
    assert refusal(write_config(tmp_path, SMALLEST + "? [a, b]\n: c\n")).id == "C02"


def test_the_longest_whole_number_is_refused(tmp_path: Path) -> None:
    text = f"{SMALLEST}training:\n  seed: 0x{'f' * 5000}\n"
    assert refusal(write_config(tmp_path, text)).id == "C02"


def test_an_unknown_preset_is_the_only_finding_about_what_it_would_supply(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST.replace("tiny-lora", "tiny-lorra"))
    assert places_of(file.problems) == [("C09", "tuner.yaml:2  preset")]
    assert file.problems[0].fix == "did you mean tiny-lora?"
    assert not file.is_sound("model", "base")
    assert file.is_sound("datasets", 0, "path")


def test_a_preset_unlike_all_others_gets_the_whole_list(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST.replace("tiny-lora", "xyz"))
    assert ids_of(file.problems) == ["C09"]
    assert "sd3.5-medium-lora" in file.problems[0].fix
    assert "tiny-lora" in file.problems[0].fix


def test_a_number_as_preset_has_the_wrong_type(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST.replace("tiny-lora", "3"))
    assert places_of(file.problems) == [("C05", "tuner.yaml:2  preset")]


def test_what_a_person_wrote_is_sound_below_an_unknown_preset(tmp_path: Path) -> None:
    text = SMALLEST.replace("tiny-lora", "tiny") + "training:\n  seed: 7\n"
    file = read_config(tmp_path, text)
    assert file.is_sound("training", "seed")
    assert not file.is_sound("training", "max_train_steps")


def test_a_misspelt_key_makes_the_value_that_it_means_unsound(tmp_path: Path) -> None:
    file = read_config(tmp_path, SMALLEST + "training:\n  optimiser: prodigy\n")
    assert ids_of(file.problems) == ["C04"]
    assert not file.is_sound("training", "optimizer")
    assert file.is_sound("training", "seed")


def test_paths_are_relative_to_the_folder_of_the_file(tmp_path: Path) -> None:
    file = read_config(tmp_path)
    assert file.resolve(Path("cats/../dogs")) == tmp_path.resolve() / "dogs"
    assert file.resolve(Path("/elsewhere")) == Path("/elsewhere")


def test_the_home_of_nobody_is_a_missing_folder(tmp_path: Path) -> None:
    file = read_config(tmp_path)
    assert file.resolve(Path("~no-such-user/cats")) == tmp_path.resolve() / "~no-such-user/cats"


def refusal(path: Path) -> Problem:
    """Load a file that can't be judged and return the reason."""
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert len(raised.value.problems) == 1
    return raised.value.problems[0]
