"""A person answers the wizard, goes back, is interrupted, goes on; and what it wrote trains."""

from pathlib import Path

import pytest
from pipeline import RunTuner
from wizard_session import CTRL_C, CTRL_U, DOWN, ENTER, ESC, answer, init, leave

from tuner_kit.config.load import load_config
from tuner_kit.errors import ExitCode
from tuner_kit.runs.layout import Run

pytestmark = pytest.mark.e2e

NUM_BASES_BEFORE_TINY = 5
"""In the wizard's list of base models."""


def test_what_the_wizard_writes_trains_on_the_embedded_model(
    tmp_path: Path, photos_dir: Path, run_tuner: RunTuner, environment: dict[str, str]
) -> None:
    with init(tmp_path, XDG_CACHE_HOME=environment["XDG_CACHE_HOME"]) as terminal:
        answer(
            terminal,
            ("Where are your images", f"{photos_dir}{ENTER}"),
            ("in common", DOWN + ENTER),
            ("Which word", CTRL_U + "skz" + ESC),
            ("in common", ENTER),
            ("Which word", CTRL_U + "skz" + ENTER),
            ("Which model", DOWN * NUM_BASES_BEFORE_TINY + ENTER),
            ("How shall it learn", CTRL_C),
        )
        left = leave(terminal)
    with init(tmp_path, XDG_CACHE_HOME=environment["XDG_CACHE_HOME"]) as terminal:
        answer(
            terminal,
            ("begun to answer", ENTER),
            ("How shall it learn", ENTER),
            ("What shall be drawn", CTRL_U + "skz, a red star" + ENTER),
        )
        terminal.expect_exact("answers are kept")
        terminal.send(CTRL_U + ENTER)
        answer(terminal, ("curves", ENTER), ("published", ENTER), ("called", CTRL_U + "stars"))
        terminal.send(ENTER)
        answer(terminal, ("What now", ENTER))
        written = leave(terminal)
    config = load_config(tmp_path / "tuner.yaml").config
    _shorten(tmp_path / "tuner.yaml")

    trained = run_tuner(tmp_path, "train")

    assert (left, written) == (ExitCode.INTERRUPTED, ExitCode.OK)
    assert config.model.base == "embedded:tiny-sd3"
    assert config.datasets[0].trigger_word == "skz"
    assert config.validation.prompts == ("skz, a red star",)
    assert trained.exit_code == ExitCode.OK, trained.stderr
    assert Run(tmp_path / "runs" / "stars").adapter_path.is_file()


def _shorten(config_path: Path) -> None:
    """Train 8 steps instead of 240."""
    text = config_path.read_text(encoding="utf-8")
    for old, new in (
        ("max_train_steps: 240", "max_train_steps: 8"),
        ("checkpointing_steps: 80", "checkpointing_steps: 4"),
        ("validation_steps: 80", "validation_steps: 8"),
    ):
        assert old in text
        text = text.replace(old, new)
    config_path.write_text(text, encoding="utf-8")
