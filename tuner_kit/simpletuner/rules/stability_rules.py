"""Rules about SD3's noise schedule, learning rate, clipping and stability."""

from collections.abc import Iterator

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.known_bases import is_sd3_5_large
from tuner_kit.simpletuner.rules.rule import Finding, Remove, Rule, about, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_SD = ("sd3", "sd1x")
_SD3 = ("sd3",)
_QUICKSTART = "documentation/quickstart/SD3.md"

_STATIC_SHIFT = 3.0  # What SD3 was trained with at 1024 px, and SimpleTuner's default.
_UNIFORM, _BETA = "flow_use_uniform_schedule", "flow_use_beta_schedule"
_FAST, _CUBIC = "flux_fast_schedule", "flow_cubic_schedule_weights"
_CUSTOM = "flow_custom_timesteps"

_MOST_GRAD_NORM = 1.0
_LEAST_RATE, _MOST_RATE = 1e-7, 1e-2
_MOST_FULL_RATE = 1e-5
_STABLE_ADAMW = "optimi-stableadamw"
_STABLE_ADAMW_EXPLODES = 4e-5  # By the quickstart 1e-5 works, and 4e-5 may break SD3.5-large.
_FEW_PER_STEP = 4
_FEW_EMA_UPDATES = 200
_SOUND_SCHEDULERS = ("constant", "constant_with_warmup")


def _shift(setup: TrainerSetup) -> Iterator[Finding]:
    options = setup.options
    shift = options.number("flow_schedule_shift") if options.has("flow_schedule_shift") else None
    if not options.is_on("flow_schedule_auto_shift"):
        return
    if shift is not None and shift > 0:
        yield Finding(
            what=f"flow_schedule_shift = {shift:g} does not count beside "
            "flow_schedule_auto_shift = true: SimpleTuner sets it to 0",
            fix='write "flow_schedule_shift": 3 alone, which is SD3\'s own at 1024 px; or keep '
            "flow_schedule_auto_shift alone where there are many shapes and sizes",
            key="flow_schedule_shift",
            edits=(
                write("flow_schedule_shift", _STATIC_SHIFT),
                write("flow_schedule_auto_shift", Remove.KEY),
            ),
        )
    else:
        yield Finding(
            what="flow_schedule_auto_shift is on, but validation images are drawn without it, so "
            "they show another schedule than the one that is trained",
            fix='write "flow_schedule_shift": 3 instead, unless your images have many shapes',
            key="flow_schedule_auto_shift",
            severity=Severity.WARNING,
        )


def _schedules(setup: TrainerSetup) -> Iterator[Finding]:
    options = setup.options
    chosen = [name for name in (_UNIFORM, _BETA, _FAST) if options.is_on(name)]
    if options.get(_CUBIC) not in (None, "", "None", []):
        if options.get(_CUSTOM) not in (None, "", "None"):
            chosen.append(_CUSTOM)
        if chosen:
            yield Finding(
                what=f"{_CUBIC} does not go with {' and '.join(chosen)}",
                fix=f"remove {' and '.join(chosen)}, or {_CUBIC}",
                key=_CUBIC,
            )
    elif len(chosen) > 1:
        yield Finding(
            what=f"of {' and '.join(chosen)} only {chosen[0]} counts",
            fix=f"keep the one that you mean; {chosen[0]} is what would be trained",
            key=chosen[1],
            severity=Severity.WARNING,
        )


def _clipping(setup: TrainerSetup) -> Iterator[Finding]:
    limit = setup.options.number("max_grad_norm")
    if limit is None or 0 < limit <= _MOST_GRAD_NORM:
        return
    said = "" if setup.options.has("max_grad_norm") else ", as nothing is written"
    yield Finding(
        what=f"max_grad_norm is {limit:g}{said}: "
        + ("no step is limited" if limit <= 0 else "large steps can break SD3"),
        fix='write "max_grad_norm": 0.1, which is known to keep SD3.5-large whole'
        if is_sd3_5_large(setup)
        else 'write "max_grad_norm": 1.0, or down to 0.1',
        key="max_grad_norm",
    )


def _learning_rate(setup: TrainerSetup) -> Iterator[Finding]:
    rate, optimizer = setup.options.number("learning_rate"), setup.options.text("optimizer")
    if rate is None:
        return
    if optimizer == "prodigy":
        yield from _prodigy(setup, rate)
    elif not _LEAST_RATE <= rate <= _MOST_RATE:
        yield Finding(
            what=f"learning_rate is {rate:g}: "
            + ("nothing is learned" if rate < _LEAST_RATE else "the model breaks"),
            fix='write 1e-4 for LoRA, 1e-5 for the whole model ("model_type": "full")',
            key="learning_rate",
        )
    elif optimizer == _STABLE_ADAMW and rate >= _STABLE_ADAMW_EXPLODES and setup.family == "sd3":
        yield _high_rate(f"with {_STABLE_ADAMW}, SD3 can break from 4e-5 on", rate)
    elif setup.options.text("model_type") == "full" and rate > _MOST_FULL_RATE:
        yield _high_rate("training the whole model is safe up to 1e-5", rate)


def _high_rate(why: str, rate: float) -> Finding:
    return Finding(
        what=f"learning_rate is {rate:g}: {why}",
        fix='write "learning_rate": 1e-5',
        key="learning_rate",
        severity=Severity.WARNING,
    )


def _prodigy(setup: TrainerSetup, rate: float) -> Iterator[Finding]:
    scheduler = setup.options.text("lr_scheduler")
    if rate != 1.0:
        yield Finding(
            what=f"learning_rate is {rate:g}, but prodigy finds the rate itself and multiplies it "
            "by this number",
            fix='write "learning_rate": 1.0',
            key="learning_rate",
            edits=(write("learning_rate", 1.0),),
            severity=Severity.WARNING,
        )
    if scheduler is not None and scheduler not in _SOUND_SCHEDULERS:
        yield Finding(
            what=f"lr_scheduler {scheduler} works against prodigy, which finds the rate itself",
            fix='write "lr_scheduler": "constant"',
            key="lr_scheduler",
            edits=(write("lr_scheduler", "constant"),),
            severity=Severity.WARNING,
        )


def _small_batch(setup: TrainerSetup) -> Iterator[Finding]:
    batch = setup.effective_batch_size
    if is_sd3_5_large(setup) and batch is not None and 0 < batch < _FEW_PER_STEP:
        yield Finding(
            what=f"each step sees {batch} image{'s' if batch > 1 else ''} (train_batch_size x "
            "gradient_accumulation_steps x GPUs), and SD3.5-large is unstable with so few",
            fix=f'write "gradient_accumulation_steps": {_FEW_PER_STEP} or more',
            key="gradient_accumulation_steps",
        )


def _masks_on_large(setup: TrainerSetup) -> Iterator[Finding]:
    if not is_sd3_5_large(setup):
        return
    for entry in setup.datasets:
        regularizes = entry.is_on("is_regularisation_data")
        is_used = entry.is_enabled and (regularizes or entry.text("conditioning_type") == "mask")
        if is_used:
            key = "is_regularisation_data" if regularizes else "conditioning_type"
            kind = "class images" if regularizes else "masks"
            yield about(
                entry,
                key,
                f"the dataset {entry.name} adds {kind}, and whether they make SD3.5-large "
                "unstable is not known",
                f"try it without {kind} first, or train SD3.5-medium",
            )


def _padding(setup: TrainerSetup) -> Iterator[Finding]:
    if setup.options.text("t5_padding") == "zero":
        yield Finding(
            what="t5_padding is zero: other programs draw with T5's padding unmodified, so the "
            "adapter meets other texts there than in training",
            fix='write "t5_padding": "unmodified", and empty the text cache if it was filled',
            key="t5_padding",
        )


def _empty_captions(setup: TrainerSetup) -> Iterator[Finding]:
    for key in ("sd3_clip_uncond_behaviour", "sd3_t5_uncond_behaviour"):
        if setup.options.text(key) == "zero":
            yield Finding(
                what=f"{key} is zero: other programs encode an empty caption when they draw "
                "without one",
                fix=f'write "{key}": "empty_string"',
                key=key,
            )


def _other_objective(setup: TrainerSetup) -> Iterator[Finding]:
    prediction = setup.options.text("prediction_type")
    if prediction in ("epsilon", "v_prediction", "sample"):
        yield _meaningless("prediction_type", f"prediction_type = {prediction}", Severity.ERROR)
    if (setup.options.number("snr_gamma") or 0) > 0:
        yield _meaningless("snr_gamma", "snr_gamma")
    for switch in ("rescale_betas_zero_snr", "use_soft_min_snr"):
        if setup.options.is_on(switch):
            yield _meaningless(switch, switch)
    spacing = "training_scheduler_timestep_spacing"
    if setup.options.text(spacing) not in (None, setup.options.defaults.get(spacing)):
        yield _meaningless(spacing, spacing)


def _meaningless(key: str, said: str, severity: Severity | None = None) -> Finding:
    return Finding(
        what=f"{said} has no meaning for SD3, which is trained by flow matching",
        fix=f"remove {key}; it comes from recipes for SD1 and SDXL",
        key=key,
        edits=(write(key, Remove.KEY),),
        severity=severity,
    )


def _averaged_weights(setup: TrainerSetup) -> Iterator[Finding]:
    options = setup.options
    source = options.text("crepa_feature_source")
    flows = options.is_on("crepa_self_flow") or source == "self_flow"
    is_complete = source == "self_flow" and options.is_on("use_ema")
    if options.is_on("crepa_enabled") and flows and not is_complete:
        yield Finding(
            # The default source is `encoder`, and contradicts crepa_self_flow.
            what="crepa_self_flow needs averaged weights and a source of its own, and has "
            f"use_ema = {str(options.is_on('use_ema')).lower()}, crepa_feature_source = {source}",
            fix='write "use_ema": true and "crepa_feature_source": "self_flow", or remove '
            "crepa_self_flow",
            key="crepa_self_flow" if options.has("crepa_self_flow") else "crepa_feature_source",
            severity=Severity.ERROR,
        )
    steps, interval = options.number("max_train_steps"), options.number("ema_update_interval") or 1
    updates = int((steps or 0) / interval)
    # EMAModel.get_decay: (1 + n) / (10 + n) averages about the last ninth of n updates; with
    # ema_warmup_steps the decay is a fixed one instead.
    is_ramped = options.is_on("use_ema") and not options.number("ema_warmup_steps")
    if is_ramped and steps and updates < _FEW_EMA_UPDATES:
        yield Finding(
            what=f"use_ema averages {updates} updates only, and of these about the last "
            f"{max(1, updates // 9)}: that is hardly worth its memory",
            fix="remove use_ema, or train longer",
            key="use_ema",
        )


def _half_vae(setup: TrainerSetup) -> Iterator[Finding]:
    if setup.options.text("vae_dtype") == "fp16":
        yield Finding(
            what="vae_dtype is fp16, and SimpleTuner refuses it when it loads the VAE",
            fix='write "vae_dtype": "bf16", or "fp32"',
            key="vae_dtype",
            edits=(write("vae_dtype", "bf16"),),
        )


SCHEDULE_RULES: tuple[Rule, ...] = (
    Rule(
        id="F01",
        title="two ways of shifting the schedule at once",
        severity=Severity.ERROR,
        looks_at=("flow_schedule_shift", "flow_schedule_auto_shift"),
        source="helpers/training/default_settings/safety_check.py; validation.py; issue 2649",
        check=_shift,
        families=_SD3,
    ),
    Rule(
        id="F02",
        title="several schedules at once",
        severity=Severity.ERROR,
        looks_at=(_CUBIC, _UNIFORM, _BETA, _FAST, _CUSTOM),
        source="helpers/configuration/cmd_args.py; models/common.py: sample_flow_sigmas",
        check=_schedules,
        families=_SD3,
    ),
    Rule(
        id="F03",
        title="steps that are hardly limited",
        severity=Severity.WARNING,
        looks_at=("max_grad_norm",),
        source=_QUICKSTART,
        check=_clipping,
        families=_SD3,
    ),
    Rule(
        id="F04",
        title="a learning rate that learns nothing or breaks the model",
        severity=Severity.ERROR,
        looks_at=("learning_rate", "optimizer", "lr_scheduler", "model_type"),
        source=_QUICKSTART,
        check=_learning_rate,
        families=_SD,
    ),
    Rule(
        id="F05",
        title="few images in each step of SD3.5-large",
        severity=Severity.WARNING,
        looks_at=("train_batch_size", "gradient_accumulation_steps", "around.num_processes"),
        source=_QUICKSTART,
        check=_small_batch,
        families=_SD3,
    ),
    Rule(
        id="F06",
        title="masks or class images with SD3.5-large",
        severity=Severity.WARNING,
        looks_at=("dataset.is_regularisation_data", "dataset.conditioning_type"),
        source=_QUICKSTART,
        check=_masks_on_large,
        families=_SD3,
    ),
    Rule(
        id="F07",
        title="T5's padding is set to zero",
        severity=Severity.WARNING,
        looks_at=("t5_padding",),
        source=f"{_QUICKSTART}; helpers/models/sd3/model.py",
        check=_padding,
        families=_SD3,
    ),
    Rule(
        id="F08",
        title="empty captions are set to zero",
        severity=Severity.WARNING,
        looks_at=("sd3_clip_uncond_behaviour", "sd3_t5_uncond_behaviour"),
        source=f"{_QUICKSTART}; helpers/models/sd3/model.py",
        check=_empty_captions,
        families=_SD3,
    ),
    Rule(
        id="F09",
        title="options of another kind of training",
        severity=Severity.WARNING,
        looks_at=(
            "prediction_type",
            "snr_gamma",
            "rescale_betas_zero_snr",
            "use_soft_min_snr",
            "training_scheduler_timestep_spacing",
        ),
        source="helpers/models/common.py: loss, setup_training_noise_schedule",
        check=_other_objective,
        families=_SD3,
    ),
    Rule(
        id="F13",
        title="averaged weights that don't help, or are missing",
        severity=Severity.WARNING,
        looks_at=(
            "use_ema",
            "ema_update_interval",
            "ema_warmup_steps",
            "max_train_steps",
            "crepa_enabled",
            "crepa_self_flow",
            "crepa_feature_source",
        ),
        source="helpers/training/ema.py: get_decay; models/common.py: crepa self_flow",
        check=_averaged_weights,
        families=_SD,
    ),
    Rule(
        id="F15",
        title="the VAE in fp16",
        severity=Severity.ERROR,
        looks_at=("vae_dtype",),
        source="helpers/models/common.py: load_vae",
        check=_half_vae,
        families=_SD,
    ),
)
