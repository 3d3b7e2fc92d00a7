"""What a run takes, and whether this machine, or the GPU that is named, has it."""

from collections.abc import Iterator, Sequence

import psutil

from tuner_kit.catalog.gpus import GpuProfile, find_gpu
from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity
from tuner_kit.planning.choose import RESERVED_GIB
from tuner_kit.planning.duration import Workload
from tuner_kit.planning.memory import peak
from tuner_kit.planning.shape import TrainingShape, model_of
from tuner_kit.preflight.base_model import resolve_base_model
from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.preflight.dataset_plan import plan_of
from tuner_kit.preflight.model_rules import is_local_folder
from tuner_kit.preflight.run_costs import RunCosts, RunFiles, estimate_costs, format_gib
from tuner_kit.preflight.target_gpu import LocalGpus
from tuner_kit.simpletuner.training_files import count_train_steps

_GPU = ("hardware", "gpu")
_NOT_PLANNED = (
    "enable_chunked_feed_forward",
    "gradient_checkpointing_offload_attention",
    "musubi_blocks_to_swap",
    "optimizer_cpu_offload_method",
    "ramtorch",
)
"""Options of the trainer that save memory and are not in the plan: it may be too high with them."""
_GIB = 2**30
_MIB_PER_GIB = 1024


def target_gpu(file: ConfigFile, local: LocalGpus) -> GpuProfile | None:
    """Give the GPU that the run is planned for; None for a CPU, or an unknown one."""
    named = file.config.hardware.gpu
    return local.profile if named is None else find_gpu(named)


def plan_costs(
    file: ConfigFile, datasets: Sequence[ExaminedDataset], gpu: GpuProfile | None
) -> RunCosts | None:
    """Estimate what a run takes; None where the model is unknown, or a dataset can't be read.

    Args:
        file: without errors.
        datasets: those that could be read.
        gpu: what trains; None for a CPU.
    """
    shape = _shape_of(file)
    if shape is None or len(datasets) != len(file.config.datasets):
        return None
    plans = [plan_of(dataset) for dataset in datasets]
    files = RunFiles(
        latent_cache_bytes=sum(plan.latent_cache_bytes for plan in plans),
        text_cache_bytes=sum(plan.text_cache_bytes for plan in plans),
        checkpoints_total_limit=file.config.training.checkpoints_total_limit,
        downloads=not is_local_folder(resolve_base_model(file), file),
    )
    return estimate_costs(shape, _workload(file, datasets), gpu, files)


def _shape_of(file: ConfigFile) -> TrainingShape | None:
    config = file.config
    base = config.model.base
    model = model_of(base, config.model.family) or model_of(
        resolve_base_model(file), config.model.family
    )
    if model is None:
        return None
    training, trainer = config.training, config.simpletuner
    return TrainingShape(
        model=model,
        method=training.method,
        rank=config.lora.rank,
        quantization=config.model.quantization,
        text_encoder_3_quantization=config.model.text_encoder_3_quantization,
        optimizer=training.optimizer,
        mixed_precision=training.mixed_precision,
        resolution_px=max(dataset.resolution_px for dataset in config.datasets),
        train_batch_size=training.train_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        gradient_checkpointing=training.gradient_checkpointing,
        vae_batch_size=training.vae_batch_size,
        validation_resolution_px=config.validation.resolution_px,
        num_prompts=len(config.validation.prompts),
        vae_tiling=trainer.get("vae_enable_tiling") is True,
        num_gpus=config.hardware.num_gpus,
        quantizes_on_cpu=trainer.get("quantize_via") == "cpu",
        offloads_encoders=trainer.get("offload_during_startup") is True,
    )


def _workload(file: ConfigFile, datasets: Sequence[ExaminedDataset]) -> Workload:
    training, validation = file.config.training, file.config.validation
    parts = [part for dataset in datasets for part in dataset.parts]
    steps = count_train_steps(file.config, [part.buckets for part in parts])
    captions = frozenset().union(*(part.captions for part in parts))
    return Workload(
        num_steps=steps,
        num_images=sum(part.buckets.num_images for part in parts),
        num_captions=len(captions) + 1,
        num_validations=1 + steps // validation.validation_steps if validation.prompts else 0,
        num_checkpoints=max(1, steps // training.checkpointing_steps),
        num_inference_steps=validation.num_inference_steps,
    )


def check_resources(file: ConfigFile, costs: RunCosts, gpu: GpuProfile | None) -> Iterator[Problem]:
    """Compare what a run takes with what there is.

    Args:
        file: the configuration.
        costs: what the run takes.
        gpu: what trains; None for a CPU.
    """
    if gpu is not None:
        yield from _check_gpu_memory(file, costs, gpu)
    if file.config.hardware.gpu is None:  # the RAM of another machine is not known
        yield from _check_ram(costs)


def _check_gpu_memory(file: ConfigFile, costs: RunCosts, gpu: GpuProfile) -> Iterator[Problem]:
    """M05: the trainer runs out of memory only when a phase begins, after minutes."""
    room_gib = gpu.memory_gib - RESERVED_GIB
    surely = [phase for phase in costs.phases if phase.gpu.low > room_gib]
    largest = peak(surely or costs.phases)
    if largest.gpu.high <= room_gib:
        return
    is_certain = bool(surely) and not any(map(file.config.simpletuner.get, _NOT_PLANNED))
    verb = "needs" if is_certain else "may need"
    yield Problem(
        id="M05",
        severity=Severity.ERROR if is_certain else Severity.WARNING,
        what=f"{largest.phase} {verb} {format_gib(largest.gpu)} of GPU memory, and {gpu.name} "
        f"has {gpu.memory_gib:.1f}",
        where=file.source.locate(_GPU),
        fix="let `tuner-kit init` choose settings for this GPU, name another one in hardware.gpu, "
        "or measure with `tuner-kit check --probe`",
    )


def _check_ram(costs: RunCosts) -> Iterator[Problem]:
    """M06: the kernel kills what takes more, without a word."""
    total_gib = psutil.virtual_memory().total / _GIB
    needed = costs.ram_gib
    if needed.likely <= total_gib:
        return
    yield Problem(
        id="M06",
        severity=Severity.WARNING,
        what=f"the trainer is likely to need {format_gib(needed)} of RAM, and this machine has "
        f"{total_gib:.0f}",
        where="this machine",
        fix="close other programs, add swap space, or train on a machine with more memory",
    )


def needed_disk_mib(costs: RunCosts) -> int:
    """Give the disk space that a run is likely to need, in MiB."""
    return round(costs.disk_gib.likely * _MIB_PER_GIB)
