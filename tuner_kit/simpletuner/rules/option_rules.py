"""Rules about the options themselves: names, numbers, length, learning rate (A03-A20).

What the table of options says by itself (unknown keys, types, choices) is said by
`option_table.py`; these rules look at values that are sound one by one.
"""

from collections.abc import Iterator
from types import MappingProxyType

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.redirect_rules import REDIRECT_RULES
from tuner_kit.simpletuner.rules.rule import Finding, Remove, Rule, SaidElsewhere, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup
from tuner_kit.simpletuner.rules.text_rules import TEXT_RULES

_OLD_NAMES = MappingProxyType(
    {
        "save_total_limit": "checkpoints_total_limit",
        "vae_cache_preprocess": "vae_cache_ondemand",
        "ignore_final_epochs": "strict_epoch_limit",
    }
)
"""Names that config.json may still have, though the parser has no such option."""
_LEAST_METADATA_SECONDS = 60
_HIGH_DROPOUT = 0.3
_LONG_WARMUP = 0.2
"""Part of the training."""
_DEFAULT_HALF_WAVE_STEPS = 1000
"""What `cosine` takes where lr_warmup_steps is 0."""
_OPTIMIZERS_WITH_OWN_SCHEDULE = ("adamw_schedulefree", "prodigy")
"""The scheduler is not used with them (optimizer_param.py override_lr_scheduler)."""
_SCHEDULERS_WITH_WARMUP = ("constant_with_warmup", "linear", "polynomial", "constant")


def _old_name_beside_new(setup: TrainerSetup) -> Iterator[Finding]:
    """A03."""
    options = setup.options
    order = list(options.written)
    for old, new in _OLD_NAMES.items():
        if not (options.has(old) and options.has(new)):
            continue
        new_counts = old == "ignore_final_epochs" or order.index(new) > order.index(old)
        yield Finding(
            what=f"{old} is an old name for what {new} says; "
            f"only {new if new_counts else old} counts, without a word",
            fix=f"keep {new} alone",
            key=old,
            edits=(write(old, Remove.KEY),) if new_counts else (),
        )


def _no_learning_rate(setup: TrainerSetup) -> Iterator[Finding]:
    """A07: the rest of it, required options, is C07."""
    if not setup.options.has("learning_rate"):
        yield Finding(
            what="learning_rate is not given; SimpleTuner would take 4e-07, "
            "which hardly changes anything",
            fix="write for instance learning_rate: 1e-4 for a LoRA, 1e-5 for the whole model",
            key="learning_rate",
        )


def _length(setup: TrainerSetup) -> Iterator[Finding]:
    """A08."""
    steps = setup.options.number("max_train_steps")
    epochs = setup.options.number("num_train_epochs")
    if (steps is None and setup.options.has("max_train_steps")) or epochs is None:
        return
    if steps and steps > 0 and epochs > 0:
        is_default = not setup.options.has("num_train_epochs")
        yield Finding(
            what=f"max_train_steps is {steps:g} and num_train_epochs is {epochs:g}"
            + (", its default," if is_default else "")
            + " but SimpleTuner takes one of them only",
            fix="write num_train_epochs: 0 to count steps, or max_train_steps: 0 to count epochs",
            key="num_train_epochs",
            edits=(write("num_train_epochs", 0),) if is_default else (),
        )
    elif (steps or 0) < 0 or (not steps and epochs <= 0):
        yield Finding(
            what=f"max_train_steps is {steps or 0:g} and num_train_epochs is {epochs:g}: "
            "there is nothing to train",
            fix="write for instance max_train_steps: 2000 and num_train_epochs: 0",
            key="max_train_steps",
        )


def _metadata_interval(setup: TrainerSetup) -> Iterator[Finding]:
    """A12."""
    seconds = setup.options.number("metadata_update_interval")
    if seconds is not None and seconds < _LEAST_METADATA_SECONDS:
        yield Finding(
            what=f"metadata_update_interval is {seconds:g} seconds; SimpleTuner refuses less "
            f"than {_LEAST_METADATA_SECONDS}",
            fix="remove it: the default is 3600",
            key="metadata_update_interval",
        )


def _lone_beta(setup: TrainerSetup) -> Iterator[Finding]:
    """A13."""
    names = ("optimizer_beta1", "optimizer_beta2")
    given = [name for name in names if setup.options.has(name)]
    if len(given) == 1:
        missing = next(name for name in names if name not in given)
        usual = "0.9" if missing == "optimizer_beta1" else "0.99"
        yield Finding(
            what=f"{given[0]} is given without {missing}; SimpleTuner refuses that",
            fix=f"add for instance {missing}: {usual}, or remove {given[0]}",
            key=given[0],
        )


def _numbers_out_of_range(setup: TrainerSetup) -> Iterator[Finding]:
    """A14."""
    least = {"gradient_accumulation_steps": 1, "train_batch_size": 1, "checkpoints_total_limit": 0}
    if setup.is_lora and not setup.is_lycoris:
        least["lora_rank"] = 1
    for name, limit in least.items():
        value = setup.options.number(name)
        if value is not None and value < limit:
            yield Finding(
                what=f"{name} is {value:g}; it must be at least {limit}",
                fix=f"write {name}: {max(limit, 1)} or more",
                key=name,
            )
    if setup.is_lora and not setup.is_lycoris:
        yield from _odd_lora_numbers(setup)
    if setup.options.number("checkpoints_total_limit") == 0:
        yield Finding(
            what="checkpoints_total_limit is 0: every checkpoint is kept, until the disk is full",
            fix="write for instance checkpoints_total_limit: 3",
            key="checkpoints_total_limit",
            severity=Severity.WARNING,
        )


def _odd_lora_numbers(setup: TrainerSetup) -> Iterator[Finding]:
    alpha = setup.options.number("lora_alpha")
    if alpha is not None and alpha <= 0:
        yield Finding(
            what=f"lora_alpha is {alpha:g}: nothing would be learned, or the opposite",
            fix="write the same number as lora_rank, or remove lora_alpha",
            key="lora_alpha",
        )
    dropout = setup.options.number("lora_dropout")
    if dropout is not None and dropout > _HIGH_DROPOUT:
        yield Finding(
            what=f"lora_dropout is {dropout:g}: that part of the adapter is switched off in "
            "each step",
            fix="write lora_dropout: 0.1 or less",
            key="lora_dropout",
            severity=Severity.WARNING,
        )


def _seed(setup: TrainerSetup) -> Iterator[Finding]:
    """A15."""
    seed = setup.options.number("seed")
    if seed in (0, -1) or not setup.options.has("seed"):
        written = "is not given" if seed is None else f"is {seed:g}"
        yield Finding(
            what=f"seed {written}: each start draws other random numbers, so that no run can "
            "be repeated",
            fix="write for instance seed: 42",
            key="seed",
        )


def _unseen_evaluation(setup: TrainerSetup) -> Iterator[Finding]:
    """A18."""
    for name in ("eval_steps_interval", "eval_epoch_interval"):
        every = setup.options.number(name)
        if every and every > 0 and setup.options.get("report_to") in ("none", [], ["none"]):
            yield Finding(
                what=f"{name} is {every:g}, but report_to is none: the results are thrown away",
                fix="write report_to: simpletuner, or remove the evaluation",
                key=name,
            )


def _schedule(setup: TrainerSetup) -> Iterator[Finding]:
    """A20: `cosine` and `sine` read lr_warmup_steps as half a wave, the others as warm-up."""
    scheduler = setup.options.text("lr_scheduler")
    optimizer = setup.options.text("optimizer") or ""
    warmup = setup.options.number("lr_warmup_steps") or 0
    if optimizer.startswith(_OPTIMIZERS_WITH_OWN_SCHEDULE):
        return
    if scheduler == "constant" and warmup > 0:
        yield _constant_with_warmup(warmup)
    if scheduler in _SCHEDULERS_WITH_WARMUP and warmup > 0:
        yield from _warmup(warmup, setup.options.number("max_train_steps"))
    if scheduler in ("sine", "cosine_with_restarts") and warmup <= 0:
        yield Finding(
            what=f"{scheduler} takes the steps of half a wave from lr_warmup_steps, "
            f"which is {warmup:g}: SimpleTuner stops when the model is loaded",
            fix="write for instance lr_warmup_steps: 500",
            key="lr_warmup_steps",
        )
    elif scheduler == "cosine_with_restarts":
        yield Finding(
            what="cosine_with_restarts keeps the learning rate constant in SimpleTuner 4.10.1",
            fix="write lr_scheduler: cosine",
            key="lr_scheduler",
            severity=Severity.WARNING,
        )
    elif scheduler == "cosine":
        yield from _rising_again(warmup, setup.options.number("max_train_steps"))


def _constant_with_warmup(warmup: float) -> Finding:
    return Finding(
        what=f"lr_scheduler is constant, but lr_warmup_steps is {warmup:g}: SimpleTuner takes "
        "constant_with_warmup without a word",
        fix="write lr_scheduler: constant_with_warmup, or lr_warmup_steps: 0",
        key="lr_scheduler",
        edits=(write("lr_scheduler", "constant_with_warmup"),),
        severity=Severity.WARNING,
    )


def _warmup(warmup: float, steps: float | None) -> Iterator[Finding]:
    if not steps or steps < 0 or warmup < _LONG_WARMUP * steps:
        return
    is_endless = warmup >= steps
    yield Finding(
        what=f"lr_warmup_steps is {warmup:g} of {steps:g} steps: "
        + ("the learning rate is never reached" if is_endless else "a long part is warm-up"),
        fix=f"write lr_warmup_steps: {max(1, round(steps / 20))} (5 % of the steps)",
        key="lr_warmup_steps",
        severity=Severity.ERROR if is_endless else Severity.WARNING,
    )


def _rising_again(warmup: float, steps: float | None) -> Iterator[Finding]:
    half_wave = warmup if warmup > 0 else _DEFAULT_HALF_WAVE_STEPS
    if steps and half_wave < steps:
        yield Finding(
            what=f"cosine lowers the learning rate for {half_wave:g} steps, its "
            f"lr_warmup_steps{'' if warmup > 0 else ' by default'}, and raises it again after",
            fix=f"write lr_warmup_steps: {steps:g} for one decay over the whole training",
            key="lr_warmup_steps",
            severity=Severity.WARNING,
        )


OPTION_RULES = (
    Rule(
        id="A03",
        title="an old name of an option beside the new one",
        severity=Severity.ERROR,
        looks_at=(*_OLD_NAMES, *_OLD_NAMES.values()),
        source="helpers/configuration/cli_utils.py _LEGACY_ARG_HANDLERS; cmd_args.py",
        check=_old_name_beside_new,
    ),
    Rule(
        id="A07",
        title="no learning rate",
        severity=Severity.ERROR,
        looks_at=("learning_rate",),
        source="the parser's default, 4e-07",
        check=_no_learning_rate,
    ),
    Rule(
        id="A08",
        title="steps and epochs both given, or neither",
        severity=Severity.ERROR,
        looks_at=("max_train_steps", "num_train_epochs"),
        source="helpers/configuration/cmd_args.py:1002; trainer.py:3912",
        check=_length,
    ),
    Rule(
        id="A12",
        title="metadata is written too often",
        severity=Severity.ERROR,
        looks_at=("metadata_update_interval",),
        source="helpers/configuration/cmd_args.py:1084",
        check=_metadata_interval,
    ),
    Rule(
        id="A13",
        title="one of two betas",
        severity=Severity.ERROR,
        looks_at=("optimizer_beta1", "optimizer_beta2"),
        source="helpers/configuration/cmd_args.py:1096",
        check=_lone_beta,
    ),
    Rule(
        id="A14",
        title="a number that can't be meant",
        severity=Severity.ERROR,
        looks_at=(
            "gradient_accumulation_steps",
            "train_batch_size",
            "lora_rank",
            "lora_alpha",
            "lora_dropout",
            "checkpoints_total_limit",
        ),
        source="accepted by helpers/configuration/cmd_args.py; trainer.py:5780",
        check=_numbers_out_of_range,
    ),
    Rule(
        id="A15",
        title="a seed that changes with each start",
        severity=Severity.WARNING,
        looks_at=("seed",),
        source="helpers/configuration/cmd_args.py:936",
        check=_seed,
    ),
    Rule(
        id="A18",
        title="evaluation that nobody sees",
        severity=Severity.WARNING,
        looks_at=("eval_steps_interval", "eval_epoch_interval", "report_to"),
        source="helpers/training/default_settings/safety_check.py, its end",
        check=_unseen_evaluation,
    ),
    Rule(
        id="A20",
        title="a schedule that does something else",
        severity=Severity.ERROR,
        looks_at=("lr_scheduler", "lr_warmup_steps", "max_train_steps"),
        source="helpers/training/custom_schedule.py get_lr_scheduler",
        check=_schedule,
    ),
    *REDIRECT_RULES,
    *TEXT_RULES,
)
"""Group A."""

ELSEWHERE_OPTIONS = MappingProxyType(
    {
        "A01": SaidElsewhere("unknown key", ("C20",), "cmd_args.py get_argument_parser"),
        "A02": SaidElsewhere("abbreviation of a key", ("C21",), "argparse takes abbreviations"),
        "A04": SaidElsewhere("a switch as text", ("C22",), "cli_utils.py mapping_to_cli_args"),
        "A05": SaidElsewhere("a list where text is wanted", ("C24",), "cli_utils.py"),
        "A06": SaidElsewhere("a fraction where a whole number is wanted", ("C22",), "cmd_args.py"),
    }
)
