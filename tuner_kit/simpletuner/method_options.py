"""The trainer's options that follow from the method and the model family.

Each method writes its own options and no other's: a full fine-tune has no rank, Stable
Diffusion 1.x no third text encoder and no flow. Pure: nothing is read or written here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue

from tuner_kit.catalog.base_models import ModelFamily
from tuner_kit.config.run_config import RunConfig, TrainingMethod
from tuner_kit.config.yaml_source import KeyPath

METHOD_SOURCES: Mapping[str, KeyPath] = MappingProxyType(
    {
        "model_type": ("training", "method"),
        "lora_type": ("training", "method"),
        "lora_rank": ("lora", "rank"),
        "lora_alpha": ("lora", "alpha"),
        "lora_dropout": ("lora", "dropout"),
        "lycoris_config": ("lokr",),
        "base_model_precision": ("model", "quantization"),
        "text_encoder_3_precision": ("model", "text_encoder_3_quantization"),
        "flow_schedule_shift": ("training", "flow_schedule_shift"),
    }
)
"""Where in tuner.yaml an option of this module comes from."""

METHOD_CONSTANTS = frozenset(
    {"lora_format", "text_encoder_1_precision", "text_encoder_2_precision"}
)
"""Options of this module that are the same in every run that has them."""


def method_options(config: RunConfig, lycoris_path: Path) -> dict[str, JsonValue]:
    """Build the options of the configured method and family.

    Args:
        config: what is asked.
        lycoris_path: where the adapter's shape is written for LoKr; absolute.
    """
    training, family = config.training, config.model.family
    return {
        **_METHODS[training.method](config, lycoris_path),
        **_FAMILIES[family](config),
        "text_encoder_1_precision": "no_change",
    }


def lora_alpha(config: RunConfig) -> float:
    """Return the trained alpha of a LoRA: the configured one, or the rank."""
    return float(config.lora.rank) if config.lora.alpha is None else config.lora.alpha


def lycoris_config(config: RunConfig) -> dict[str, JsonValue] | None:
    """Build the file that describes a LoKr to LyCORIS; None with another method.

    The targets are classes of diffusers' layers, which both families are made of.
    Source: simpletuner 4.10.1 lycoris_defaults.py and training/trainer.py:3457.
    """
    if config.training.method != "lokr":
        return None
    shape = config.lokr
    return {
        "algo": "lokr",
        "multiplier": 1.0,
        "linear_dim": shape.linear_dim,
        "linear_alpha": shape.linear_alpha,
        "factor": shape.factor,
        "full_matrix": shape.full_matrix,
        # LyCORIS adds its update to the weights, which quantized ones can't take.
        "bypass_mode": config.model.quantization != "none",
        "apply_preset": {
            "target_module": ["Attention", "FeedForward"],
            "module_algo_map": {
                "Attention": {"factor": shape.factor},
                "FeedForward": {"factor": shape.feed_forward_factor},
            },
        },
    }


def _lora(config: RunConfig, _: Path) -> dict[str, JsonValue]:
    return {
        "model_type": "lora",
        "lora_type": "standard",
        # diffusers refuses the other format.
        "lora_format": "diffusers",
        "lora_rank": config.lora.rank,
        "lora_alpha": lora_alpha(config),
        "lora_dropout": config.lora.dropout,
        "base_model_precision": _precision(config.model.quantization),
    }


def _lokr(config: RunConfig, lycoris_path: Path) -> dict[str, JsonValue]:
    return {
        "model_type": "lora",
        "lora_type": "lycoris",
        "lycoris_config": str(lycoris_path),
        "base_model_precision": _precision(config.model.quantization),
    }


def _full(_config: RunConfig, _: Path) -> dict[str, JsonValue]:
    return {"model_type": "full", "base_model_precision": "no_change"}


def _sd3(config: RunConfig) -> dict[str, JsonValue]:
    return {
        "flow_schedule_shift": config.training.flow_schedule_shift,
        "text_encoder_2_precision": "no_change",
        "text_encoder_3_precision": _precision(config.model.text_encoder_3_quantization),
    }


def _sd1x(_: RunConfig) -> dict[str, JsonValue]:
    return {}


_METHODS: Mapping[TrainingMethod, Callable[[RunConfig, Path], dict[str, JsonValue]]] = (
    MappingProxyType({"lora": _lora, "lokr": _lokr, "full": _full})
)
_FAMILIES: Mapping[ModelFamily, Callable[[RunConfig], dict[str, JsonValue]]] = MappingProxyType(
    {"sd3": _sd3, "sd1x": _sd1x}
)


def _precision(quantization: str) -> str:
    return "no_change" if quantization == "none" else quantization
