"""The progress line: rewritten in place on a terminal, few plain lines in a log."""

import io

import pytest

from tuner_kit.cli.progress import ProgressLine, describe_event
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
        line.on_event(Event(phase="checking images", current=3, total=3))
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


@pytest.mark.parametrize(
    ("event", "elapsed_s", "shown"),
    [
        pytest.param(Event(phase="rendering"), 5.0, "rendering", id="only a phase"),
        pytest.param(
            Event(phase="listing files", current=2_000),
            5.0,
            "listing files 2000",
            id="no end known",
        ),
        pytest.param(
            Event(phase="checking", current=5, total=90), 1.0, "checking 5/90", id="too early"
        ),
        pytest.param(
            Event(phase="checking", current=30, total=90),
            4.0,
            "checking 30/90  7.5/s  8s left",
            id="few in a second",
        ),
        pytest.param(
            Event(phase="checking", current=1_000, total=31_000),
            2.0,
            "checking 1000/31000  500/s  1m 00s left",
            id="many in a second",
        ),
        pytest.param(
            Event(phase="checking", current=90, total=90), 9.0, "checking 90/90", id="the last"
        ),
    ],
)
def test_rate_and_time_left_are_shown_as_soon_as_they_are_known(
    event: Event, elapsed_s: float, shown: str
) -> None:
    assert describe_event(event, elapsed_s) == shown


def test_the_rate_of_a_phase_counts_from_its_own_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, now_s = io.StringIO(), 0.0
    monkeypatch.setattr("sys.stderr", log)
    monkeypatch.setattr("tuner_kit.cli.progress.time.monotonic", lambda: now_s)

    with ProgressLine() as line:
        line.on_event(Event(phase="reading image sizes", current=1, total=100))
        now_s = 100.0
        line.on_event(Event(phase="checking images", current=1, total=100))
        now_s = 110.0
        line.on_event(Event(phase="checking images", current=50, total=100))

    assert log.getvalue().splitlines()[-1] == "[1m 50s] checking images 50/100  5/s  10s left"
