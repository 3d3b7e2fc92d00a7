"""A planned run becomes a tuner.yaml, or a change of one; comments and all else stay."""

from pathlib import Path
from typing import Any

import pytest
from planned_runs import folder, plan, plan_of, plan_with_class_images
from pydantic import JsonValue

from tuner_kit.config.load import load_config
from tuner_kit.errors import ConfigError, RunStateError
from tuner_kit.preflight.training_length import Folders
from tuner_kit.stages.create import create, edit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tuner.yaml"


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({}, id="suggested"),
        pytest.param({"method": "lokr"}, id="lokr"),
        pytest.param({"method": "full"}, id="full"),
        pytest.param({"base": "stable-diffusion-v1-5/stable-diffusion-v1-5"}, id="sd1"),
        pytest.param(
            {"base": "stable-diffusion-v1-5/stable-diffusion-v1-5", "method": "full"}, id="sd1-full"
        ),
        pytest.param({"base": "embedded:tiny-sd3"}, id="tiny"),
        pytest.param({"num_gpus": 4, "gpu": "H100"}, id="several-gpus"),
    ],
)
def test_the_file_says_what_was_decided(path: Path, answers: dict[str, JsonValue]) -> None:
    planned = plan_of(answers, target="80 GB")

    file = create(planned, path)

    assert file.problems == ()
    assert file.config.training.method == answers.get("method", "lora")
    for made in planned.decisions:
        found: Any = file.config.model_dump(mode="json")
        for part in made.key:
            found = found[part]
        assert found == (str(Path("cats").resolve()) if made.key[-1] == "path" else made.value)


def test_the_comments_of_the_preset_are_there(path: Path) -> None:
    create(plan(), path)

    assert "# give epochs or max_train_steps" in path.read_text()


@pytest.mark.parametrize("method", ["lokr", "full"])
def test_what_has_no_effect_with_a_method_is_not_written(path: Path, method: str) -> None:
    create(plan(target="80 GB", method=method), path)

    assert "rank" not in path.read_text()


def test_class_images_are_a_second_dataset(path: Path) -> None:
    file = create(plan_with_class_images(), path)

    main, other = file.config.datasets
    assert (main.instance_prompt, other.instance_prompt) == ("a sks cat", "a cat")
    assert (main.hold_out, other.hold_out) == (True, False)


def test_what_cannot_be_trained_is_not_written(path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        create(plan(method="dreambooth"), path)

    (problem,) = raised.value.problems
    assert problem.id == "C29"
    assert "set instance_prompt" in problem.fix
    assert not path.exists()


def test_a_file_that_is_there_is_replaced_by_force_only(path: Path) -> None:
    create(plan(name="first"), path)

    with pytest.raises(RunStateError):
        create(plan(name="second"), path)
    assert load_config(path).config.name == "first"

    create(plan(name="second"), path, force=True)
    assert load_config(path).config.name == "second"


def test_a_change_keeps_comments_and_what_was_tuned_by_hand(path: Path) -> None:
    create(plan(), path)
    text = path.read_text().replace("learning_rate: 1e-4", "learning_rate: 5e-5  # mine")
    path.write_text(text.replace("max_grad_norm: 1.0", "max_grad_norm: 0.5"))

    file = edit(path, plan(), plan(tracker="wandb", trigger_word="sks"))

    assert "learning_rate: 5e-5  # mine" in path.read_text()
    assert file.config.training.max_grad_norm == 0.5
    assert file.config.tracking.tracker == "wandb"
    assert file.config.datasets[0].trigger_word == "sks"


def test_a_change_that_changes_nothing_leaves_every_character(path: Path) -> None:
    create(plan(), path)
    before = path.read_text()

    edit(path, plan(), plan())

    assert path.read_text() == before


def test_what_is_no_longer_meant_is_taken_out(path: Path) -> None:
    plain = Folders(folder(24), plain_images=folder(10))
    with_plain = plan(plain, plain_images="plain", instance_prompt="a cat")
    create(with_plain, path)

    file = edit(path, with_plain, plan())

    assert len(file.config.datasets) == 1
    assert file.config.datasets[0].instance_prompt is None
