"""Everything that would go wrong later, found now: every rule, in one list."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.config_rules import check_values_together
from tuner_kit.preflight.dataset_rules import DatasetFindings, Examination, examine_datasets
from tuner_kit.preflight.gpu_name_rules import check_gpu_name
from tuner_kit.preflight.hub_access import check_hub_access, check_hub_access_offline
from tuner_kit.preflight.machine_rules import check_machine
from tuner_kit.preflight.model_rules import check_base_model
from tuner_kit.preflight.trainer_option_rules import check_trainer_options
from tuner_kit.process.environment import child_environment
from tuner_kit.process.worker import OnEvent


def run_rules(
    file: ConfigFile, on_event: OnEvent, *, continues: bool = True, repairs: bool = False
) -> DatasetFindings:
    """Apply every rule to a configuration; nothing is written, no model is loaded.

    Args:
        file: the configuration, with the problems found while reading it.
        on_event: called with the progress of reading images.
        continues: whether a run that was begun before goes on, with its held-out images.
        repairs: treat every dataset as if it had `repair: true`.

    Returns:
        All problems, and the datasets that could be read; to be closed after use.
    """
    before = [
        *file.problems,
        *check_values_together(file),
        *check_trainer_options(file),
        *check_base_model(file),
        *check_gpu_name(file),
    ]
    is_wrong = _has_error(before)
    before += _check_access(file, child_environment(), asks=not is_wrong)
    # A wrong value is named at once: decoding every image would only delay it.
    way = Examination(continues=continues, repairs=repairs, looks_at_pixels=not is_wrong)
    findings = examine_datasets(file, on_event, way)
    found = (*before, *findings.problems)
    if is_wrong:
        return replace(findings, problems=(*found, *check_machine(file)))
    # Rules about memory and about the trainer's files take as long to import as all before.
    from tuner_kit.preflight.whole_run_rules import check_whole_run

    whole = check_whole_run(file, findings.datasets, {each.where for each in found})
    return replace(findings, problems=(*found, *whole.problems), costs=whole.costs)


def _check_access(file: ConfigFile, environ: Mapping[str, str], *, asks: bool) -> Iterator[Problem]:
    """Find what can't be had or written; asking for it takes longer than telling a wrong value may.

    Where another machine will train, it is that one's access that counts.
    """
    if not asks:
        yield from check_hub_access_offline(file, environ)
        return
    from tuner_kit.preflight.publish_access import check_publish_access
    from tuner_kit.preflight.tracker_access import check_tracker_access

    is_elsewhere = file.config.hardware.gpu is not None
    for problem in (
        *check_hub_access(file, environ),
        *check_publish_access(file, environ),
        *check_tracker_access(file, environ, Path.home()),
    ):
        is_softened = is_elsewhere and problem.severity is Severity.ERROR
        yield replace(problem, severity=Severity.WARNING) if is_softened else problem


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)
