"""The rules about SimpleTuner's files, on the files that a tuner.yaml becomes."""

from pathlib import Path

import pytest
from config_files import read_config
from dataset_files import write_image

from tuner_kit.config.presets import PRESET_NAMES
from tuner_kit.errors import Problem
from tuner_kit.preflight.dataset_rules import Examination, examine_datasets
from tuner_kit.preflight.generated_rules import check_generated_files

HEADERS = Examination(continues=False, repairs=False, looks_at_pixels=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    for index in range(24):
        write_image(folder / "images" / f"{index}.png", size=(64, 64), caption=f"cat {index}")
    return folder


def check(
    folder: Path, more: str = "", preset: str = "sd3.5-medium-lora", said: str = ""
) -> list[Problem]:
    text = f"name: a\npreset: {preset}\ndatasets: [{{path: images}}]\nvalidation: {{prompts: [a cat]}}\n"
    file = read_config(folder, text + more)
    assert file.problems == ()
    with examine_datasets(file, lambda _: None, HEADERS) as findings:
        return list(check_generated_files(file, findings.datasets, {said}))


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_a_preset_breaks_no_rule(folder: Path, preset: str) -> None:
    assert check(folder, preset=preset) == []


@pytest.mark.parametrize(
    ("more", "rule", "where", "said"),
    [
        pytest.param(
            "training: {max_grad_norm: 5.0}\n",
            "ST-F03",
            "tuner.yaml:5  training.max_grad_norm",
            "training.max_grad_norm",
            id="copied-value",
        ),
        pytest.param(
            "training: {caption_dropout_rate: 0.9}\n",
            "ST-C12",
            "tuner.yaml:5  training.caption_dropout_rate",
            "training.caption_dropout_rate",
            id="renamed-value",
        ),
        pytest.param(
            "lora: {rank: 512, alpha: 512}\n",
            "ST-F12",
            "tuner.yaml:5  lora.rank",
            "rank",
            id="rank",
        ),
        pytest.param(
            "simpletuner: {snr_gamma: 5}\n",
            "ST-F09",
            "tuner.yaml:5  simpletuner.snr_gamma",
            "snr_gamma",
            id="passed-through",
        ),
    ],
)
def test_a_finding_is_said_in_the_words_of_tuner_yaml(
    folder: Path, more: str, rule: str, where: str, said: str
) -> None:
    found = {problem.id: problem for problem in check(folder, more)}

    assert found[rule].where == where
    assert said in found[rule].what + found[rule].fix
    assert "caption_dropout_probability" not in found[rule].what + found[rule].fix


def test_a_place_that_was_reported_already_is_left_out(folder: Path) -> None:
    where = "tuner.yaml:5  training.max_grad_norm"

    assert check(folder, "training: {max_grad_norm: 5.0}\n", said=where) == []
