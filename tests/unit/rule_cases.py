"""The cases of every rule about SimpleTuner's configuration, by the rule's id."""

from collections.abc import Mapping

from rule_cases_caches import CACHE_CASES
from rule_cases_captions import CAPTION_CASES
from rule_cases_counts import COUNT_CASES
from rule_cases_geometry import GEOMETRY_CASES
from rule_cases_model import MODEL_CASES
from rule_cases_options import OPTION_CASES
from rule_cases_output import OUTPUT_CASES
from rule_cases_schedule import SCHEDULE_CASES
from rule_setups import RuleCases

CASES: Mapping[str, RuleCases] = {
    **OPTION_CASES,
    **MODEL_CASES,
    **CAPTION_CASES,
    **GEOMETRY_CASES,
    **COUNT_CASES,
    **SCHEDULE_CASES,
    **CACHE_CASES,
    **OUTPUT_CASES,
}
