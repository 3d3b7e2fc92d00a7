"""Rules that something other than a rule function says already, with the ids it uses."""

from collections.abc import Mapping
from types import MappingProxyType

from tuner_kit.simpletuner.rules.cache_rules import ELSEWHERE_CACHES
from tuner_kit.simpletuner.rules.caption_rules import ELSEWHERE_CAPTIONS
from tuner_kit.simpletuner.rules.geometry_rules import ELSEWHERE_GEOMETRY
from tuner_kit.simpletuner.rules.model_rules import ELSEWHERE_MODEL
from tuner_kit.simpletuner.rules.option_rules import ELSEWHERE_OPTIONS
from tuner_kit.simpletuner.rules.output_rules import ELSEWHERE_OUTPUT
from tuner_kit.simpletuner.rules.rule import SaidElsewhere

ELSEWHERE: Mapping[str, SaidElsewhere] = MappingProxyType(
    {
        **ELSEWHERE_OPTIONS,
        **ELSEWHERE_MODEL,
        **ELSEWHERE_CAPTIONS,
        **ELSEWHERE_GEOMETRY,
        **ELSEWHERE_CACHES,
        **ELSEWHERE_OUTPUT,
    }
)
