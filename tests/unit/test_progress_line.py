"""The progress line: rewritten in place on a terminal, few plain lines in a log."""

import io

import pytest

from tuner_kit.cli.progress import ProgressLine
from tuner_kit.process.messages import Event
from tuner_kit.simpletuner.progress import Phase, TrainingProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show_a_training(line: ProgressLine) -> None:
    with line:
        line.on_event(Event(phase="loading the base model"))
        for step in range(1, 4):
            line.on_training(TrainingProgress(total_steps=3, phase=Phase.TRAINING, step=step))
        line.on_images(3, 3)
        line.say("a line that stays [bold]")


def test_a_log_gets_one_line_for_each_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)

    show_a_training(ProgressLine())

    assert log.getvalue().splitlines() == [
        "[0s] loading the base model",
        "[0s] training  step 1/3",
        "[0s] checking images 3/3",
        "a line that stays [bold]",
    ]


def test_a_terminal_gets_its_last_line_back(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)

    show_a_training(ProgressLine())

    shown = terminal.getvalue()
    assert "checking images 3/3" in shown
    assert "a line that stays [bold]" in shown
    assert "\x1b[2K" in shown  # the line is erased
