"""The answers that a tuner.yaml was made from, read back from it."""

from pathlib import Path

import pytest
from planned_runs import folder, plan, plan_of, plan_with_class_images
from pydantic import JsonValue

from tuner_kit.preflight.read_answers import answers_from
from tuner_kit.preflight.training_length import Folders
from tuner_kit.stages.create import create


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"trigger_word": "sks", "tracker": "wandb"}, id="lora"),
        pytest.param({"method": "lokr", "gpu": "24 GB", "num_gpus": 2}, id="lokr"),
        pytest.param({"method": "full", "hub_model_id": "me/cats"}, id="full"),
        pytest.param(
            {"method": "dreambooth", "instance_prompt": "a photo of a sks cat"}, id="dreambooth"
        ),
        pytest.param({"fallback_caption": "a cat", "name": "whiskers"}, id="captions"),
    ],
)
def test_what_was_answered_is_read_back(tmp_path: Path, answers: dict[str, JsonValue]) -> None:
    file = create(plan_of(answers, target="80 GB"), tmp_path / "tuner.yaml")

    read = answers_from(file).model_dump(mode="json")

    assert {name: read[name] for name in answers} == answers
    assert read["data"] == str(Path("cats").resolve())


def test_class_images_are_told_from_plain_ones(tmp_path: Path) -> None:
    class_file = create(plan_with_class_images(), tmp_path / "class.yaml")
    plain = Folders(folder(24), plain_images=folder(50))
    plain_file = create(plan(plain, plain_images="dogs"), tmp_path / "plain.yaml")

    with_class, with_plain = answers_from(class_file), answers_from(plain_file)

    assert (with_class.method, with_class.class_prompt) == ("dreambooth-class", "a cat")
    assert with_class.class_images == str(Path("dogs").resolve())
    assert (with_plain.method, with_plain.class_images) == ("lora", None)
    assert with_plain.plain_images == str(Path("dogs").resolve())


def test_what_the_file_does_not_tell_stays_open(tmp_path: Path) -> None:
    read = answers_from(create(plan(), tmp_path / "tuner.yaml"))

    assert not {"purpose", "views_per_image"} & read.model_fields_set
