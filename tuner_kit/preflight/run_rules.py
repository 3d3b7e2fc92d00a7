"""Everything that would go wrong later, found now: every rule, in one list."""

from dataclasses import replace

from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Severity
from tuner_kit.preflight.config_rules import check_values_together
from tuner_kit.preflight.dataset_rules import DatasetFindings, Examination, examine_datasets
from tuner_kit.preflight.hub_access import check_hub_access
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
    before = (
        *file.problems,
        *check_values_together(file),
        *check_trainer_options(file),
        *check_base_model(file),
        *check_hub_access(file, child_environment()),
    )
    is_wrong = any(problem.severity is Severity.ERROR for problem in before)
    # A wrong value is named at once: decoding every image would only delay it.
    way = Examination(continues=continues, repairs=repairs, looks_at_pixels=not is_wrong)
    findings = examine_datasets(file, on_event, way)
    return replace(findings, problems=(*before, *findings.problems, *check_machine(file)))
