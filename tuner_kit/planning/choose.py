"""Choose settings that fit into a GPU, and say what was given up for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from tuner_kit.planning.estimate import Estimate
from tuner_kit.planning.memory import Phase, estimate_memory
from tuner_kit.planning.shape import TrainingShape

RESERVED_GIB = 0.36
"""What the driver keeps of what it reports: 23.64 of 23.99 GiB on an RTX 4090
(huggingface/diffusers#8560), 11.76 of 12.0 on an RTX 3060 (kohya-ss/sd-scripts#648)."""
FOUR_BIT_CAPABILITY = (7, 0)
"""Older GPUs have no tensor cores, which the unpacked layers are computed with."""
SMALLEST_PX = 512
_LAST = -1
"""Stands for no rung: a sentence of its own."""

type Rung = tuple[TrainingShape, str]
"""Smaller settings, and the sentence that says what the wish lost."""
type Step = tuple[int, TrainingShape, str]
"""A rung that was taken, with its place on the ladder; -1 is the wish."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings for a GPU."""

    shape: TrainingShape
    options: Mapping[str, str | bool]
    """Further options of the trainer, by its names, that the shape stands for."""
    given_up: tuple[str, ...]
    """What the wish lost, one sentence each."""
    fits: bool
    """At the upper end of the estimate, or at least at the likely one, as a sentence says."""


def choose_settings(
    wish: TrainingShape,
    *,
    memory_gib: float,
    compute_capability: tuple[int, int] | None,
    effective_batch_size: int,
) -> Choice:
    """Walk down from a wish until every phase fits.

    A step that doesn't help a phase that is too large is left out. The upper end of the estimate
    must fit; where it never does, the first settings whose likely memory fits are taken.

    Args:
        wish: what one would take if memory were no matter.
        memory_gib: of the GPU, as its driver reports it.
        compute_capability: None where unknown.
        effective_batch_size: images of a step, which is kept.

    Raises:
        ValueError: the model was never counted.
    """
    limit = memory_gib - RESERVED_GIB
    path = list(_descend(wish, limit, compute_capability, effective_batch_size))
    shape = path[-1][1]
    if not _too_large(shape, limit):
        return _choice(path, fits=True)
    for end in range(1, len(path) + 1):
        shape = path[end - 1][1]
        if all(found.likely <= limit for found in _sizes(shape).values()):
            return _choice([*path[:end], (_LAST, shape, _close(limit))], fits=True)
    return _choice(path, fits=False)


def _close(limit: float) -> str:
    return (
        f"It is likely to fit into {limit:.1f} GiB, but not certain: if memory runs out, choose a "
        "smaller base model or a larger GPU."
    )


def _choice(path: list[Step], *, fits: bool) -> Choice:
    shape = path[-1][1]
    # Of a rung that was taken twice, the last sentence says all.
    sentences = {index: sentence for index, _, sentence in path if sentence}
    return Choice(shape, trainer_options(shape), tuple(sentences.values()), fits)


def trainer_options(shape: TrainingShape) -> Mapping[str, str | bool]:
    """Name the trainer's options that no key of tuner.yaml stands for."""
    options: dict[str, str | bool] = {}
    if shape.vae_tiling:
        options["vae_enable_tiling"] = True
    if shape.offloads_encoders:
        options["offload_during_startup"] = True
    if shape.quantizes_on_cpu:
        options["quantize_via"] = "cpu"
    return MappingProxyType(options)


def _descend(
    wish: TrainingShape,
    limit: float,
    capability: tuple[int, int] | None,
    effective_batch_size: int,
) -> Iterator[Step]:
    """Yield the wish and every step down that helps, until all fits."""
    shape = wish
    yield -1, wish, ""
    for index, rung in enumerate(_rungs(wish, capability, effective_batch_size)):
        too_large = _too_large(shape, limit)
        while too_large:
            found = rung(shape)
            if found is None or not _helps(too_large, found[0]):
                break
            shape = found[0]
            yield index, *found
            too_large = _too_large(shape, limit)


def _sizes(shape: TrainingShape) -> dict[Phase, Estimate]:
    return {found.phase: found.gpu for found in estimate_memory(shape)}


def _too_large(shape: TrainingShape, limit: float) -> dict[Phase, Estimate]:
    return {phase: size for phase, size in _sizes(shape).items() if size.high > limit}


def _helps(too_large: Mapping[Phase, Estimate], shape: TrainingShape) -> bool:
    sizes = _sizes(shape)
    return any(sizes[phase].high < size.high - 0.01 for phase, size in too_large.items())


# ---------------------------------------------------------------- the steps, in their order


def _rungs(
    wish: TrainingShape, capability: tuple[int, int] | None, effective_batch_size: int
) -> tuple[Callable[[TrainingShape], Rung | None], ...]:
    """List the steps: what costs time first, then what costs quality, resolution last."""
    has_four_bits = capability is None or capability >= FOUR_BIT_CAPABILITY
    return (
        lambda shape: _smaller_batch(shape, wish, effective_batch_size),
        _checkpointing,
        _vae_batch,
        _offload,
        _vae_tiles,
        _small_t5,
        _on_cpu,
        _small_optimizer,
        _int8,
        lambda shape: _smaller_pictures(shape, wish),
        lambda shape: _four_bits(shape) if has_four_bits else None,
        lambda shape: _lower_resolution(shape, wish),
    )


def _smaller_batch(
    shape: TrainingShape, wish: TrainingShape, effective_batch_size: int
) -> Rung | None:
    if shape.train_batch_size == 1:
        return None
    batch = shape.train_batch_size // 2
    accumulated = max(1, round(effective_batch_size / (batch * shape.num_gpus)))
    smaller = replace(shape, train_batch_size=batch, gradient_accumulation_steps=accumulated)
    return smaller, (
        f"Batches of {batch} instead of {wish.train_batch_size}, {accumulated} of them summed: "
        "slower, and the same result."
    )


def _checkpointing(shape: TrainingShape) -> Rung | None:
    if shape.gradient_checkpointing:
        return None
    return replace(shape, gradient_checkpointing=True), (
        "Activations are computed twice instead of kept (gradient checkpointing): a third slower, "
        "and the same result."
    )


def _vae_batch(shape: TrainingShape) -> Rung | None:
    if shape.vae_batch_size == 1:
        return None
    return replace(shape, vae_batch_size=1), (
        f"Images are encoded one by one instead of {shape.vae_batch_size} at once: slower, once."
    )


def _offload(shape: TrainingShape) -> Rung | None:
    if shape.offloads_encoders:
        return None
    return replace(shape, offloads_encoders=True), (
        "The text encoders wait in RAM while images are encoded: some seconds, once."
    )


def _vae_tiles(shape: TrainingShape) -> Rung | None:
    if shape.vae_tiling:
        return None
    return replace(shape, vae_tiling=True), (
        "Large images go through the autoencoder in tiles: seams can show in rare cases."
    )


def _small_t5(shape: TrainingShape) -> Rung | None:
    if shape.family != "sd3" or shape.text_encoder_3_quantization != "none":
        return None
    return replace(shape, text_encoder_3_quantization="int8-quanto"), (
        "The large text encoder (T5) reads captions in 8 bits: nearly the same embeddings."
    )


def _on_cpu(shape: TrainingShape) -> Rung | None:
    is_manual = shape.quantization not in ("none", "nf4-bnb")
    if not is_manual or shape.quantizes_on_cpu:
        return None
    return replace(shape, quantizes_on_cpu=True), (
        "The base model is quantized on the CPU: it starts a minute or more later, and needs RAM."
    )


def _small_optimizer(shape: TrainingShape) -> Rung | None:
    """Keep the optimizer's state in 8 bits, where it is as large as the model."""
    if shape.method != "full" or shape.optimizer.startswith("bnb-"):
        return None
    return replace(shape, optimizer="bnb-adamw8bit"), (
        f"The optimizer keeps its state in 8 bits (bnb-adamw8bit instead of {shape.optimizer})."
    )


def _int8(shape: TrainingShape) -> Rung | None:
    if shape.method == "full" or shape.quantization != "none":
        return None
    return replace(shape, quantization="int8-quanto", quantizes_on_cpu=True), (
        "The frozen base model is held in 8 bits (int8-quanto): slower, and slightly less precise."
    )


def _four_bits(shape: TrainingShape) -> Rung | None:
    if shape.method == "full" or shape.quantization == "nf4-bnb":
        return None
    return replace(shape, quantization="nf4-bnb", quantizes_on_cpu=False), (
        "The frozen base model is held in 4 bits (nf4-bnb): fine details and colors can suffer."
    )


def _smaller_pictures(shape: TrainingShape, wish: TrainingShape) -> Rung | None:
    size = shape.validation_resolution_px // 64 * 3 // 4 * 64
    if shape.num_prompts == 0 or size < SMALLEST_PX:
        return None
    return replace(shape, validation_resolution_px=size), (
        f"Validation pictures have {size} px instead of {wish.validation_resolution_px}."
    )


def _lower_resolution(shape: TrainingShape, wish: TrainingShape) -> Rung | None:
    lower = next((size for size in (768, 512) if size < shape.resolution_px), None)
    if lower is None:
        return None
    return replace(shape, resolution_px=lower), (
        f"Images are trained on at {lower} px instead of {wish.resolution_px}: fewer details."
    )
