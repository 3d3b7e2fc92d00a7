"""Rules about what is trained: LoRA, DoRA, LyCORIS, and the text encoders beside them."""

import json
import re
from collections.abc import Iterator, Sequence

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.precision_rules import base_precision
from tuner_kit.simpletuner.rules.rule import Finding, Rule, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_SD = ("sd3", "sd1x")

# The linear layers of diffusers' SD3Transformer2DModel, as in SD3.5-medium; attn2 is only there.
_SD3_LAYERS = (
    *(f"attn.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0", "to_add_out")),
    *(f"attn.{name}" for name in ("add_q_proj", "add_k_proj", "add_v_proj")),
    *(f"attn2.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")),
    *(f"{name}.net.0.proj" for name in ("ff", "ff_context")),
    *(f"{name}.net.2" for name in ("ff", "ff_context")),
    *(f"{name}.linear" for name in ("norm1", "norm1_context", "norm_out")),
    *(f"time_text_embed.text_embedder.linear_{index}" for index in (1, 2)),
    *(f"time_text_embed.timestep_embedder.linear_{index}" for index in (1, 2)),
    "context_embedder",
    "pos_embed.proj",
    "proj_out",
)
_BLOCK = re.compile(r"^transformer_blocks\.\d+\.")

_MANY_RANKS = 64
_FEW_IMAGES = 50
_LEAST_ALPHA, _MOST_ALPHA = 0.5, 2.0
"""alpha / rank: rank and half of it are both common; beyond, the learning rate is another."""


def _dora_and_init(setup: TrainerSetup) -> Iterator[Finding]:
    if not setup.is_lora or setup.is_lycoris:
        return
    precision = base_precision(setup)
    if setup.options.is_on("use_dora"):
        if "quanto" in precision:
            yield Finding(
                what=f"use_dora has no effect on a base model in {precision}",
                fix="remove use_dora, or take a precision of another library, such as "
                '"int8-torchao"',
                key="use_dora",
                edits=(write("use_dora", value=False),),
            )
        else:
            yield Finding(
                what="use_dora is on; SimpleTuner calls it experimental and hardly tested",
                fix="remove use_dora for plain LoRA",
                key="use_dora",
            )
    if setup.options.text("lora_init_type") == "loftq" and setup.is_quantized:
        yield Finding(
            what=f"lora_init_type = loftq has no effect on a base model in {precision}",
            fix='write "lora_init_type": "default"',
            key="lora_init_type",
            edits=(write("lora_init_type", "default"),),
        )


def _text_encoders(setup: TrainerSetup) -> Iterator[Finding]:
    if not setup.options.is_on("train_text_encoder"):
        return
    method = setup.options.text("distillation_method")
    if method not in (None, "None"):
        yield _frozen_encoders(f"distillation_method = {method} does not work with it")
    elif setup.is_lycoris:
        yield _frozen_encoders("SimpleTuner refuses it for LyCORIS adapters")
    elif setup.is_lora and setup.family == "sd3":
        yield _frozen_encoders(
            "with SD3 it has often failed, and T5 is never trained", Severity.WARNING
        )


def _frozen_encoders(why: str, severity: Severity | None = None) -> Finding:
    return Finding(
        what=f"train_text_encoder is on, and {why}",
        fix='write "train_text_encoder": false',
        key="train_text_encoder",
        severity=severity,
    )


def _lycoris_file(setup: TrainerSetup) -> Iterator[Finding]:
    if not setup.is_lycoris:
        return
    named, settings = setup.options.text("lycoris_config"), setup.around.lycoris
    if named is None:
        yield _no_settings("lora_type is lycoris, and lycoris_config names no file")
    elif settings is not None and not settings:
        yield _no_settings(f"lycoris_config is {named}, and there is no such JSON file")
    elif settings is not None:
        needed = ["algo", "multiplier", "linear_alpha"]
        needed += [] if settings.get("full_matrix") is True else ["linear_dim"]
        missing = [name for name in needed if name not in settings]
        if missing:
            yield Finding(
                what=f"the LyCORIS settings in {named} lack {', '.join(missing)}",
                fix=f"add {', '.join(missing)} there; for LoKr, for example "
                '"algo": "lokr", "multiplier": 1.0, "linear_dim": 10000, "linear_alpha": 1',
                key="lycoris_config",
            )


def _no_settings(what: str) -> Finding:
    return Finding(
        what=what,
        fix="name a JSON file with algo, multiplier, linear_dim and linear_alpha; a relative path "
        "begins in the folder of config.json",
        key="lycoris_config",
    )


def _target_names(setup: TrainerSetup) -> Iterator[Finding]:
    targets = _targets(setup)
    is_plain = setup.is_lora and not setup.is_lycoris and not setup.options.is_on("controlnet")
    unknown = [target for target in targets if not _is_layer(target)]
    if not is_plain or not unknown:
        return
    groups = [target for target in unknown if _is_group(target)]
    if groups:
        end = f": {groups[0]} is a group of layers, which is refused"
    elif len(unknown) == len(targets):
        end = ", so there is nothing to train"
    else:
        end = "; only the others are trained"
    yield Finding(
        what=f"SD3 has no linear layer {', '.join(unknown)} (peft_lora_target_modules){end}",
        fix="write names such as to_q, to_k, to_v, to_out.0 (the image's attention), add_q_proj, "
        "add_k_proj, add_v_proj, to_add_out (the text's), ff.net.0.proj, ff.net.2",
        key="peft_lora_target_modules",
        severity=Severity.ERROR if groups or len(unknown) == len(targets) else None,
    )


def _targets(setup: TrainerSetup) -> Sequence[str]:
    """Return the layers that are named; none where a file names them."""
    value = setup.options.get("peft_lora_target_modules")
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return ()
    if not isinstance(value, list):
        return ()
    return tuple(target.strip() for target in value if isinstance(target, str) and target.strip())


def _is_layer(target: str) -> bool:
    """Whether PEFT finds a linear layer: a whole name, or its end after a dot."""
    name = _BLOCK.sub("", target)
    return any(layer == name or layer.endswith(f".{name}") for layer in _SD3_LAYERS)


def _is_group(target: str) -> bool:
    """Whether it names a module that holds linear layers: PEFT takes none of these."""
    name = _BLOCK.sub("", target)
    return any(f".{name}." in f".{layer}" for layer in _SD3_LAYERS)


def _rank_and_alpha(setup: TrainerSetup) -> Iterator[Finding]:
    if not setup.is_lora or setup.is_lycoris:
        return
    rank, alpha = setup.options.number("lora_rank"), setup.options.number("lora_alpha")
    images = setup.num_images
    if rank is not None and rank > _MANY_RANKS and images is not None and images < _FEW_IMAGES:
        yield Finding(
            what=f"lora_rank is {rank:g} for {images} images: an adapter that large easily learns "
            "them by heart",
            fix='write "lora_rank": 16, with the same lora_alpha',
            key="lora_rank",
        )
    if rank is None or alpha is None or rank < 1 or alpha <= 0:
        return
    if not _LEAST_ALPHA <= alpha / rank <= _MOST_ALPHA:
        yield Finding(
            what=f"lora_alpha {alpha:g} with lora_rank {rank:g} multiplies what the adapter adds "
            f"by {alpha / rank:.3g}, and so changes the learning rate",
            fix=f'write "lora_alpha": {rank:g}; a small alpha comes from kohya\'s recipes, and its '
            "learning rate belongs to it",
            key="lora_alpha",
        )


ADAPTER_RULES: tuple[Rule, ...] = (
    Rule(
        id="B23",
        title="DoRA or LoftQ that has no effect",
        severity=Severity.WARNING,
        looks_at=("use_dora", "lora_init_type", "base_model_precision"),
        source="helpers/configuration/cmd_args.py: use_dora, lora_init_type",
        check=_dora_and_init,
        families=_SD,
    ),
    Rule(
        id="B24",
        title="text encoders trained where that does not work",
        severity=Severity.ERROR,
        looks_at=("train_text_encoder", "lora_type", "distillation_method"),
        source="helpers/training/default_settings/safety_check.py; distillation/common.py; "
        "huggingface/diffusers issues 8507 and 8743",
        check=_text_encoders,
        families=_SD,
    ),
    Rule(
        id="B25",
        title="the LyCORIS settings are missing or incomplete",
        severity=Severity.ERROR,
        looks_at=("lora_type", "lycoris_config", "around.lycoris"),
        source="helpers/configuration/cmd_args.py: lycoris_config",
        check=_lycoris_file,
    ),
    Rule(
        id="F11",
        title="layers to train that SD3 does not have",
        severity=Severity.WARNING,
        looks_at=("peft_lora_target_modules", "lora_type"),
        source="helpers/models/common.py: get_lora_target_layers; diffusers' SD3 transformer",
        check=_target_names,
        families=("sd3",),
    ),
    Rule(
        id="F12",
        title="a rank or an alpha that does not fit",
        severity=Severity.WARNING,
        looks_at=("lora_rank", "lora_alpha", "around.folders"),
        source="helpers/models/common.py: lora_alpha; PEFT scales by alpha / rank",
        check=_rank_and_alpha,
        families=_SD,
    ),
)
