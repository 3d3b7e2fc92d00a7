"""`tuner-kit init` through a pseudo-terminal, as a person types."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest
from project_files import Project

from tuner_kit.config.load import load_config
from tuner_kit.errors import ExitCode

ENTER = "\r"
DOWN = "\x1b[B"
CTRL_C = "\x03"
CTRL_D = "\x04"
CTRL_U = "\x15"
"""Empties the line."""


@contextmanager
def init(project: Project, *words: str) -> Iterator["pexpect.spawn[str]"]:
    """Run `tuner-kit init` in the project, without the tuner.yaml that it has."""
    project.config_path.unlink()
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "tuner_kit", "init", *words],
        cwd=str(project.dir),
        encoding="utf-8",
        timeout=10,
        dimensions=(40, 120),
        # A terminal answers where its cursor is; this one doesn't, and would be waited for.
        env=os.environ | {"PROMPT_TOOLKIT_NO_CPR": "1"},
    )
    terminal.delaybeforesend = None
    terminal.delayafterclose = 0.0
    try:
        yield terminal
    finally:
        terminal.close(force=True)


def leave(terminal: "pexpect.spawn[str]") -> int | None:
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus


def test_pressing_enter_takes_what_is_suggested(project: Project) -> None:
    with init(project) as terminal:
        terminal.expect("Folder of images")
        terminal.send("photos" + ENTER)
        terminal.expect("What to train")
        terminal.send(ENTER)
        terminal.expect("Name of the run.*photos")
        terminal.send(ENTER)
        terminal.expect("Trigger word")
        terminal.send(ENTER)
        exit_code = leave(terminal)

    config = load_config(project.config_path).config
    assert exit_code == ExitCode.OK
    assert (config.name, config.preset) == ("photos", "sd3.5-medium-lora")
    assert config.datasets[0].trigger_word is None


def test_answers_are_taken_and_flags_are_not_asked(project: Project) -> None:
    with init(project, "--data", "photos") as terminal:
        terminal.expect("What to train")
        terminal.send(DOWN + ENTER)
        terminal.expect("Name of the run")
        terminal.send(CTRL_U + "no good" + ENTER)
        terminal.expect("Use letters")
        terminal.send(CTRL_U + "whiskers" + ENTER)
        terminal.expect("Trigger word")
        terminal.send("sks cat" + ENTER)
        exit_code = leave(terminal)

    config = load_config(project.config_path).config
    assert exit_code == ExitCode.OK
    assert (config.name, config.preset) == ("whiskers", "sd3.5-large-lora")
    assert config.datasets[0].trigger_word == "sks cat"


def test_a_folder_that_fits_two_layouts_is_asked_about(project: Project) -> None:
    name = next(project.photos_dir.glob("*.png")).name
    row = json.dumps({"file_name": name, "text": "from the table"})
    (project.photos_dir / "metadata.jsonl").write_text(row + "\n")

    with init(project, "--data", "photos", "--name", "two", "--trigger", "sks") as terminal:
        terminal.expect("Where are the captions")
        terminal.send(DOWN + ENTER)
        terminal.expect("What to train")
        terminal.send(ENTER)
        exit_code = leave(terminal)

    assert exit_code == ExitCode.OK
    assert load_config(project.config_path).config.datasets[0].layout == "metadata-jsonl"


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_leaving_the_dialogue_leaves_nothing_behind(project: Project, key: str) -> None:
    with init(project, "--data", "photos", "--preset", "tiny-lora") as terminal:
        terminal.expect("Name of the run")
        terminal.send(CTRL_U + key)
        exit_code = leave(terminal)

    assert exit_code == ExitCode.INTERRUPTED
    assert sorted(path.name for path in project.dir.iterdir()) == ["photos"]
    assert "Traceback" not in str(terminal.before)
