"""check: everything that would go wrong later, found now, in seconds, with the fix."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.errors import Problem
from tuner_kit.preflight.run_rules import run_rules
from tuner_kit.simpletuner.training_files import count_train_steps


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found."""

    file: ConfigFile
    problems: tuple[Problem, ...]
    num_images: int
    total_steps: int | None
    """Optimizer steps of the run; null while its length is unknown."""


def check(
    config_path: Path, *, on_progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Check a tuner.yaml with all it names; nothing is written.

    Raises:
        ConfigError: there is no file to judge.
    """
    file = load_config(config_path)
    findings = run_rules(file, on_progress=on_progress)
    counts = [len(snapshot.records) for snapshot in findings.snapshots]
    training = file.config.training
    is_countable = len(counts) == len(file.config.datasets) and (
        training.epochs is not None or training.max_train_steps is not None
    )
    return CheckReport(
        file=file,
        problems=findings.problems,
        num_images=sum(counts),
        total_steps=count_train_steps(file.config, counts) if is_countable else None,
    )
