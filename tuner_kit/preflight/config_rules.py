"""Rules across several values of tuner.yaml, each a pure function of the file.

Each is skipped when a value that it looks at is itself wrong: that was said already.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.presets import PRESET_NAMES, load_preset
from tuner_kit.config.run_config import TrainingMethod
from tuner_kit.config.yaml_source import KeyPath, format_key_path
from tuner_kit.errors import Problem, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """A judgement on values that must themselves be right."""

    check: Callable[[ConfigFile], Problem | None]
    looks_at: tuple[KeyPath, ...]
    """Where one of these is wrong or misspelt, its stand-in must not be judged."""


_LOWEST_LEARNING_RATE = 1e-7
_HIGHEST_LEARNING_RATES: Mapping[TrainingMethod, float] = MappingProxyType(
    {"lora": 1e-2, "lokr": 1e-2, "full": 1e-3}
)
_SAFE_LEARNING_RATES: Mapping[TrainingMethod, str] = MappingProxyType(
    {"lora": "1e-4", "lokr": "1e-4", "full": "1e-5"}
)
_METHOD_TITLES: Mapping[TrainingMethod, str] = MappingProxyType(
    {"lora": "LoRA training", "lokr": "LoKr training", "full": "full fine-tuning"}
)
_UNET_CONVOLUTIONS = frozenset(
    {"conv", "conv1", "conv2", "conv_in", "conv_out", "conv_shortcut", "proj_in", "proj_out"}
)
"""Layers of diffusers' UNet2DConditionModel; both projections are convolutions in SD1.x."""
_SELF_TUNING_OPTIMIZERS = ("prodigy",)
"""They scale a learning rate of 1 themselves."""


def check_values_together(file: ConfigFile) -> Iterator[Problem]:
    """Apply every rule of this module."""
    for rule in RULES:
        if not all(file.is_sound(*path) for path in rule.looks_at):
            continue
        problem = rule.check(file)
        if problem is not None:
            yield problem


def _training_length(file: ConfigFile) -> Problem | None:
    """C08: exactly one of epochs and max_train_steps."""
    training = file.config.training
    if _has_unknown_key(file):
        return None
    given = [training.epochs is not None, training.max_train_steps is not None]
    if sum(given) == 1:
        return None
    both = all(given)
    return Problem(
        id="C08",
        what="epochs and max_train_steps are both given"
        if both
        else "neither epochs nor max_train_steps is given",
        where=file.source.locate(("training", "epochs" if both else "max_train_steps")),
        fix="keep one of them" if both else "add for instance max_train_steps: 2000",
    )


def _has_unknown_key(file: ConfigFile) -> bool:
    """Whether a key like `steps` may be the length that seems to be missing."""
    known = type(file.config.training).model_fields
    return any(path[0] == "training" and path[-1] not in known for path in file.faulty)


def _warmup(file: ConfigFile) -> Problem | None:
    """C12: SimpleTuner accepts a warm-up longer than the run and never reaches the peak."""
    training = file.config.training
    steps = training.max_train_steps
    if training.lr_scheduler in ("constant", "cosine") or steps is None:
        return None
    if training.lr_warmup_steps < steps:
        return None
    return Problem(
        id="C12",
        what=f"lr_warmup_steps is {training.lr_warmup_steps}, but training ends after {steps}",
        where=file.source.locate(("training", "lr_warmup_steps")),
        fix=f"set lr_warmup_steps to about {max(1, steps // 20)} (5 % of the steps)",
    )


def _optimizer_precision(file: ConfigFile) -> Problem | None:
    """C13: the trainer's own guard against this is dead code (optimizer_param.py:191)."""
    training = file.config.training
    if training.optimizer != "adamw_bf16" or training.mixed_precision == "bf16":
        return None
    return Problem(
        id="C13",
        what=f"adamw_bf16 needs mixed_precision bf16, not {training.mixed_precision}",
        where=file.source.locate(("training", "optimizer")),
        fix="set mixed_precision: bf16, or optimizer: torch-adamw",
    )


def _quantized_precision(file: ConfigFile) -> Problem | None:
    """C14: a quantized base with float32 activations stops at the first step."""
    config = file.config
    if config.model.quantization == "none" or config.training.mixed_precision == "bf16":
        return None
    return Problem(
        id="C14",
        what=f"{config.model.quantization} needs mixed_precision bf16",
        where=file.source.locate(("model", "quantization")),
        fix="set training.mixed_precision: bf16, or model.quantization: none",
    )


def _intervals(file: ConfigFile) -> Problem | None:
    """C15: a checkpoint interval beyond the end means that a crash loses everything."""
    training = file.config.training
    steps = training.max_train_steps
    if steps is None or training.checkpointing_steps <= steps:
        return None
    return Problem(
        id="C15",
        severity=Severity.WARNING,
        what=f"checkpointing_steps is {training.checkpointing_steps}, but training ends after "
        f"{steps}: nothing could be resumed",
        where=file.source.locate(("training", "checkpointing_steps")),
        fix=f"set checkpointing_steps to about {max(1, steps // 4)}",
    )


def _learning_rate(file: ConfigFile) -> Problem | None:
    """C16: outside these limits nothing is learned, or the weights explode."""
    training = file.config.training
    highest = _HIGHEST_LEARNING_RATES[training.method]
    if training.optimizer in _SELF_TUNING_OPTIMIZERS:
        return None
    if _LOWEST_LEARNING_RATE <= training.learning_rate <= highest:
        return None
    return Problem(
        id="C16",
        what=f"learning_rate is {training.learning_rate:g}; {_METHOD_TITLES[training.method]} "
        f"works between {_LOWEST_LEARNING_RATE:g} and {highest:g}",
        where=file.source.locate(("training", "learning_rate")),
        fix=f"set learning_rate: {_SAFE_LEARNING_RATES[training.method]}",
    )


def _quantized_full(file: ConfigFile) -> Problem | None:
    """C17: the trainer refuses it: a quantized weight can't be trained."""
    config = file.config
    if config.training.method != "full" or config.model.quantization == "none":
        return None
    return Problem(
        id="C17",
        what=f"training.method full trains every weight, and model.quantization "
        f"{config.model.quantization} stores them in numbers that can't be trained",
        where=file.source.locate(_QUANTIZATION),
        fix="set model.quantization: none, or training.method: lora",
    )


def _quantized_convolution(file: ConfigFile) -> Problem | None:
    """C19: quanto's convolutions have no weight that peft's layers could read (both seen)."""
    config = file.config
    targets = config.simpletuner.get("peft_lora_target_modules")
    is_affected = (
        config.model.family == "sd1x"
        and config.training.method == "lora"
        and config.model.quantization == "int8-quanto"
    )
    if not (is_affected and isinstance(targets, list)):
        return None
    convolutions = [name for name in targets if name in _UNET_CONVOLUTIONS]
    if not convolutions:
        return None
    return Problem(
        id="C19",
        what=f"int8-quanto quantizes the convolutions {', '.join(map(str, convolutions))} of an "
        "sd1x model, and a LoRA can't be put on these then: the first step fails",
        where=file.source.locate(_TARGETS),
        fix="leave them out of peft_lora_target_modules, or set model.quantization: int8-torchao",
    )


def _without_effect(file: ConfigFile) -> Problem | None:
    """C18: a value of another method or family is not used by anything."""
    config = file.config
    idle: list[KeyPath] = []
    if config.model.family != "sd3":
        idle += [("training", "flow_schedule_shift"), ("model", "text_encoder_3_quantization")]
    for method, section in (("lora", config.lora), ("lokr", config.lokr)):
        if config.training.method != method:
            idle += [(method, name) for name in type(section).model_fields]
    written = [path for path in idle if file.is_sound(*path) and _is_chosen(file, path)]
    if not written:
        return None
    names = ", ".join(format_key_path(path) for path in written)
    return Problem(
        id="C18",
        severity=Severity.WARNING,
        what=f"{names} {'has' if len(written) == 1 else 'have'} no effect with "
        f"training.method {config.training.method} and model.family {config.model.family}",
        where=file.source.locate(written[0]),
        fix="remove it" if len(written) == 1 else "remove them",
    )


def _is_chosen(file: ConfigFile, path: KeyPath) -> bool:
    """Whether a person wrote another value than the preset has, which is in many files whole."""
    section, name = str(path[0]), str(path[1])
    if path not in file.source.lines:
        return False
    preset = file.config.preset
    below = load_preset(preset).get(section) if preset in PRESET_NAMES else None
    fields = type(getattr(file.config, section)).model_fields
    supplied = fields[name].default
    if isinstance(below, dict) and name in below:
        supplied = below[name]
    chosen = getattr(getattr(file.config, section), name)
    return bool(chosen != supplied)


_EPOCHS = ("training", "epochs")
_STEPS = ("training", "max_train_steps")
_OPTIMIZER = ("training", "optimizer")
_PRECISION = ("training", "mixed_precision")
_METHOD = ("training", "method")
_FAMILY = ("model", "family")
_QUANTIZATION = ("model", "quantization")
_TARGETS = ("simpletuner", "peft_lora_target_modules")

RULES: tuple[Rule, ...] = (
    Rule(_training_length, (_EPOCHS, _STEPS)),
    Rule(_warmup, (_STEPS, ("training", "lr_scheduler"), ("training", "lr_warmup_steps"))),
    Rule(_optimizer_precision, (_OPTIMIZER, _PRECISION)),
    Rule(_quantized_precision, (_QUANTIZATION, _PRECISION)),
    Rule(_intervals, (_STEPS, ("training", "checkpointing_steps"))),
    Rule(_learning_rate, (_OPTIMIZER, _METHOD, ("training", "learning_rate"))),
    Rule(_quantized_full, (_METHOD, _QUANTIZATION)),
    Rule(_quantized_convolution, (_METHOD, _FAMILY, _QUANTIZATION, _TARGETS)),
    Rule(_without_effect, (_METHOD, _FAMILY, ("preset",))),
)
