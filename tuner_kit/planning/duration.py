"""How long a training takes on a GPU.

A step takes as long as the slower of two: the CPU starting its operations one by one, or the GPU
computing them. The GPU's share is matrix products at a part of its peak, plus the reading and
writing of activations between them, which grows with the same operations. Calibrated by two
public runs of the trainer on H100 and L40S (reported_memory.json).
"""

from dataclasses import dataclass
from statistics import median

from tuner_kit.catalog.gpus import GPUS, GpuProfile
from tuner_kit.planning import measured
from tuner_kit.planning.estimate import Estimate, largest, total
from tuner_kit.planning.memory import GIB, adapter_bytes, base_bytes, optimizer_bytes
from tuner_kit.planning.shape import TrainingShape

PEAK_SHARE = 0.8
"""Of the tensor cores' peak, in large matrix products."""
GB_PER_TFLOP = 5.8
"""Memory traffic between them: what is left of 1.607 s on an L40S (181 TFLOPS, 864 GB/s)."""
BAR = Estimate(0.75, 1.1, 2.1)
"""Over the time that the two shares give. Its upper end is what the H100 of the sweep needed."""
HOPPER = (9, 0)
HOPPER_BAR = Estimate(1.2, 1.9, 2.6)
"""The same on an H100, which took 2.0 times as long: the trainer's kernels don't fill it."""
SECONDS_PER_OPERATION = Estimate(15e-6, 45e-6, 90e-6)
"""Starting one kernel from Python: 43 and 49 us in the runs of SD 1.5, which small GPU work
cannot hide. A fast processor needs a third."""
QUANTIZED = {
    "none": Estimate(1.0, 1.0, 1.0),
    # The sweep of Krea 2 on H100 says 1.24 to 1.5; quanto unpacks in the same way.
    "int8-torchao": Estimate(1.1, 1.3, 1.6),
    "int8-quanto": Estimate(1.0, 1.3, 2.0),
    # 2.04 and 2.18 in the sweep of SD3.5 Medium.
    "fp8-torchao": Estimate(1.6, 2.1, 2.4),
    # Unpacks as quanto does; nobody has published how long this takes here.
    "nf4-bnb": Estimate(1.0, 1.3, 2.2),
}
"""Time of a step over that of a plain one."""
FLOAT32 = Estimate(2.0, 4.0, 10.0)
"""Without tensor cores in 16 bits: TF32 at best, plain units at worst."""

STARTUP_SECONDS = Estimate(25, 60, 150)
"""Imports, the data's buckets, the Hub: 32 s for the imports on two slow cores."""
DISK_GB_PER_SECOND = Estimate(0.15, 1.0, 3.0)
"""A hard disk or network drive, an SSD, a fast SSD."""
# The rest is assumed and has a bar to match: it is small beside training and drawing.
SECONDS_PER_CAPTION = Estimate(0.01, 0.04, 0.2)
SECONDS_PER_IMAGE = Estimate(0.03, 0.15, 0.8)
"""Reading, scaling and writing; a photograph of 24 MP needs longest."""
SECONDS_PER_CHECKPOINT = Estimate(1, 3, 15)
QUANTIZING_SECONDS = Estimate(1, 6, 40)
"""For each billion parameters: on a GPU, or on a CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How much is to be done."""

    num_steps: int
    """Optimizer steps."""
    num_images: int
    """To encode; 0 where the cache has them all."""
    num_captions: int
    num_validations: int
    num_checkpoints: int
    num_inference_steps: int = 28


def seconds_per_step(shape: TrainingShape, gpu: GpuProfile) -> Estimate:
    """Estimate one optimizer step, all its accumulated batches included.

    Args:
        shape: the training.
        gpu: one of them; of a mere size, all known GPUs of that size are meant.
    """
    step = measured.step_of(shape)
    slowdown = QUANTIZED[shape.quantization]
    computing = _gpu_seconds(step.flops, gpu) * _precision(shape)
    starting = SECONDS_PER_OPERATION * step.num_operations
    return largest((computing, starting)) * slowdown * shape.gradient_accumulation_steps


def estimate_hours(shape: TrainingShape, gpu: GpuProfile, work: Workload) -> Estimate:
    """Estimate a whole run, from the command to the last checkpoint."""
    return total(phase_hours(shape, gpu, work).values())


def phase_hours(shape: TrainingShape, gpu: GpuProfile, work: Workload) -> dict[str, Estimate]:
    """Estimate each phase of a run, in hours."""
    seconds = {
        "captions": _caption_seconds(shape, gpu) * work.num_captions,
        "images": _image_seconds(shape, gpu) * work.num_images,
        "loading": _loading_seconds(shape),
        "training": seconds_per_step(shape, gpu) * work.num_steps,
        "validation": _validation_seconds(shape, gpu, work) * work.num_validations,
        "saving": _saving_seconds(shape) * work.num_checkpoints,
    }
    return {name: found * (1 / 3600) for name, found in seconds.items()}


def _gpu_seconds(flops: float, gpu: GpuProfile) -> Estimate:
    times = [_bar_of(each) * _ideal_seconds(flops, each) for each in _meant(gpu)]
    return Estimate(
        min(time.low for time in times),
        median(time.likely for time in times),
        max(time.high for time in times),
    )


def _bar_of(gpu: GpuProfile) -> Estimate:
    return HOPPER_BAR if gpu.compute_capability == HOPPER else BAR


def _ideal_seconds(flops: float, gpu: GpuProfile) -> float:
    peak, bandwidth = gpu.bf16_tflops or 0.0, gpu.bandwidth_gb_s or 0.0
    return flops / 1e12 * (1 / (PEAK_SHARE * peak) + GB_PER_TFLOP / bandwidth)


def _meant(gpu: GpuProfile) -> tuple[GpuProfile, ...]:
    """Return the GPU, or those of about its memory where its speed is unknown."""
    if gpu.bf16_tflops and gpu.bandwidth_gb_s:
        return (gpu,)
    known = [each for each in GPUS if each.bf16_tflops and each.bandwidth_gb_s]
    distance = min(abs(each.memory_gib / gpu.memory_gib - 1) for each in known)
    reach = max(distance, 0.1)
    return tuple(
        each for each in known if abs(each.memory_gib / gpu.memory_gib - 1) <= reach + 1e-9
    )


def _precision(shape: TrainingShape) -> Estimate:
    return Estimate.exact(1.0) if shape.mixed_precision == "bf16" else FLOAT32


def _caption_seconds(shape: TrainingShape, gpu: GpuProfile) -> Estimate:
    return _gpu_seconds(measured.text_flops(shape.model), gpu) + SECONDS_PER_CAPTION


def _image_seconds(shape: TrainingShape, gpu: GpuProfile) -> Estimate:
    flops = measured.vae_flops(shape.model, "vae-encode", shape.resolution_px)
    return _gpu_seconds(flops, gpu) + SECONDS_PER_IMAGE


def _loading_seconds(shape: TrainingShape) -> Estimate:
    parts = ("denoiser", "vae", "text_encoder", "text_encoder_2", "text_encoder_3")
    size = sum(measured.weight_bytes(shape.model, part, "none") for part in parts)
    reading = _reading(Estimate.exact(size))
    billions = measured.num_values(shape.model, "denoiser") / 1e9
    quantizing = QUANTIZING_SECONDS * (0.0 if shape.quantization == "none" else billions)
    return STARTUP_SECONDS + reading + quantizing


def _reading(size: Estimate) -> Estimate:
    speed = DISK_GB_PER_SECOND
    return Estimate(
        size.low / 1e9 / speed.high, size.likely / 1e9 / speed.likely, size.high / 1e9 / speed.low
    )


def _validation_seconds(shape: TrainingShape, gpu: GpuProfile, work: Workload) -> Estimate:
    size = shape.validation_resolution_px
    denoising = measured.validation_flops(shape.model, size) * work.num_inference_steps
    decoding = measured.vae_flops(shape.model, "vae-decode", size)
    picture = _gpu_seconds(denoising + decoding, gpu) * QUANTIZED[shape.quantization]
    return (picture + SECONDS_PER_IMAGE) * _precision(shape) * shape.num_prompts


def _saving_seconds(shape: TrainingShape) -> Estimate:
    return SECONDS_PER_CHECKPOINT + _reading(checkpoint_gib(shape) * GIB)


def checkpoint_gib(shape: TrainingShape) -> Estimate:
    """Estimate one checkpoint on disk, in GiB: what is trained and the optimizer's state."""
    trained = base_bytes(shape) if shape.method == "full" else adapter_bytes(shape)
    # An adapter is written in 16 or 32 bits.
    return (Estimate(1, 1, 2) * trained + optimizer_bytes(shape)) * (1 / GIB)
