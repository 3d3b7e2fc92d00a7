"""Everything that would go wrong later, found now: every rule, in one list."""

from collections.abc import Callable
from dataclasses import dataclass

from tuner_kit.config.load import ConfigFile
from tuner_kit.data.snapshot import DatasetSnapshot
from tuner_kit.errors import Problem
from tuner_kit.preflight.config_rules import check_values_together
from tuner_kit.preflight.dataset_rules import read_datasets
from tuner_kit.preflight.hub_access import check_hub_access
from tuner_kit.preflight.machine_rules import check_machine
from tuner_kit.preflight.model_rules import check_base_model
from tuner_kit.preflight.trainer_option_rules import check_trainer_options
from tuner_kit.process.environment import child_environment


@dataclass(frozen=True, slots=True)
class Findings:
    """What preflight found, and the datasets that it read on the way."""

    problems: tuple[Problem, ...]
    snapshots: tuple[DatasetSnapshot, ...]
    """One per dataset whose folder could be read."""


def run_rules(
    file: ConfigFile, *, on_progress: Callable[[int, int], None] | None = None
) -> Findings:
    """Apply every rule to a configuration; nothing is written, no model is loaded.

    Args:
        file: the configuration, with the problems found while reading it.
        on_progress: called with the number of images decoded, and of all.
    """
    datasets = read_datasets(file, on_progress=on_progress)
    problems = (
        *file.problems,
        *check_values_together(file),
        *check_trainer_options(file),
        *check_base_model(file),
        *check_hub_access(file, child_environment()),
        *datasets.problems,
        *check_machine(file),
    )
    return Findings(problems, datasets.snapshots)
