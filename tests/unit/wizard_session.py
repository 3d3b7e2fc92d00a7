"""`tuner-kit init` in a pseudo-terminal, and what a person types there."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

ENTER = "\r"
DOWN = "\x1b[B"
ESC = "\x1b"
CTRL_C = "\x03"
CTRL_D = "\x04"
CTRL_U = "\x15"
"""Empties the line."""


@contextmanager
def init(
    folder: Path, *words: str, columns: int = 80, **environment: str
) -> Iterator["pexpect.spawn[str]"]:
    """Run `tuner-kit init` in a folder."""
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "tuner_kit", "init", *words],
        cwd=str(folder),
        encoding="utf-8",
        timeout=30,
        dimensions=(40, columns),
        preexec_fn=_end_with_its_terminal,
        # A terminal answers where its cursor is; this one doesn't, and would be waited for.
        env=os.environ | {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm-256color"} | environment,
    )
    terminal.delaybeforesend = None
    terminal.delayafterclose = 0.0
    try:
        yield terminal
    finally:
        terminal.close(force=True)


def _end_with_its_terminal() -> None:
    """Forget that what starts the tests may have told them to survive its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def answer(terminal: "pexpect.spawn[str]", *steps: tuple[str, str]) -> None:
    """Wait for words of each question, and for the line of hints below it; then type."""
    for words, keys in steps:
        terminal.expect_exact(words)
        terminal.expect_exact("answers are kept")
        terminal.send(keys)


def leave(terminal: "pexpect.spawn[str]") -> int | None:
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus
