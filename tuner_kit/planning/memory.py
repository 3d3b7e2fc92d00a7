"""How much GPU memory and RAM each phase of a training needs.

What the trainer holds when (SimpleTuner 4.10.1, training/trainer.py:1997 run()):
  captions    autoencoder and every text encoder together on the GPU (init_preprocessing_models,
              :2640; models/common.py:2677, :2957). A quantized encoder is made small on the CPU
              first (common.py:3120, data_backend/factory.py:2477).
  images      the same models: encoders leave only with offload_during_startup (factory.py:967,
              :4204); latents are computed without autocast (caching/vae.py:1294).
  loading     encoders and autoencoder are gone (trainer.py:2994, :4711). The base model loads
              into RAM (:2706, move_to_device=False); with quantize_via=accelerator all of it
              goes to the GPU in 16 bits before it is quantized (:3111).
  training    base model, adapter, gradients, optimizer state, activations under autocast
              (accelerate prepares the model with mixed precision).
  validation  as training, without activations, plus autoencoder and two pictures at once
              (guidance); texts were encoded before (:2819), the encoders stay away.
  saving      as training, without activations; states are copied to RAM (:6702).
Tensors are counted (measured.py); what is no tensor has a bar and an origin of its own here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tuner_kit.planning import measured
from tuner_kit.planning.estimate import Estimate, around, largest, total
from tuner_kit.planning.optimizers import state_bytes, step_bytes
from tuner_kit.planning.shape import MODELS, TrainingShape

GIB = 1024**3


class Phase(StrEnum):
    """A part of a run with its own models in memory."""

    CAPTIONS = "captions"
    IMAGES = "images"
    LOADING = "loading"
    TRAINING = "training"
    VALIDATION = "validation"
    SAVING = "saving"


@dataclass(frozen=True, slots=True)
class PhaseMemory:
    """What a phase needs at most, on each GPU and in RAM."""

    phase: Phase
    gpu: Estimate
    """GiB, as nvidia-smi shows it for the trainer."""
    ram: Estimate
    """GiB, of the process."""
    parts: Mapping[str, Estimate]
    """GiB of GPU memory, by what holds it; they add up to `gpu`."""


CONTEXT_GIB = Estimate(0.4, 0.5, 0.8)
"""The CUDA context and loaded kernels.

What a process held beside torch's memory when it ran out: 0.47 GiB on an RTX 4090
(huggingface/diffusers#8560), 0.50 GiB on an A100 (#10120). Newer GPUs load more kernels.
"""
WORKSPACES_GIB = Estimate(0.008, 0.02, 0.07)
"""Of cuBLAS and cuBLASLt, in torch's memory: 8 MiB, on Hopper 32 MiB each."""
FRAGMENTATION = Estimate(0.0, 0.025, 0.08)
"""What torch has reserved beyond its tensors, as a share of them: 1.6 % and 2.6 % there."""
COUNTED = Estimate(0.95, 1.06, 1.25)
"""Activations on a GPU over those that were counted.

SimpleTuner's own sweep of SD3.5 Medium and SD 1.5 on H100 and L40S (reported_memory.json), less
weights, adapter and workspaces, lies 8 to 15 % above the count; it had a dropout of 0.1, whose
masks weigh something, and tuner.yaml asks for none.
"""
FP8_ACTIVATIONS = Estimate(2.2, 2.6, 3.1)
"""Layers with scaled fp8 inputs keep several forms of each input: same sweep, fp8-torchao."""
FLOAT32_ACTIVATIONS = Estimate(1.3, 1.7, 2.0)
"""Without autocast: some tensors are in float32 anyway, the others double."""
CONVOLUTION_GIB = Estimate(0.0, 0.25, 1.0)
"""Workspace of cuDNN for an image of 1024 px. Assumed: its choice is made on the GPU."""
PROCESS_RAM_GIB = Estimate(1.0, 3.0, 7.0)
"""Python with torch, diffusers and the data loader: 1.1 GiB on a CPU with the tiny model (n = 5);
CUDA's libraries and its context take more."""
COPIES_IN_RAM = Estimate(1.0, 1.3, 2.2)
"""Weights on their way through RAM: mapped files, cast to 16 bits, at worst both at once.

Assumed; the trainer's documentation names 50 GB for all of it, which is above this.
"""

_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")


def estimate_memory(shape: TrainingShape) -> tuple[PhaseMemory, ...]:
    """Estimate every phase, in the order in which they run.

    Raises:
        ValueError: the model or the method was never counted.
    """
    if shape.model not in MODELS:
        message = f"nothing was counted of {shape.model}"
        raise ValueError(message)
    parts = {
        Phase.CAPTIONS: _caption_parts(shape),
        Phase.IMAGES: _image_parts(shape),
        Phase.LOADING: _loading_parts(shape),
        Phase.TRAINING: _training_parts(shape),
        Phase.VALIDATION: _validation_parts(shape),
        Phase.SAVING: _resident_parts(shape),
    }
    if shape.num_prompts == 0:
        del parts[Phase.VALIDATION]
    ram = _ram(shape)
    return tuple(_phase(phase, found, ram[phase]) for phase, found in parts.items())


def peak(phases: Sequence[PhaseMemory]) -> PhaseMemory:
    """Return the phase whose upper end is highest."""
    return max(phases, key=lambda found: found.gpu.high)


def corrected(
    phases: Sequence[PhaseMemory], measured_gib: Mapping[Phase, float]
) -> tuple[PhaseMemory, ...]:
    """Put measured values in the place of estimates; their bar is 5 % either way.

    Args:
        phases: what was estimated.
        measured_gib: GPU memory as nvidia-smi showed it, of the phases that ran.
    """
    return tuple(
        _measured(found, measured_gib[found.phase]) if found.phase in measured_gib else found
        for found in phases
    )


def _measured(found: PhaseMemory, gib: float) -> PhaseMemory:
    gpu = around(gib, low=0.95, high=1.05)
    return PhaseMemory(found.phase, gpu, found.ram, MappingProxyType({"measured": gpu}))


def _phase(phase: Phase, parts: Mapping[str, Estimate], ram: Estimate) -> PhaseMemory:
    tensors = {name: size * (1 / GIB) for name, size in parts.items()}
    overhead = total(tensors.values()) * FRAGMENTATION
    every = {
        **tensors,
        "matrix workspaces": WORKSPACES_GIB,
        "fragmentation": overhead,
        "CUDA context": CONTEXT_GIB,
    }
    return PhaseMemory(phase, total(every.values()), ram, MappingProxyType(every))


# ---------------------------------------------------------------- bytes on the GPU


def _caption_parts(shape: TrainingShape) -> dict[str, Estimate]:
    return {
        **_preparing_parts(shape),
        "one caption": around(measured.text_bytes(shape.model), low=1.0, high=2.0),
    }


def _image_parts(shape: TrainingShape) -> dict[str, Estimate]:
    one = measured.vae_bytes(
        shape.model, "vae-encode", shape.resolution_px, tiling=shape.vae_tiling
    )
    # Tiles are cut from one image after the other; without them the batch runs at once.
    images = around(one * shape.vae_batch_size * _precision(shape), low=0.9, high=1.3)
    preparing = _preparing_parts(shape)
    if shape.offloads_encoders:
        del preparing["text encoders"]
    return {
        **preparing,
        "images": images,
        "convolutions": _convolutions(shape, shape.resolution_px),
    }


def _preparing_parts(shape: TrainingShape) -> dict[str, Estimate]:
    encoders = sum(_encoder_bytes(shape, part) for part in _ENCODERS)
    return {
        "text encoders": Estimate.exact(encoders),
        "autoencoder": Estimate.exact(_vae_weights(shape)),
    }


def _encoder_bytes(shape: TrainingShape, part: str) -> float:
    kind = shape.text_encoder_3_quantization if part == "text_encoder_3" else "none"
    scale = _precision(shape) if kind == "none" else 1
    return measured.weight_bytes(shape.model, part, kind) * scale


def _vae_weights(shape: TrainingShape) -> float:
    return measured.weight_bytes(shape.model, "vae", "none") * _precision(shape)


def _precision(shape: TrainingShape) -> int:
    """Return how many times 16 bits a plain weight takes."""
    return 1 if shape.mixed_precision == "bf16" else 2


def _convolutions(shape: TrainingShape, resolution_px: int) -> Estimate:
    if shape.model.startswith("tiny"):
        return CONVOLUTION_GIB * 0.0
    return CONVOLUTION_GIB * (GIB * (resolution_px / 1024) ** 2)


def _loading_parts(shape: TrainingShape) -> dict[str, Estimate]:
    resident = base_bytes(shape)
    if shape.quantization in ("none", "nf4-bnb") or shape.quantizes_on_cpu:
        return {"base model": Estimate.exact(resident)}
    whole = measured.weight_bytes(shape.model, "denoiser", "none")
    # Layer by layer, the copy in 8 bits grows while the one in 16 bits shrinks.
    return {"base model": Estimate(whole, whole, whole + 0.3 * resident)}


def base_bytes(shape: TrainingShape) -> float:
    """Return the size of the base model while it is trained."""
    size = measured.weight_bytes(shape.model, "denoiser", shape.quantization)
    return size if shape.quantization != "none" else size * _precision(shape)


def adapter_bytes(shape: TrainingShape) -> float:
    """Return the size of what is trained beside the base model; 0 with a full fine-tune."""
    is_full = shape.method == "full"
    return 0.0 if is_full else measured.trained_values(shape) * _trained_bytes(shape)


def _trained_bytes(shape: TrainingShape) -> int:
    """Return the bytes of a trained value.

    Beside quantized layers an adapter stays in float32 unless the optimizer wants 16 bits
    (trainer.py:4192); otherwise it is cast with the model (:5595).
    """
    if shape.mixed_precision != "bf16":
        return 4
    return 4 if shape.quantization != "none" and shape.optimizer != "adamw_bf16" else 2


def optimizer_bytes(shape: TrainingShape) -> Estimate:
    """Return the size of the optimizer's state."""
    return state_bytes(shape.optimizer, _trained_bytes(shape)) * measured.trained_values(shape)


def _resident_parts(shape: TrainingShape) -> dict[str, Estimate]:
    """List what stays on the GPU from the first step on."""
    values, size = measured.trained_values(shape), _trained_bytes(shape)
    # Freed after a step, and so absent from a picture or a checkpoint, unless accumulated.
    gradients = Estimate(0.0 if shape.gradient_accumulation_steps == 1 else size, size, size)
    copies = size if shape.num_gpus > 1 else 0  # buckets that are sent between GPUs
    return {
        "base model": Estimate.exact(base_bytes(shape)),
        "adapter": Estimate.exact(adapter_bytes(shape)),
        "gradients": (gradients + Estimate.exact(copies)) * values,
        "optimizer state": optimizer_bytes(shape),
    }


def _training_parts(shape: TrainingShape) -> dict[str, Estimate]:
    step = step_bytes(_trained_bytes(shape)) * measured.trained_values(shape)
    forward = activation_bytes(shape)
    return {
        **_resident_parts(shape),
        # The step begins when the activations are gone.
        "activations, or the optimizer's step": largest((forward, step)),
    }


def activation_bytes(shape: TrainingShape) -> Estimate:
    """Return the activations of one batch on a GPU."""
    counted = COUNTED * measured.step_of(shape).activation_bytes
    if shape.mixed_precision != "bf16":
        counted = counted * FLOAT32_ACTIVATIONS
    return counted * FP8_ACTIVATIONS if shape.quantization == "fp8-torchao" else counted


def _validation_parts(shape: TrainingShape) -> dict[str, Estimate]:
    size = shape.validation_resolution_px
    decoding = measured.vae_bytes(shape.model, "vae-decode", size, tiling=shape.vae_tiling)
    denoising = measured.validation_bytes(shape.model, size)
    is_drawing = around(denoising * _precision(shape), low=0.9, high=1.5)
    is_decoding = around(decoding * _precision(shape), low=0.9, high=1.3)
    return {
        **_resident_parts(shape),
        "autoencoder": Estimate.exact(_vae_weights(shape)),
        "pictures": largest((is_drawing, is_decoding)),
        "convolutions": _convolutions(shape, size),
    }


# ------------------------------------------------------------------------------ RAM


def _ram(shape: TrainingShape) -> Mapping[Phase, Estimate]:
    """Estimate the process in RAM; weights pass through it on their way to the GPU."""
    encoders = [measured.weight_bytes(shape.model, part, "none") for part in _ENCODERS]
    kept = _encoder_bytes(shape, "text_encoder_3") if _is_small_t5(shape) else 0
    waiting = sum(encoders) / GIB if shape.offloads_encoders else 0
    whole = measured.weight_bytes(shape.model, "denoiser", "none") * _precision(shape)
    trained = (measured.trained_values(shape) * _trained_bytes(shape)) / GIB
    states = optimizer_bytes(shape) * (1 / GIB)
    process, images = PROCESS_RAM_GIB, Estimate(0.2, 0.5, 2.0)
    return {
        Phase.CAPTIONS: process + COPIES_IN_RAM * ((max(encoders) + kept) / GIB),
        Phase.IMAGES: process + images + Estimate.exact(waiting),
        Phase.LOADING: process + COPIES_IN_RAM * (whole / GIB),
        Phase.TRAINING: process + Estimate(0, 0, whole / GIB),
        Phase.VALIDATION: process + images,
        Phase.SAVING: process + Estimate(0.5, 1, 2) * trained + Estimate(0, 1, 1) * states,
    }


def _is_small_t5(shape: TrainingShape) -> bool:
    return shape.text_encoder_3_quantization != "none"
