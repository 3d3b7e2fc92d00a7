"""Rules about several GPUs, memory, attention kernels and the machine."""

import math
from collections.abc import Iterator

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.known_bases import known_sd3_base
from tuner_kit.simpletuner.rules.precision_rules import base_precision, encoder_precisions
from tuner_kit.simpletuner.rules.rule import Finding, Remove, Rule, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_SD = ("sd3", "sd1x")
_FSDP2 = 2
_BYTES_PER_WEIGHT = 2  # bf16 and fp16; all three models are published in one of them.

# Counted on the classes that diffusers builds from the published configurations.
_CLIP_L_PARAMS = 123_650_304
_CLIP_G_PARAMS = 694_659_840
_T5_PARAMS = 4_762_310_656
_VAE_PARAMS = 83_819_683

_SOAP_LEAST_GIB = 16
_SOAP_SOUND_GIB = 32

# attention_backend.py: _KOHAKU_FA_CUTE_CAPABILITIES and _KOHAKU_FA_GLUON_CAPABILITIES.
_KOHAKU_CAPABILITIES = ((8, 9), (9, 0), (10, 0), (10, 3), (12, 0))
_XFORMERS_TOO_NEW = (9, 0)  # attention_backend.py: xformers_compute_capability_error.


def _sharding(setup: TrainerSetup) -> Iterator[Finding]:
    options = setup.options
    has_deepspeed = options.get("deepspeed_config") not in (None, "", "None", False)
    if has_deepspeed and setup.is_lora:
        yield Finding(
            what="deepspeed_config is set, and SimpleTuner trains no adapters with DeepSpeed",
            fix='remove deepspeed_config, or train the whole model: "model_type": "full"',
            key="deepspeed_config",
        )
    if not options.is_on("fsdp_enable"):
        return
    if has_deepspeed:
        yield Finding(
            what="fsdp_enable and deepspeed_config are both set, and exclude each other",
            fix="keep the one of the two that you mean",
            key="deepspeed_config",
        )
    if options.number("fsdp_version") == _FSDP2:
        yield from _second_sharding(setup)


def _second_sharding(setup: TrainerSetup) -> Iterator[Finding]:
    named = {"base_model_precision": base_precision(setup), **encoder_precisions(setup)}
    quanto = [option for option, precision in named.items() if "quanto" in precision]
    if quanto:
        yield Finding(
            what=f"fsdp_version is 2, and can't split {quanto[0]} = {named[quanto[0]]} between "
            "GPUs",
            fix=f'write "{quanto[0]}": "no_change", or train without fsdp_enable',
            key=quanto[0],
        )
    releases = setup.options.is_on("optimizer_release_gradients") and "optimi" in (
        setup.options.text("optimizer") or ""
    )
    offloads = setup.options.text("optimizer_cpu_offload_method") == "torchao"
    if setup.options.is_on("fsdp_cpu_offload") and (releases or offloads):
        other = "optimizer_release_gradients" if releases else "optimizer_cpu_offload_method"
        yield Finding(
            what=f"fsdp_cpu_offload does not work together with {other}",
            fix=f"remove {other}, or fsdp_cpu_offload",
            key=other,
        )


def _block_swap(setup: TrainerSetup) -> Iterator[Finding]:
    key = "musubi_blocks_to_swap"
    blocks = setup.options.number(key) or 0
    if blocks > 0 and setup.options.is_on("ramtorch"):
        yield Finding(
            what=f"ramtorch and {key} = {blocks:g} exclude each other",
            fix=f"remove ramtorch, or {key}",
            key=key,
        )
    if blocks < 0:
        yield Finding(what=f"{key} is {blocks:g}", fix=f'write "{key}": 0 or more', key=key)
    base = known_sd3_base(setup)
    if base is not None and blocks >= base.num_layers:
        most = base.num_layers - 1
        yield Finding(
            what=f"{key} is {blocks:g}, but {base.name} has {base.num_layers} blocks, and one "
            "stays on the GPU",
            fix=f'write "{key}": {most} at most',
            key=key,
            edits=(write(key, most),),
            severity=Severity.WARNING,
        )


def _attention(setup: TrainerSetup) -> Iterator[Finding]:
    mechanism = setup.options.text("attention_mechanism") or ""
    if mechanism.startswith("sage"):
        yield from _sage(setup, mechanism)
    elif mechanism in ("xformers", "kohaku-fa"):
        yield from _kernels(setup, mechanism)


def _sage(setup: TrainerSetup, mechanism: str) -> Iterator[Finding]:
    packages, usage = setup.around.packages, setup.options.text("sageattention_usage")
    if packages is not None and "sageattention" not in packages:
        yield _no_attention(f"attention_mechanism = {mechanism} needs the package sageattention")
    if "nf4" in base_precision(setup):
        yield _no_attention(
            f"attention_mechanism = {mechanism} does not go with base_model_precision = "
            f"{base_precision(setup)}"
        )
    if usage not in (None, "inference"):
        yield Finding(
            what=f"sageattention_usage is {usage}: attention layers are not trained with it",
            fix='write "sageattention_usage": "inference"',
            key="sageattention_usage",
            edits=(write("sageattention_usage", "inference"),),
            severity=Severity.WARNING,
        )


def _kernels(setup: TrainerSetup, mechanism: str) -> Iterator[Finding]:
    packages = setup.around.packages
    if mechanism == "xformers" and packages is not None and "xformers" not in packages:
        yield _no_attention("attention_mechanism = xformers needs the package xformers")
    for gpu in setup.around.gpus or ():
        capability = gpu.compute_capability
        if capability is None:
            continue
        is_served = (
            capability < _XFORMERS_TOO_NEW
            if mechanism == "xformers"
            else capability in _KOHAKU_CAPABILITIES
        )
        if not is_served:
            yield _no_attention(f"attention_mechanism = {mechanism} does not work on {gpu.name}")
            return


def _no_attention(what: str) -> Finding:
    return Finding(
        what=what,
        fix='write "attention_mechanism": "diffusers"',
        key="attention_mechanism",
        edits=(write("attention_mechanism", "diffusers"),),
    )


def _soap_memory(setup: TrainerSetup) -> Iterator[Finding]:
    if setup.options.text("optimizer") != "soap" or not setup.around.gpus:
        return
    least = min(setup.around.gpus, key=lambda gpu: gpu.memory_gib)
    memory_gib = math.ceil(least.memory_gib)  # A GPU of 32 GB reports a little less.
    if memory_gib < _SOAP_SOUND_GIB:
        # Upstream asks for more than 16 first, so its own test for 24 is never reached above.
        is_refused = memory_gib <= _SOAP_LEAST_GIB
        yield Finding(
            what=f"the optimizer soap needs {_SOAP_SOUND_GIB} GB of GPU memory, and {least.name} "
            f"has {memory_gib} GiB" + (": SimpleTuner refuses it" if is_refused else ""),
            fix="write adamw_bf16, or bnb-adamw8bit",
            key="optimizer",
            severity=Severity.ERROR if is_refused else Severity.WARNING,
        )


def _checkpointing_interval(setup: TrainerSetup) -> Iterator[Finding]:
    key, stride_key = "gradient_checkpointing_interval", "gradient_checkpointing_segment_stride"
    interval, stride = setup.options.number(key), setup.options.number(stride_key)
    if setup.family == "sd1x":  # SimpleTuner sets both aside there, before it looks at them.
        named = {key: interval, stride_key: stride}
        yield from (_without_effect(name, n) for name, n in named.items() if n is not None)
        return
    if interval == 1:
        yield _without_effect(key, interval)
    elif interval is not None and interval < 1:
        yield _remove(key, f"{key} = {interval:g} is no number of blocks", Severity.ERROR)
    if stride is not None:
        yield from _checkpointing_stride(stride, interval)


def _checkpointing_stride(stride: float, interval: float | None) -> Iterator[Finding]:
    key = "gradient_checkpointing_segment_stride"
    if stride < 1:
        yield _remove(key, f"{key} = {stride:g} is no number of blocks", Severity.ERROR)
    elif interval is None or interval <= 1:
        yield _without_effect(key, stride)
    elif stride < interval:
        yield Finding(
            what=f"{key} = {stride:g} is less than gradient_checkpointing_interval = {interval:g}",
            fix=f'write "{key}": {interval:g} or more',
            key=key,
        )


def _without_effect(key: str, value: float) -> Finding:
    return _remove(key, f"{key} = {value:g} has no effect", Severity.WARNING)


def _remove(key: str, what: str, severity: Severity) -> Finding:
    edits = (write(key, Remove.KEY),)
    return Finding(what=what, fix=f"remove {key}", key=key, edits=edits, severity=severity)


def _memory(setup: TrainerSetup) -> Iterator[Finding]:
    """Compare the RAM with the weights that pass through it on their way to the GPU."""
    ram_gib, base = setup.around.ram_gib, known_sd3_base(setup)
    if ram_gib is None or base is None:
        return
    encoders = _CLIP_L_PARAMS + _CLIP_G_PARAMS + _T5_PARAMS + _VAE_PARAMS
    # One part after the other is loaded and moved; text encoders leave before the base comes.
    least_gib = _gib(max(_T5_PARAMS, base.transformer_params))
    sound_gib = _gib(encoders + base.transformer_params)
    if ram_gib < sound_gib:
        is_too_little = ram_gib < least_gib
        yield Finding(
            what=f"this machine has {ram_gib:.1f} GiB of RAM; the largest part of {base.name} "
            f"alone takes {least_gib:.1f} GiB while it is loaded, all parts {sound_gib:.1f} GiB",
            fix="train on a machine with more RAM, or a smaller model"
            if is_too_little
            else "close other programs before you start, or the system may end the training",
            severity=Severity.ERROR if is_too_little else Severity.WARNING,
        )


def _gib(params: int) -> float:
    return params * _BYTES_PER_WEIGHT / 2**30


def _no_nvidia_smi(setup: TrainerSetup) -> Iterator[Finding]:
    nvidia = [gpu for gpu in setup.around.gpus or () if gpu.compute_capability is not None]
    if nvidia and setup.around.has_nvidia_smi is False:
        yield Finding(
            what=f"the program nvidia-smi is missing, and SimpleTuner stops without it on "
            f"{nvidia[0].name}",
            fix="install nvidia-smi, which comes with NVIDIA's driver; in a container, start it "
            "with the NVIDIA container toolkit and NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        )


HARDWARE_RULES: tuple[Rule, ...] = (
    Rule(
        id="B19",
        title="ways of splitting a model between GPUs that exclude something",
        severity=Severity.ERROR,
        looks_at=(
            "fsdp_enable",
            "fsdp_version",
            "fsdp_cpu_offload",
            "deepspeed_config",
            "model_type",
            "base_model_precision",
            "optimizer_release_gradients",
            "optimizer_cpu_offload_method",
        ),
        source="helpers/configuration/cmd_args.py: fsdp_enable; training/error_handling.py",
        check=_sharding,
    ),
    Rule(
        id="B20",
        title="block swap beside ramtorch, or of more blocks than there are",
        severity=Severity.ERROR,
        looks_at=("musubi_blocks_to_swap", "ramtorch", "model_flavour"),
        source="helpers/training/default_settings/safety_check.py; musubi_block_swap.py",
        check=_block_swap,
    ),
    Rule(
        id="B21",
        title="an attention kernel that can't run here",
        severity=Severity.ERROR,
        looks_at=(
            "attention_mechanism",
            "sageattention_usage",
            "base_model_precision",
            "around.gpus",
            "around.packages",
        ),
        source="helpers/configuration/cmd_args.py; training/attention_backend.py",
        check=_attention,
    ),
    Rule(
        id="B22",
        title="too little GPU memory for soap",
        severity=Severity.ERROR,
        looks_at=("optimizer", "around.gpus"),
        source="helpers/training/default_settings/safety_check.py",
        check=_soap_memory,
    ),
    Rule(
        id="B28",
        title="an interval of gradient checkpointing that is refused or ignored",
        severity=Severity.ERROR,
        looks_at=("gradient_checkpointing_interval", "gradient_checkpointing_segment_stride"),
        source="helpers/training/default_settings/safety_check.py",
        check=_checkpointing_interval,
        families=_SD,
    ),
    Rule(
        id="B29",
        title="too little RAM to load the model",
        severity=Severity.ERROR,
        looks_at=("around.ram_gib", "pretrained_model_name_or_path", "model_flavour"),
        source="helpers/models/common.py: load_text_encoder, load_vae, load_model",
        check=_memory,
        families=("sd3",),
    ),
    Rule(
        id="B30",
        title="nvidia-smi is missing",
        severity=Severity.ERROR,
        looks_at=("around.gpus", "around.has_nvidia_smi"),
        source="helpers/training/default_settings/safety_check.py: check_output",
        check=_no_nvidia_smi,
    ),
)
