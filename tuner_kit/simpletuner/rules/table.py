"""All rules about SimpleTuner's configuration, in the order of their ids."""

from tuner_kit.simpletuner.rules.adapter_rules import ADAPTER_RULES
from tuner_kit.simpletuner.rules.cache_rules import CACHE_RULES
from tuner_kit.simpletuner.rules.caption_rules import CAPTION_RULES
from tuner_kit.simpletuner.rules.count_rules import COUNT_RULES
from tuner_kit.simpletuner.rules.geometry_rules import GEOMETRY_RULES
from tuner_kit.simpletuner.rules.guidance_rules import GUIDANCE_RULES
from tuner_kit.simpletuner.rules.hardware_rules import HARDWARE_RULES
from tuner_kit.simpletuner.rules.model_rules import MODEL_RULES
from tuner_kit.simpletuner.rules.option_rules import OPTION_RULES
from tuner_kit.simpletuner.rules.output_rules import OUTPUT_RULES
from tuner_kit.simpletuner.rules.precision_rules import PRECISION_RULES
from tuner_kit.simpletuner.rules.rule import Rule
from tuner_kit.simpletuner.rules.stability_rules import SCHEDULE_RULES
from tuner_kit.simpletuner.rules.subject_rules import SUBJECT_RULES

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *OPTION_RULES,
            *MODEL_RULES,
            *PRECISION_RULES,
            *HARDWARE_RULES,
            *ADAPTER_RULES,
            *CAPTION_RULES,
            *GEOMETRY_RULES,
            *COUNT_RULES,
            *SCHEDULE_RULES,
            *GUIDANCE_RULES,
            *SUBJECT_RULES,
            *CACHE_RULES,
            *OUTPUT_RULES,
        ),
        key=lambda rule: rule.id,
    )
)
