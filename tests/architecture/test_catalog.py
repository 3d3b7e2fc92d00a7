"""The tables and what they name belong together."""

import re
import tomllib
from importlib import import_module
from typing import Any

import pytest
from package_facts import MODULES, REPOSITORY, SHELL_SCRIPTS
from packaging.requirements import Requirement

from tuner_kit import __version__
from tuner_kit.catalog.base_models import BASE_MODELS, PIPELINE_CLASSES, PIPELINE_PARTS, title_of
from tuner_kit.catalog.layouts import LAYOUT_NAMES
from tuner_kit.catalog.presets import PRESETS
from tuner_kit.catalog.problems import PROBLEM_TITLES
from tuner_kit.catalog.templates import templates_dir
from tuner_kit.cli.main import COMMANDS
from tuner_kit.data.layouts.table import LAYOUTS
from tuner_kit.errors import ERROR_OF_KIND, ExitCode

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))

IMPORT_NAMES = {
    "charset-normalizer": "charset_normalizer",
    "huggingface-hub": "huggingface_hub",
    "jinja2": "jinja2",
    "pi-heif": "pi_heif",
    "pillow": "PIL",
    "prompt-toolkit": "prompt_toolkit",
    "ruamel.yaml": "ruamel.yaml",
}
"""Where a package is imported under another name."""

NOT_IMPORTED = {
    "simpletuner": "started as a program",
    "torchvision": "SimpleTuner imports it; pinned to fit torch",
    "torchaudio": "SimpleTuner imports it; pinned to fit torch",
    "torchao": "quantization of the base model, inside SimpleTuner",
    "bitsandbytes": "8-bit optimizers and nf4, inside SimpleTuner",
    "transformers": "diffusers loads tokenizers and text encoders with it",
    "peft": "diffusers loads adapters with it",
    "accelerate": "SimpleTuner and diffusers place models with it",
    "sentencepiece": "transformers reads T5's tokenizer with it",
    "tensorboard": "the tracker of that name, inside SimpleTuner",
    "wandb": "the tracker of that name, inside SimpleTuner",
    "huggingface-hub": "diffusers downloads with it; pinned as it was seen working",
}
"""Dependencies that no module of ours needs to import, with the reason."""

SOURCE = {path: path.read_text(encoding="utf-8") for path in (*MODULES, *SHELL_SCRIPTS)}


def ids_in_use() -> frozenset[str]:
    """Every problem id that the code raises or prints."""
    # An A40 is a GPU.
    tables = [REPOSITORY / "tuner_kit" / "catalog" / name for name in ("problems.py", "gpus.py")]
    # Rules about SimpleTuner's own files have ids of their own, see docs/rules.md.
    rules_dir = REPOSITORY / "tuner_kit" / "simpletuner" / "rules"
    code = "\n".join(
        text
        for path, text in SOURCE.items()
        if path not in tables and rules_dir not in path.parents
    )
    kinds = "".join(ERROR_OF_KIND)
    in_python = re.findall(rf"""["']([{kinds}]\d\d)["']|\bid=["']([A-Z]\d\d)""", code)
    in_shell = re.findall(r"\bfail(?:_from_log)? ([A-Z]\d\d)\b", code)
    return frozenset(first or second for first, second in in_python) | frozenset(in_shell)


def test_every_id_in_use_has_a_title() -> None:
    assert ids_in_use() - PROBLEM_TITLES.keys() == frozenset()


def test_every_title_belongs_to_an_id_in_use() -> None:
    assert PROBLEM_TITLES.keys() - ids_in_use() == frozenset()


def test_the_letter_of_every_id_names_a_kind_with_its_own_exit_code() -> None:
    assert {problem_id[0] for problem_id in PROBLEM_TITLES} <= ERROR_OF_KIND.keys()
    codes = [kind.exit_code for kind in set(ERROR_OF_KIND.values())]
    assert len(set(codes)) == len(codes)
    assert set(codes).isdisjoint({ExitCode.OK, ExitCode.BUG, ExitCode.USAGE, ExitCode.INTERRUPTED})


def test_titles_are_different_and_plain() -> None:
    titles = list(PROBLEM_TITLES.values())
    assert len(set(titles)) == len(titles)
    assert not any(title.endswith(".") for title in titles)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_module(command: str) -> None:
    module = import_module(f"tuner_kit.cli.commands.{command}")
    assert callable(module.add_arguments)
    assert callable(module.execute)


def test_every_module_of_a_command_is_a_command() -> None:
    folder = REPOSITORY / "tuner_kit" / "cli" / "commands"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == COMMANDS.keys()


def test_every_preset_has_its_file_and_every_file_is_a_preset() -> None:
    files = {path.stem for path in (templates_dir() / "presets").glob("*.yaml")}
    assert {preset.name for preset in PRESETS} == files


def test_a_layout_has_one_name_in_the_table_and_the_catalog() -> None:
    assert tuple(layout.name for layout in LAYOUTS) == LAYOUT_NAMES


def test_every_base_model_is_of_a_known_family() -> None:
    families = {model.family for model in BASE_MODELS}
    assert families == PIPELINE_CLASSES.keys() == PIPELINE_PARTS.keys()


@pytest.mark.parametrize(
    ("base", "title"),
    [
        ("stabilityai/stable-diffusion-3.5-medium", "Stable Diffusion 3.5 Medium"),
        ("user/model", "user/model"),
        ("/home/me/models/sd3/", "sd3"),
        ("./models/sd3", "sd3"),
        ("~/sd3", "sd3"),
    ],
)
def test_a_base_model_is_called_without_the_path_to_it(base: str, title: str) -> None:
    assert title_of(base) == title


def test_the_version_is_written_twice_alike() -> None:
    assert PROJECT["project"]["version"] == __version__


def dependencies() -> list[str]:
    """Name every package that pyproject.toml asks for."""
    return [Requirement(line).name for line in PROJECT["project"]["dependencies"]]


@pytest.mark.parametrize("name", dependencies())
def test_every_dependency_is_imported_or_explained(name: str) -> None:
    module = re.escape(IMPORT_NAMES.get(name, name))
    pattern = re.compile(rf"^\s*(?:from|import) {module}\b", re.MULTILINE)
    is_imported = any(pattern.search(text) for text in SOURCE.values())
    assert is_imported or name in NOT_IMPORTED


def test_no_explanation_is_left_over() -> None:
    assert NOT_IMPORTED.keys() - set(dependencies()) == frozenset()
