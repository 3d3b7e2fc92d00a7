"""A sound SimpleTuner configuration, which rule tests break in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from tuner_kit.simpletuner.option_table import load_option_table
from tuner_kit.simpletuner.rules.rule import Edit, Finding, Remove, Rule
from tuner_kit.simpletuner.rules.setup import Surroundings, TrainerSetup, build_setup

OPTIONS: Mapping[str, JsonValue] = {
    "model_family": "sd3",
    "model_flavour": "medium",
    "model_type": "lora",
    "lora_type": "standard",
    "lora_rank": 16,
    "lora_alpha": 16,
    "output_dir": "output/cats",
    "data_backend_config": "multidatabackend.json",
    "optimizer": "adamw_bf16",
    "mixed_precision": "bf16",
    "learning_rate": 1e-4,
    "lr_scheduler": "constant_with_warmup",
    "lr_warmup_steps": 100,
    "max_train_steps": 2000,
    "num_train_epochs": 0,
    "train_batch_size": 1,
    "gradient_accumulation_steps": 4,
    "max_grad_norm": 1.0,
    "flow_schedule_shift": 3.0,
    "caption_dropout_probability": 0.1,
    "checkpoint_step_interval": 250,
    "checkpoints_total_limit": 3,
    "seed": 42,
    "vae_batch_size": 1,
    "validation_prompt": "a cat on a sofa",
    "validation_resolution": "1024x1024",
    "validation_guidance": 4.0,
    "validation_num_inference_steps": 28,
    "validation_step_interval": 250,
    "report_to": "none",
}
DATASETS: Sequence[Mapping[str, JsonValue]] = (
    {
        "id": "cats",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": "data/cats",
        "caption_strategy": "textfile",
        "metadata_backend": "discovery",
        "resolution": 1024,
        "resolution_type": "pixel_area",
        "crop": True,
        "crop_aspect": "square",
        "crop_style": "center",
        "repeats": 0,
        "cache_dir_vae": "cache/vae/cats",
    },
    {
        "id": "text",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": "cache/text/cats",
    },
)
TABLE = load_option_table()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One configuration, by what differs from the sound one; None removes a key."""

    name: str
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    image: Mapping[str, JsonValue] = field(default_factory=dict)
    """Changes the image dataset."""
    text: Mapping[str, JsonValue] = field(default_factory=dict)
    """Changes the text cache."""
    more: Sequence[Mapping[str, JsonValue]] = ()
    """Datasets that are added."""
    around: Surroundings = field(default_factory=Surroundings)

    def edited(self, edits: Sequence[Edit]) -> "Case":
        """Give the case as `--fix` leaves it."""
        image, text, more = dict(self.image), dict(self.text), [dict(entry) for entry in self.more]
        options = dict(self.options)
        for edit in edits:
            places = {None: options, 0: image, 1: text} | dict(enumerate(more, start=2))
            places[edit.dataset][edit.key] = None if edit.value is Remove.KEY else edit.value
        return replace(self, options=options, image=image, text=text, more=more)

    def setup(self) -> TrainerSetup:
        image, text = DATASETS
        datasets = [changed(image, self.image), changed(text, self.text), *map(dict, self.more)]
        return build_setup(changed(OPTIONS, self.options), datasets, TABLE, self.around)

    def findings(self, rule: Rule) -> list[Finding]:
        setup = self.setup()
        if rule.families is not None and setup.family not in rule.families:
            return []
        return list(rule.check(setup))


def changed(
    base: Mapping[str, JsonValue], changes: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Lay changes over a mapping; None removes a key."""
    merged = {**base, **changes}
    return {key: value for key, value in merged.items() if key not in changes or value is not None}


@dataclass(frozen=True, slots=True)
class RuleCases:
    """What a rule must report, and what it must not."""

    broken: Sequence[Case]
    sound: Sequence[Case]
    """Besides the sound configuration itself; at least one that comes near to broken."""
