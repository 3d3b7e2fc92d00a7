"""The file of LyCORIS settings is found where SimpleTuner would find it."""

import json
from pathlib import Path

import pytest

from tuner_kit.simpletuner.rules.lycoris_file import read_lycoris_config

LOKR = {"algo": "lokr", "multiplier": 1.0}


def write_settings(path: Path, settings: object = LOKR) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings), encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("config/lycoris.json", "lycoris.json"),
        ("config/lycoris.json", "config/lycoris.json"),
        ("config/sub/lycoris.json", "config/sub/lycoris.json"),
        ("lycoris.json", "lycoris.json"),
        ("elsewhere/lycoris.json", "{root}/elsewhere/lycoris.json"),
    ],
    ids=["beside config.json", "with its folder", "deeper", "where it starts", "absolute"],
)
def test_the_settings_are_found(tmp_path: Path, place: str, named: str) -> None:
    write_settings(tmp_path / place)

    found = read_lycoris_config(
        named.format(root=tmp_path), config_dir=tmp_path / "config", working_dir=tmp_path
    )

    assert found == LOKR


def test_the_folder_of_the_configuration_comes_first(tmp_path: Path) -> None:
    write_settings(tmp_path / "lycoris.json", {"algo": "loha"})
    write_settings(tmp_path / "config" / "lycoris.json")

    found = read_lycoris_config(
        "lycoris.json", config_dir=tmp_path / "config", working_dir=tmp_path
    )

    assert found == LOKR


@pytest.mark.parametrize("content", [None, "{", "[1]"], ids=["missing", "damaged", "a list"])
def test_what_can_not_be_used_is_empty(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "lycoris.json").write_text(content, encoding="utf-8")

    found = read_lycoris_config("lycoris.json", config_dir=tmp_path, working_dir=tmp_path)

    assert found == {}


def test_an_example_inside_simpletuner_is_not_judged(tmp_path: Path) -> None:
    named = "config/examples/lycoris_config.json"

    assert read_lycoris_config(named, config_dir=tmp_path, working_dir=tmp_path) is None
