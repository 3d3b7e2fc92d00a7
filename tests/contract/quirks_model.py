"""What the real SimpleTuner does with models, precision and schedules; runs inside the child."""

import json
import logging
import os
import stat
import tempfile
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from trainer_child import load_namespace

SMI = "#!/bin/sh\necho {memory_mib}\n"


def _parsed(config: dict[str, Any]) -> Namespace:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return load_namespace(str(path))


def _family(args: Namespace) -> Any:
    from simpletuner.helpers.models.registry import ModelRegistry

    return ModelRegistry.model_families()[args.model_family]


def _model(args: Namespace) -> Any:
    """The family's class with nothing loaded; what is asked here needs its config only."""
    model = object.__new__(_family(args))
    model.config = args
    model.model = None
    model.accelerator = SimpleNamespace(device="cpu")
    return model


def _plain(args: Namespace) -> dict[str, Any]:
    kept = (str, int, float, bool, list, type(None))
    return {name: value for name, value in vars(args).items() if isinstance(value, kept)}


def user_config(config: dict[str, Any]) -> dict[str, Any]:
    """Let the model's class check what the parser gave: trainer.py:359."""
    args = _parsed(config)
    _model(args).check_user_config()
    return _plain(args)


def base_of(config: dict[str, Any]) -> str:
    args = _parsed(config)
    _model(args).setup_model_flavour()
    return str(args.pretrained_model_name_or_path)


def flavors(family: str) -> dict[str, Any]:
    model = _family(Namespace(model_family=family))
    return {
        "paths": model.HUGGINGFACE_PATHS,
        "default": model.DEFAULT_MODEL_FLAVOUR,
        "supports_muon": model.SUPPORTS_MUON_CLIP,
        "prediction": model.PREDICTION_TYPE.value,
    }


def safety_check(payload: dict[str, Any]) -> dict[str, Any] | str:
    """Run the late check; gives what it made of the options, or `exit` or what it raised."""
    from simpletuner.helpers.training import error_handling
    from simpletuner.helpers.training.default_settings import safety_check as module

    args = _parsed(payload["config"])
    accelerator = SimpleNamespace(
        num_processes=payload.get("num_processes", 1),
        state=SimpleNamespace(deepspeed_plugin=payload.get("deepspeed")),
        device=SimpleNamespace(type=payload.get("device", "cpu")),
        is_main_process=True,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"PATH": f"{folder}:{payload.get('path', '/usr/bin:/bin')}"}),
        mock.patch.object(module, "cuda_version", "12.8"),
        # Its own logger wants a real accelerator.
        mock.patch.object(error_handling, "logger", logging.getLogger(__name__)),
    ):
        if "memory_mib" in payload:
            program = Path(folder) / "nvidia-smi"
            program.write_text(SMI.format(memory_mib=payload["memory_mib"]), encoding="ascii")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        try:
            module.safety_check(args, accelerator)
        except SystemExit:
            return "exit"
        except (ValueError, OSError) as error:
            return type(error).__name__
    return _plain(args)


def quantization_presets(_: object) -> dict[str, list[str]]:
    from simpletuner.helpers.training import quantised_precision_levels
    from simpletuner.helpers.training.quantisation import (
        MANUAL_QUANTIZATION_PRESETS,
        PIPELINE_ONLY_PRESETS,
        PIPELINE_QUANTIZATION_PRESETS,
    )

    return {
        "all": quantised_precision_levels,
        "manual_only": sorted(MANUAL_QUANTIZATION_PRESETS - PIPELINE_QUANTIZATION_PRESETS),
        "pipeline": sorted(PIPELINE_QUANTIZATION_PRESETS),
        "pipeline_only": sorted(PIPELINE_ONLY_PRESETS),
    }


def marks_engines(config: dict[str, Any]) -> None:
    """Run the trainer's set-up to where it marks which library quantizes."""
    from simpletuner.helpers.training import trainer as module

    trainer = object.__new__(module.Trainer)
    trainer.config = _parsed(config)
    trainer.accelerator = SimpleNamespace(state=SimpleNamespace(deepspeed_plugin=None))
    trainer._initial_lora_step = lambda: 0
    trainer._init_publishing_manager = lambda: None
    with mock.patch.object(module, "prepare_model_for_deepspeed", return_value=(False, False)):
        trainer._misc_init()


def optimizer_class(config: dict[str, Any]) -> str:
    """Name the optimizer that is really taken for a base model in fp32."""
    from simpletuner.helpers.training.optimizer_param import determine_optimizer_class_with_config

    args = _parsed(config)
    _, chosen = determine_optimizer_class_with_config(
        args, use_deepspeed_optimizer=False, is_quantized=args.is_quantized, enable_adamw_bf16=False
    )
    return str(getattr(chosen, "__module__", "")) + "." + str(getattr(chosen, "__name__", chosen))


def capabilities(_: object) -> dict[str, Any]:
    """Ask what each kernel says of GPUs that are only pretended."""
    import torch
    from simpletuner.helpers.training import attention_backend
    from simpletuner.helpers.training.quantisation import fp8_native

    tensor = SimpleNamespace(is_cuda=True, device="cuda:0")
    known = ((7, 5), (8, 6), (8, 9), (9, 0), (12, 0))
    told: dict[str, Any] = {"fp8-native": [], "xformers": []}
    for capability in known:
        with (
            mock.patch.object(torch.cuda, "is_available", return_value=True),
            mock.patch.object(torch.cuda, "get_device_capability", return_value=capability),
        ):
            if fp8_native._scaled_mm_supported(tensor):
                told["fp8-native"].append(list(capability))
            if attention_backend.xformers_compute_capability_error() is None:
                told["xformers"].append(list(capability))
    told["kohaku"] = sorted(
        attention_backend._KOHAKU_FA_CUTE_CAPABILITIES
        | attention_backend._KOHAKU_FA_GLUON_CAPABILITIES
    )
    return told


def swapped_blocks(payload: dict[str, int]) -> dict[str, int]:
    from simpletuner.helpers.models.sd3.model import SD3
    from simpletuner.helpers.musubi_block_swap import MusubiBlockSwapManager

    manager = MusubiBlockSwapManager.build(
        payload["depth"], payload["blocks"], "cpu", logging.getLogger(__name__)
    )
    return {
        "swapped": len(manager.block_indices) if manager else 0,
        "said_by_class": SD3.max_swappable_blocks() or 0,
    }


def sd3_sizes(payload: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Count parameters and name the linear layers of SD3 transformers that hold no memory."""
    import torch
    from diffusers import SD3Transformer2DModel

    sizes = {}
    layers: set[str] = set()
    with torch.device("meta"):
        for name, settings in payload.items():
            model = SD3Transformer2DModel(**settings)
            sizes[name] = sum(parameter.numel() for parameter in model.parameters())
            layers |= {
                ".".join(path.split(".")[2:]) if path.startswith("transformer_blocks") else path
                for path, module in model.named_modules()
                if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))
            }
    return {"sizes": sizes, "layers": sorted(layers)}


def adapted_layers(targets: list[str]) -> int:
    """Let PEFT adapt a model with to_k and to_out.0; gives how many layers it took."""
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    model = torch.nn.ModuleDict(
        {
            "to_k": torch.nn.Linear(4, 4),
            "to_out": torch.nn.ModuleList([torch.nn.Linear(4, 4)]),
        }
    )
    adapted = inject_adapter_in_model(LoraConfig(target_modules=targets), model)
    return sum(hasattr(module, "lora_A") for module in adapted.modules())


def mean_sigma(config: dict[str, Any]) -> float:
    """Draw 4096 noise levels as the training of SD3 does."""
    import torch

    model = _model(_parsed(config))
    model.noise_schedule = None
    latents = torch.zeros(4096, 1, 1, 1)
    sigmas, _ = model.sample_flow_sigmas({"latents": latents, "noise": latents}, {})
    return float(sigmas.mean())


def sd3_loss(config: dict[str, Any]) -> float:
    """Compute SD3's loss where prediction and target differ by 1 everywhere."""
    import torch

    model = _model(_parsed(config))
    batch = {
        "latents": torch.zeros(2, 1, 2, 2),
        "noise": torch.ones(2, 1, 2, 2),
        "flow_target": torch.ones(2, 1, 2, 2),
        "timesteps": torch.tensor([10.0, 990.0]),
        "sigmas": torch.tensor([0.01, 0.99]),
    }
    return float(model.loss(batch, {"model_prediction": torch.zeros(2, 1, 2, 2)}))


def ema_decays(steps: list[int]) -> list[float]:
    import torch
    from simpletuner.helpers.training.ema import EMAModel

    args = SimpleNamespace(ema_update_interval=1, ema_device="cpu", ema_cpu_only=True)
    weights = [torch.nn.Parameter(torch.zeros(1))]
    average = EMAModel(args, None, weights, decay=0.995)
    return [float(average.get_decay(step)) for step in steps]


def self_flow(config: dict[str, Any]) -> None:
    _model(_parsed(config))._validate_crepa_configuration()


def load_vae(payload: dict[str, Any]) -> str:
    """Load the VAE of a model folder; the pretended device makes the trainer convert it."""
    model = _model(_parsed(payload["config"]))
    model.config.vae_path = payload["vae_path"]
    model.config.revision = model.config.variant = None
    model.accelerator = SimpleNamespace(device="meta")
    model.load_vae()
    return str(model.vae.dtype)
