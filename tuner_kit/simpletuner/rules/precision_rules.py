"""Rules about precision, quantization and the optimizers that go with them."""

from collections.abc import Iterator, Mapping

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.rule import Finding, Rule, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_BASE = "base_model_precision"
_ENCODERS = tuple(f"text_encoder_{index}_precision" for index in range(1, 5))
_SD = ("sd3", "sd1x")

# helpers/training/quantisation/__init__.py: what SimpleTuner quantizes itself, layer by layer,
# and nothing else can: MANUAL_QUANTIZATION_PRESETS less PIPELINE_QUANTIZATION_PRESETS.
_MANUAL_ONLY = ("fp8-native", "fp8-transformerengine")
_MANUAL_ENGINE = "-sdnq"
_FP8_NEEDS: Mapping[str, tuple[int, int]] = {
    "fp8-torchao": (8, 9),  # torchao asserts it: Float8DynamicActivationFloat8WeightConfig.
    "fp8-transformerengine": (8, 9),  # NVIDIA's documentation of Transformer Engine.
    "fp8-native": (9, 0),  # fp8_native.py: _scaled_mm_supported.
}
_PACKAGES: Mapping[str, str] = {
    "-bnb": "bitsandbytes",
    "-quanto": "optimum-quanto",
    "-torchao": "torchao",
    "-sdnq": "sdnq",
    "fp8-transformerengine": "transformer-engine",
}
"""By the end of a precision's name."""
_OPTIMIZER_PACKAGES: Mapping[str, str] = {
    "bnb-": "bitsandbytes",
    "ao-": "torchao",
    "optimi-": "torch-optimi",
    "sdnq-": "sdnq",
    "prodigy": "prodigy-plus-schedule-free",
}
"""By the beginning of an optimizer's name: helpers/training/optimizer_param.py."""


def base_precision(setup: TrainerSetup) -> str:
    """Return how the base model is stored; `no_change` where it is not quantized."""
    return setup.options.text(_BASE) or "no_change"


def encoder_precisions(setup: TrainerSetup) -> Mapping[str, str]:
    """Return the precision of each text encoder that is quantized, by its option."""
    named = {option: setup.options.text(option) for option in _ENCODERS}
    return {option: value for option, value in named.items() if value and value != "no_change"}


def _has_quantization_config(setup: TrainerSetup) -> bool:
    return setup.options.get("quantization_config") not in (None, "", "None")


def _is_manual_only(precision: str) -> bool:
    return precision in _MANUAL_ONLY or precision.endswith(_MANUAL_ENGINE)


def _quantizes_in_pipeline(setup: TrainerSetup) -> bool:
    """Whether diffusers quantizes while it loads, in place of SimpleTuner afterwards."""
    return setup.options.text("quantize_via") == "pipeline"


def _fp8_quanto(setup: TrainerSetup) -> Iterator[Finding]:
    if base_precision(setup) == "fp8-quanto":
        yield Finding(
            what=f"{_BASE} = fp8-quanto does not work with {setup.family}: SimpleTuner refuses it "
            "when it sets up the model",
            fix='write "int8-quanto", or "fp8-torchao" on a GPU of the Ada or Hopper kind',
            key=_BASE,
        )


def _fp8_on_old_gpu(setup: TrainerSetup) -> Iterator[Finding]:
    needed = _FP8_NEEDS.get(base_precision(setup))
    if needed is None or setup.around.gpus is None:
        return
    for gpu in setup.around.gpus:
        if gpu.compute_capability is not None and gpu.compute_capability < needed:
            yield Finding(
                what=f"{_BASE} = {base_precision(setup)} needs compute capability "
                f"{needed[0]}.{needed[1]}, but {gpu.name} has "
                f"{gpu.compute_capability[0]}.{gpu.compute_capability[1]}",
                fix='write "int8-quanto", which runs on every GPU',
                key=_BASE,
                edits=(write(_BASE, "int8-quanto"),),
            )
            return


def _quantized_full(setup: TrainerSetup) -> Iterator[Finding]:
    # Both checks of upstream let ControlNet and people who say that they know pass; the one of
    # quantization_config in cmd_args.py does not.
    if setup.options.text("model_type") != "full":
        return
    if _has_quantization_config(setup):
        yield Finding(
            what="model_type is full, and quantization_config works with adapters only",
            fix='remove quantization_config, or train an adapter: "model_type": "lora"',
            key="quantization_config",
        )
    may = setup.options.is_on("controlnet") or setup.options.is_on("i_know_what_i_am_doing")
    if setup.is_quantized and not may:
        yield Finding(
            what=f"model_type is full, and a model in {base_precision(setup)} can't be trained "
            "whole",
            fix=f'write "{_BASE}": "no_change", or train an adapter: "model_type": "lora"',
            key=_BASE,
        )


def _pipeline_quantization(setup: TrainerSetup) -> Iterator[Finding]:
    if not _quantizes_in_pipeline(setup):
        return
    named = {_BASE: base_precision(setup), **encoder_precisions(setup)}
    for option, precision in named.items():
        if _is_manual_only(precision):
            yield Finding(
                what=f"quantize_via is pipeline, but {option} = {precision} is made by SimpleTuner "
                "itself, after loading",
                fix='write "quantize_via": "accelerator", or "cpu" where GPU memory is short',
                key="quantize_via",
                edits=(write("quantize_via", "accelerator"),),
            )
            return


def _pipeline_base_manual_encoder(setup: TrainerSetup) -> Iterator[Finding]:
    base = base_precision(setup)
    if _has_quantization_config(setup):
        yield from _beside_quantization_config(setup)
        return
    if _quantizes_in_pipeline(setup) or base == "no_change" or _is_manual_only(base):
        return
    for option, precision in encoder_precisions(setup).items():
        if _is_manual_only(precision):
            yield Finding(
                what=f"{option} = {precision} can't be used beside {_BASE} = {base}",
                fix=f'write "{option}": "no_change": the text encoders are not in memory while '
                "training",
                key=option,
                edits=(write(option, "no_change"),),
            )


def _beside_quantization_config(setup: TrainerSetup) -> Iterator[Finding]:
    named = encoder_precisions(setup)
    if _is_manual_only(base_precision(setup)):
        named = {_BASE: base_precision(setup), **named}
    for option, precision in named.items():
        yield Finding(
            what=f"{option} = {precision} can't be used beside quantization_config",
            fix=f'write "{option}": "no_change", and say in quantization_config how it is to be '
            "quantized",
            key=option,
            edits=(write(option, "no_change"),),
        )


def _two_engines(setup: TrainerSetup) -> Iterator[Finding]:
    base = base_precision(setup)
    precisions = dict(encoder_precisions(setup))
    if not _quantizes_in_pipeline(setup) and base != "int4-torchao":
        precisions[_BASE] = base  # Otherwise diffusers quantizes the base by its own means.
    quanto = [option for option, value in precisions.items() if "quanto" in value]
    torchao = [option for option, value in precisions.items() if "torchao" in value]
    if quanto and torchao:
        yield Finding(
            what=f"{quanto[0]} = {precisions[quanto[0]]} and {torchao[0]} = "
            f"{precisions[torchao[0]]} are made by two libraries that don't work together",
            fix="use -quanto for all, or -torchao for all",
            key=torchao[0] if torchao[0] != _BASE else quanto[0],
        )


def _missing_package(setup: TrainerSetup) -> Iterator[Finding]:
    packages, optimizer = setup.around.packages, setup.options.text("optimizer") or ""
    has_no_gpu = setup.around.gpus is not None and not setup.around.gpus
    named = {_BASE: base_precision(setup), **encoder_precisions(setup)}
    needed = [
        (option, precision, package)
        for option, precision in named.items()
        for ending, package in _PACKAGES.items()
        if precision.endswith(ending)
    ]
    needed += [
        ("optimizer", optimizer, package)
        for beginning, package in _OPTIMIZER_PACKAGES.items()
        if optimizer.startswith(beginning)
    ]
    for option, value, package in needed:
        if packages is not None and package not in packages:
            yield _without(option, value, f"the package {package}, which is not installed")
        elif package == "bitsandbytes" and has_no_gpu:
            yield _without(option, value, "an NVIDIA GPU, and there is none")


def _without(option: str, value: str, lacking: str) -> Finding:
    instead = "adamw_bf16" if option == "optimizer" else "no_change"
    return Finding(
        what=f"{option} = {value} needs {lacking}",
        fix=f'install what is missing, or write "{option}": "{instead}"',
        key=option,
    )


def _fp8_training(setup: TrainerSetup) -> Iterator[Finding]:
    if setup.options.text("mixed_precision") != "fp8":
        return
    is_quantized = setup.is_quantized or _has_quantization_config(setup)
    if is_quantized and base_precision(setup) != "fp8-torchao":
        yield Finding(
            what=f"mixed_precision = fp8 does not go with {_BASE} = {base_precision(setup)}",
            fix='write "mixed_precision": "bf16"',
            key="mixed_precision",
            edits=(write("mixed_precision", "bf16"),),
        )
    elif setup.around.gpus is not None and not setup.around.gpus:
        yield Finding(
            what="mixed_precision = fp8 needs an NVIDIA GPU, and there is none",
            fix='write "mixed_precision": "bf16"',
            key="mixed_precision",
            edits=(write("mixed_precision", "bf16"),),
        )


def _bf16_optimizer(setup: TrainerSetup) -> Iterator[Finding]:
    if setup.options.text("optimizer") != "adamw_bf16":
        return
    if setup.is_quantized:
        if setup.options.text("base_model_default_dtype") == "fp32":
            yield Finding(
                what="the optimizer adamw_bf16 can't train in base_model_default_dtype = fp32; "
                "SimpleTuner would take optimi-adamw in its place",
                fix='write "base_model_default_dtype": "bf16", or "optimizer": "optimi-adamw"',
                key="base_model_default_dtype",
            )
    elif (precision := setup.options.text("mixed_precision")) not in (None, "bf16"):
        yield Finding(
            what=f"the optimizer adamw_bf16 trains in bf16, whatever mixed_precision = {precision} "
            "says; SimpleTuner would turn the trained weights to bf16",
            fix='write "mixed_precision": "bf16", or "optimizer": "optimi-adamw"',
            key="mixed_precision",
        )


def _half_precision(setup: TrainerSetup) -> Iterator[Finding]:
    precision = setup.options.text("mixed_precision")
    if precision == "fp16":
        yield Finding(
            what="mixed_precision = fp16: the gradients of fp16 overflow, and SimpleTuner is made "
            "for bf16",
            fix='write "mixed_precision": "bf16"; on a GPU without bf16, "no" with '
            '"optimizer": "optimi-adamw"',
            key="mixed_precision",
        )
    elif precision == "bf16":
        # Compute capability 8.0 is the first with bf16 units; before, torch emulates them.
        old = [
            gpu
            for gpu in setup.around.gpus or ()
            if gpu.compute_capability is not None and gpu.compute_capability < (8, 0)
        ]
        if old:
            yield Finding(
                what=f"{old[0].name} has no bf16 of its own: mixed_precision = bf16 is emulated "
                "there, which is slow",
                fix='write "mixed_precision": "no" with "optimizer": "optimi-adamw", or train on a '
                "newer GPU",
                key="mixed_precision",
            )


def _fp8_quanto_on_many(setup: TrainerSetup) -> Iterator[Finding]:
    num_processes = max(setup.around.num_processes, int(setup.options.number("num_processes") or 1))
    is_peft = setup.is_lora and not setup.is_lycoris
    if num_processes > 1 and is_peft and base_precision(setup) == "fp8-quanto":
        yield Finding(
            what=f"{_BASE} = fp8-quanto does not work with LoRA on {num_processes} GPUs; "
            "SimpleTuner would take int8-quanto in its place",
            fix=f'write "{_BASE}": "int8-quanto", or train LoKr: "lora_type": "lycoris"',
            key=_BASE,
            edits=(write(_BASE, "int8-quanto"),),
        )


PRECISION_RULES: tuple[Rule, ...] = (
    Rule(
        id="B08",
        title="fp8-quanto with Stable Diffusion",
        severity=Severity.ERROR,
        looks_at=(_BASE,),
        source="helpers/models/sd3/model.py and sd1x/model.py: check_user_config",
        check=_fp8_quanto,
        families=_SD,
    ),
    Rule(
        id="B09",
        title="fp8 on a GPU that has none",
        severity=Severity.ERROR,
        looks_at=(_BASE, "around.gpus"),
        source="helpers/training/quantisation/fp8_native.py; torchao's quant_api.py",
        check=_fp8_on_old_gpu,
    ),
    Rule(
        id="B10",
        title="a quantized model trained whole",
        severity=Severity.ERROR,
        looks_at=("model_type", _BASE, "quantization_config"),
        source="helpers/training/default_settings/safety_check.py; configuration/cmd_args.py",
        check=_quantized_full,
    ),
    Rule(
        id="B11",
        title="quantization while loading of a kind that is made after loading",
        severity=Severity.ERROR,
        looks_at=("quantize_via", _BASE, *_ENCODERS),
        source="helpers/configuration/cmd_args.py: quantize_via_pipeline",
        check=_pipeline_quantization,
    ),
    Rule(
        id="B12",
        title="text encoders quantized in a way that the base model's excludes",
        severity=Severity.ERROR,
        looks_at=(_BASE, *_ENCODERS, "quantization_config"),
        source="helpers/configuration/cmd_args.py: pipeline_quant_precisions",
        check=_pipeline_base_manual_encoder,
    ),
    Rule(
        id="B13",
        title="two quantization libraries at once",
        severity=Severity.ERROR,
        looks_at=(_BASE, *_ENCODERS),
        source="helpers/training/trainer.py: is_quanto and is_torchao",
        check=_two_engines,
    ),
    Rule(
        id="B14",
        title="a package for the precision or the optimizer is missing",
        severity=Severity.ERROR,
        looks_at=(_BASE, *_ENCODERS, "optimizer", "around.packages", "around.gpus"),
        source="helpers/training/optimizer_param.py; quantisation/__init__.py",
        check=_missing_package,
    ),
    Rule(
        id="B15",
        title="fp8 training with another quantization, or without a GPU",
        severity=Severity.ERROR,
        looks_at=("mixed_precision", _BASE, "around.gpus"),
        source="helpers/configuration/cmd_args.py: mixed_precision",
        check=_fp8_training,
    ),
    Rule(
        id="B16",
        title="adamw_bf16 without bf16",
        severity=Severity.ERROR,
        looks_at=("optimizer", "mixed_precision", "base_model_default_dtype", _BASE),
        source="helpers/training/optimizer_param.py; trainer.py: AdamWBF16",
        check=_bf16_optimizer,
    ),
    Rule(
        id="B17",
        title="fp16, or bf16 on a GPU without it",
        severity=Severity.WARNING,
        looks_at=("mixed_precision", "around.gpus"),
        source="helpers/training/trainer.py: init_precision; torch.cuda.is_bf16_supported",
        check=_half_precision,
        families=_SD,
    ),
    Rule(
        id="B18",
        title="fp8-quanto with LoRA on several GPUs",
        severity=Severity.ERROR,
        looks_at=(_BASE, "num_processes", "around.num_processes", "lora_type"),
        source="helpers/training/default_settings/safety_check.py",
        check=_fp8_quanto_on_many,
    ),
)
