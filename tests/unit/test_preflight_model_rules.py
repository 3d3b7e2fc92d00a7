"""The rules about the base model, on the outline of one."""

import json
from pathlib import Path

import pytest
from config_files import SMALLEST, read_config

from tuner_kit.errors import Problem
from tuner_kit.preflight.model_rules import check_base_model

PARTS = (
    *("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3"),
    *("tokenizer", "tokenizer_2", "tokenizer_3", "scheduler"),
)


def make_base_model(folder: Path, class_name: object = "StableDiffusion3Pipeline") -> Path:
    """Make the outline of a diffusers model."""
    for part in PARTS:
        (folder / part).mkdir(parents=True)
    index = json.dumps({"_class_name": class_name})
    (folder / "model_index.json").write_text(index, encoding="utf-8")
    return folder


def check_base(folder: Path, base: str) -> list[Problem]:
    """Apply the rules about the base model."""
    return list(check_base_model(read_config(folder, f"{SMALLEST}model:\n  base: {base}\n")))


@pytest.mark.parametrize("base", ["./base", "base", "user/model", "embedded:tiny-sd3"])
def test_a_base_model_may_be_a_folder_or_a_hub_id(base: str, tmp_path: Path) -> None:
    make_base_model(tmp_path / "base")
    assert check_base(tmp_path, base) == []


@pytest.mark.parametrize(
    ("base", "what"),
    [
        ("./missing", "the base model's folder ./missing does not exist"),
        ("~no-such-user/base", "the base model's folder ~no-such-user/base does not exist"),
        ("./tuner.yaml", "the base model's folder ./tuner.yaml is a file"),
        ("missing", "missing is neither a folder nor a hub id"),
        ("a/b/c", "a/b/c is neither a folder nor a hub id"),
        ("user/", "user/ is neither a folder nor a hub id"),
        ("user/my model", "user/my model is neither a folder nor a hub id"),
        ("embedded:tiny", "there is no embedded model tiny"),
    ],
)
def test_a_base_model_that_is_nowhere_is_found(base: str, what: str, tmp_path: Path) -> None:
    (problem,) = check_base(tmp_path, base)
    assert (problem.id, problem.what) == ("C10", what)


def test_a_nearly_right_base_model_is_suggested(tmp_path: Path) -> None:
    (problem,) = check_base(tmp_path, "stable-diffusion-3.5-medium")
    assert problem.fix == "did you mean stabilityai/stable-diffusion-3.5-medium?"


def test_the_missing_parts_of_a_base_model_are_named(tmp_path: Path) -> None:
    base_dir = make_base_model(tmp_path / "base")
    (base_dir / "vae").rmdir()
    (base_dir / "tokenizer_3").rmdir()
    (problem,) = check_base(tmp_path, "./base")
    assert (problem.id, problem.what) == ("C10", "the base model's folder lacks vae, tokenizer_3")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"_class_name": 3}'])
def test_a_base_model_without_a_readable_index_is_incomplete(text: str, tmp_path: Path) -> None:
    base_dir = make_base_model(tmp_path / "base")
    (base_dir / "model_index.json").write_text(text, encoding="utf-8")
    (problem,) = check_base(tmp_path, "./base")
    assert problem.what == "the base model's folder lacks model_index.json"


def test_a_base_model_of_another_family_is_named(tmp_path: Path) -> None:
    make_base_model(tmp_path / "base", "FluxPipeline")
    (problem,) = check_base(tmp_path, "./base")
    assert (problem.id, problem.where) == ("C11", "tuner.yaml:6  model.base")
    assert "FluxPipeline" in problem.what


def test_a_wrong_base_model_is_not_looked_for(tmp_path: Path) -> None:
    assert check_base(tmp_path, "3") == []
