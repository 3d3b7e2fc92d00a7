"""Whether what a hand-written configuration names on the Hub can be had, and be written."""

from collections.abc import Iterator
from pathlib import Path

from tuner_kit.catalog.base_models import PIPELINE_PARTS
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.hand_written import HandWritten, TrainingSite
from tuner_kit.preflight.hub_access import check_model_repository
from tuner_kit.preflight.hub_refusals import HubModel
from tuner_kit.preflight.publish_access import PublishTarget, check_publish_target
from tuner_kit.simpletuner.rules.known_bases import base_id

_BASE = "pretrained_model_name_or_path"


def check_trainer_access(checked: HandWritten, site: TrainingSite) -> Iterator[Problem]:
    """Ask the Hub about the base model, and about the repository that would be written.

    Args:
        checked: a configuration without errors: asking takes longer than telling them may.
        site: where SimpleTuner would be started.
    """
    options, locate = checked.config.options, checked.config.locate
    named = base_id(checked.setup)
    if named is not None and not (site.working_dir / Path(named).expanduser()).exists():
        revision = options.get("revision")
        model = HubModel(
            named,
            locate(_BASE),
            revision=revision if isinstance(revision, str) else None,
            parts=PIPELINE_PARTS.get(checked.setup.family, ()),
        )
        yield from check_model_repository(model, site.environ)
    target = options.get("hub_model_id")
    if options.get("push_to_hub") is True and isinstance(target, str):
        # The trainer creates the repository before it does anything else.
        wanted = PublishTarget(target, locate("hub_model_id"), severity=Severity.ERROR)
        yield from check_publish_target(wanted, site.environ)
