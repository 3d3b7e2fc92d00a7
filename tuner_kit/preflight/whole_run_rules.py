"""What is judged where all values are right: what a run takes, and the trainer's files."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem
from tuner_kit.preflight.accelerators import find_accelerators
from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.preflight.generated_rules import check_generated_files
from tuner_kit.preflight.machine_rules import check_machine
from tuner_kit.preflight.probe_record import apply_probe, find_probe
from tuner_kit.preflight.resource_rules import (
    check_resources,
    needed_disk_mib,
    plan_costs,
    target_gpu,
)
from tuner_kit.preflight.run_costs import RunCosts
from tuner_kit.preflight.target_gpu import describe_gpus


@dataclass(frozen=True, slots=True)
class WholeRun:
    """What was found out about a run as a whole."""

    problems: tuple[Problem, ...]
    costs: RunCosts | None
    """None where they can't be estimated."""


def check_whole_run(
    file: ConfigFile, datasets: Sequence[ExaminedDataset], said: Collection[str]
) -> WholeRun:
    """Estimate a run, compare it with the machine, and judge the trainer's files.

    Args:
        file: without errors.
        datasets: those that could be read.
        said: places that were reported already.
    """
    accelerators = find_accelerators()
    gpu = target_gpu(file, describe_gpus(accelerators))
    costs, probed = plan_costs(file, datasets, gpu), find_probe(file, accelerators)
    if costs is not None and probed is not None:
        costs = apply_probe(costs, probed)
    problems = [*check_generated_files(file, datasets, said)]
    if costs is None:
        problems += check_machine(file)
    else:
        problems += check_machine(file, needed_disk_mib(costs))
        problems += check_resources(file, costs, gpu)
    return WholeRun(tuple(problems), costs)
