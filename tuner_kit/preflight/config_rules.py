"""Rules across several values of tuner.yaml, each a pure function of the file.

Each is skipped when a value that it looks at is itself wrong: that was said already.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.yaml_source import KeyPath
from tuner_kit.errors import Problem, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """A judgement on values that must themselves be right."""

    check: Callable[[ConfigFile], Problem | None]
    looks_at: tuple[KeyPath, ...]
    """Where one of these is wrong or misspelt, its stand-in must not be judged."""


_LOWEST_LEARNING_RATE = 1e-7
_HIGHEST_LEARNING_RATE = 1e-2
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
    if training.optimizer in _SELF_TUNING_OPTIMIZERS:
        return None
    if _LOWEST_LEARNING_RATE <= training.learning_rate <= _HIGHEST_LEARNING_RATE:
        return None
    return Problem(
        id="C16",
        what=f"learning_rate is {training.learning_rate:g}; LoRA training works between "
        f"{_LOWEST_LEARNING_RATE:g} and {_HIGHEST_LEARNING_RATE:g}",
        where=file.source.locate(("training", "learning_rate")),
        fix="set learning_rate: 1e-4",
    )


_EPOCHS = ("training", "epochs")
_STEPS = ("training", "max_train_steps")
_OPTIMIZER = ("training", "optimizer")
_PRECISION = ("training", "mixed_precision")

RULES: tuple[Rule, ...] = (
    Rule(_training_length, (_EPOCHS, _STEPS)),
    Rule(_warmup, (_STEPS, ("training", "lr_scheduler"), ("training", "lr_warmup_steps"))),
    Rule(_optimizer_precision, (_OPTIMIZER, _PRECISION)),
    Rule(_quantized_precision, (("model", "quantization"), _PRECISION)),
    Rule(_intervals, (_STEPS, ("training", "checkpointing_steps"))),
    Rule(_learning_rate, (_OPTIMIZER, ("training", "learning_rate"))),
)
