"""The pages and the JSON Schema that follow from the code."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from jsonschema import Draft202012Validator
from package_facts import REPOSITORY
from ruamel.yaml import YAML

from tuner_kit.catalog.problems import PROBLEM_TITLES
from tuner_kit.config.presets import PRESET_NAMES, preset_path


def load_tool(name: str) -> ModuleType:
    """Import a program of tools/, which is no package."""
    path = REPOSITORY / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE_DOCS = load_tool("make_docs")
SCHEMA = Draft202012Validator(MAKE_DOCS.build_schema())


def errors_of(text: str) -> list[str]:
    """Validate YAML text with the schema; say where it is wrong."""
    return [error.json_path for error in SCHEMA.iter_errors(YAML(typ="safe").load(text))]


@pytest.mark.parametrize("name", ["make_docs", "make_plan_table"])
def test_the_generated_files_follow_from_the_code(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--check"])
    assert load_tool(name).main() == 0, capsys.readouterr().out


def test_an_outdated_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(MAKE_DOCS, "REPOSITORY", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_docs.py"])
    assert MAKE_DOCS.main() == 0
    page = tmp_path / "docs" / "problems.md"
    page.write_text(page.read_text(encoding="utf-8") + "x", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["make_docs.py", "--check"])
    assert MAKE_DOCS.main() == 1
    assert capsys.readouterr().out == "docs/problems.md is outdated: run tools/make_docs.py\n"


def test_every_id_is_on_the_page_of_problems() -> None:
    page = MAKE_DOCS.render_problems()
    missing = [found for found in PROBLEM_TITLES if f"| {found} |" not in page]
    assert missing == []


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_every_preset_fits_the_schema(name: str) -> None:
    assert errors_of(preset_path(name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        pytest.param("name: a\npreset: x\ndatasets: [{path: b}]\n", [], id="smallest"),
        pytest.param("name: a\ndatasets: [{path: b}]\nlora:\n", [], id="empty-section"),
        pytest.param("name: a\ndatasets: [{path: b}]\nlora: {rnk: 1}\n", ["$.lora"], id="key"),
        pytest.param("name: a\ndatasets: [{}]\n", ["$.datasets[0]"], id="no-path"),
        pytest.param("name: a b\ndatasets: [{path: b}]\n", ["$.name"], id="name"),
        pytest.param("datasets: [{path: b}]\n", ["$"], id="no-name"),
    ],
)
def test_the_schema_judges_like_the_loader(text: str, wrong: list[str]) -> None:
    assert errors_of(text) == wrong
