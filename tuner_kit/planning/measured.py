"""What was counted at full size: weights, activations and operations of every model.

tools/measure_memory.py runs the real classes without data and writes measured_memory.json. A
row is one setting; between rows, bytes and operations follow from batch, tokens and rank.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tuner_kit.planning.shape import TrainingShape

type Row = Mapping[str, object]

MEASURED_PATH = Path(__file__).with_name("measured_memory.json")
REFERENCE = "sd3.5-medium"
"""Every setting of it was counted; gaps of other models are filled in proportion to it."""
_SHARED_PARTS = MappingProxyType({"sd3-medium": REFERENCE, "sd3.5-large": REFERENCE})
"""Stable Diffusion 3 and 3.5 have the same autoencoder and text encoders in every size."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one forward and backward pass of one batch needs."""

    activation_bytes: float
    """Most bytes at once beside weights, gradients and the optimizer's state."""
    flops: float
    num_operations: float
    """GPU kernels, nearly."""


@cache
def load_rows() -> tuple[Row, ...]:
    """Read every row; the file is part of the package and never changes while it runs."""
    rows = json.loads(MEASURED_PATH.read_text(encoding="utf-8"))["rows"]
    return tuple(MappingProxyType(row) for row in rows)


@cache
def rows_of(model: str, what: str) -> tuple[Row, ...]:
    """Return the rows of one kind: `part`, `training`, `validation`, `text`, `vae-encode`..."""
    return tuple(row for row in load_rows() if (row["model"], row["what"]) == (model, what))


def weight_bytes(model: str, part: str, quantization: str) -> int:
    """Return the size of a part; 0 for one that the model doesn't have.

    Args:
        model: as the plan names it.
        part: `denoiser`, `vae`, `text_encoder`, `text_encoder_2` or `text_encoder_3`.
        quantization: of its linear layers; the rest is in 16 bits.
    """
    for row in _rows(model, "part", part=part):
        sizes = row["bytes"]
        return int(sizes[quantization]) if isinstance(sizes, Mapping) else 0
    return 0


def num_values(model: str, part: str) -> int:
    """Return the number of a part's parameters; 0 for one that the model doesn't have."""
    return sum(int(_number(row, "values")) for row in _rows(model, "part", part=part))


def trained_values(shape: TrainingShape) -> float:
    """Return how many values are trained."""
    if shape.method == "full":
        return num_values(shape.model, "denoiser")
    for row in _rows(shape.model, "training", method=shape.method):
        per_rank = shape.rank / _number(row, "rank") if shape.method == "lora" else 1
        return _number(row, "trained_values") * per_rank
    message = f"nothing was counted of {shape.model} by {shape.method}"
    raise ValueError(message)


def step_of(shape: TrainingShape) -> Step:
    """Return what a pass needs: exact for a counted setting, else by what it grows with."""
    quantization = _simulated(shape.quantization) if shape.method == "lora" else "none"
    return Step(
        activation_bytes=_grown(shape, quantization, "peak_bytes", _BYTES),
        # Of plain layers: the time model has a factor for quantized ones.
        flops=_grown(shape, "none", "flops", _FLOPS),
        num_operations=_grown(shape, "none", "num_operations", _CONSTANT),
    )


def _simulated(quantization: str) -> str:
    # fp8 with scaled inputs has no form that runs here: memory.py scales the plain one.
    return "none" if quantization == "fp8-torchao" else quantization


def validation_bytes(model: str, resolution_px: int) -> float:
    """Return the activations of a picture that is drawn with guidance (two at once)."""
    return _by_pixels(_rows(model, "validation"), "peak_bytes", resolution_px)


def validation_flops(model: str, resolution_px: int) -> float:
    """Return the operations of one denoising step with guidance."""
    return _by_pixels(_rows(model, "validation"), "flops", resolution_px)


def vae_bytes(model: str, what: str, resolution_px: int, *, tiling: bool) -> float:
    """Return the activations of one image through the autoencoder.

    Args:
        model: as the plan names it.
        what: `vae-encode` or `vae-decode`.
        resolution_px: edge of a square of as many pixels.
        tiling: in tiles, whose size is the one that the autoencoder was made for.
    """
    rows = _rows(model, what, batch=1, tiling=tiling)
    return _by_pixels(rows, "peak_bytes", resolution_px)


def vae_flops(model: str, what: str, resolution_px: int) -> float:
    """Return the operations of one image through the autoencoder."""
    return _by_pixels(_rows(model, what, batch=1, tiling=False), "flops", resolution_px)


def text_bytes(model: str) -> float:
    """Return the activations of one caption in the encoder that needs most."""
    return max(_number(row, "peak_bytes") for row in _rows(model, "text"))


def text_flops(model: str) -> float:
    """Return the operations of one caption through every text encoder."""
    return sum(_number(row, "flops") for row in _rows(model, "text"))


def _rows(model: str, what: str, **values: object) -> Sequence[Row]:
    found = _matching(model, what, values)
    return found or _matching(_SHARED_PARTS.get(model, model), what, values)


def _matching(model: str, what: str, values: Mapping[str, object]) -> Sequence[Row]:
    rows = rows_of(model, what)
    return [row for row in rows if all(row[key] == values[key] for key in values)]


def _number(row: Row, key: str) -> float:
    value = row[key]
    if not isinstance(value, int | float):
        message = f"{MEASURED_PATH.name}: {key} = {value!r} is not a number"
        raise TypeError(message)
    return value


def _by_pixels(rows: Sequence[Row], key: str, resolution_px: int) -> float:
    """Go on from the next smaller counted size, in proportion to the number of pixels."""
    known = sorted(rows, key=lambda row: _number(row, "resolution_px"))
    below = [row for row in known if _number(row, "resolution_px") <= resolution_px]
    nearest = below[-1] if below else known[0]
    return _number(nearest, key) * (resolution_px / _number(nearest, "resolution_px")) ** 2


# ------------------------------------------------------------------ between the rows


def _tokens(shape: TrainingShape) -> float:
    return float(shape.num_tokens)


type Growth = tuple[Callable[[TrainingShape], float], ...]

_CONSTANT: Growth = (lambda _: 1.0,)
_BYTES: Growth = (
    lambda _: 1.0,
    lambda shape: shape.train_batch_size,
    lambda shape: shape.train_batch_size * _tokens(shape),
)
_RANK: Growth = (lambda shape: shape.train_batch_size * _tokens(shape) * shape.rank,)
_FLOPS: Growth = (
    lambda shape: shape.train_batch_size * _tokens(shape),
    lambda shape: shape.train_batch_size * _tokens(shape) ** 2,
    lambda shape: shape.train_batch_size,
)


def _grown(shape: TrainingShape, quantization: str, key: str, growth: Growth) -> float:
    """Evaluate what the counted rows of a setting grow with.

    Rows of another rank than the usual one exist of plain LoRAs alone; what a rank adds is
    the same in every format.
    """
    rows = _settings(shape.model, shape, quantization)
    if not rows:
        return _in_proportion(shape, quantization, key, growth)
    usual = [row for row in rows if row["rank"] == _USUAL_RANK]
    fitted = _fit(usual, shape, key, _determined(growth, usual))
    base = sum(value * term(shape) for value, term in zip(fitted, growth, strict=False))
    if shape.method != "lora" or growth is _CONSTANT:
        return base
    return base + _per_rank(shape, key) * _RANK[0](shape) * (1 - _USUAL_RANK / shape.rank)


_USUAL_RANK = 32


def _determined(growth: Growth, rows: Sequence[Row]) -> Growth:
    """Leave out what rows of few resolutions can't tell apart."""
    sizes = {row["resolution_px"] for row in rows}
    return growth[: len(sizes)] if growth is _FLOPS else growth


def _settings(model: str, shape: TrainingShape, quantization: str) -> Sequence[Row]:
    return _matching(
        model,
        "training",
        {
            "method": shape.method,
            "quantization": quantization,
            "checkpointing": shape.gradient_checkpointing,
        },
    )


def _in_proportion(shape: TrainingShape, quantization: str, key: str, growth: Growth) -> float:
    """Scale the reference's setting by how the two models differ in a plain LoRA."""
    model = REFERENCE if shape.family == "sd3" else shape.model
    other = replace(shape, model=model)
    plain, other_plain = (replace(each, method="lora") for each in (shape, other))
    ratio = _grown(plain, "none", key, growth) / _grown(other_plain, "none", key, growth)
    return _grown(other, quantization, key, growth) * ratio


def _per_rank(shape: TrainingShape, key: str) -> float:
    """Return what a value of rank adds for each token of each image."""
    rows = _settings(shape.model, shape, "none")
    other = next(row for row in rows if row["rank"] != _USUAL_RANK)
    pairs = [row for row in rows if row["rank"] == _USUAL_RANK and _same_size(row, other)]
    ranks = _number(other, "rank") - _USUAL_RANK
    at = replace(
        shape, resolution_px=int(_number(other, "resolution_px")), train_batch_size=1, rank=1
    )
    added = _number(other, key) - _number(pairs[0], key)
    return added / ranks / (_RANK[0](at) * _number(other, "batch"))


def _same_size(row: Row, other: Row) -> bool:
    return (row["resolution_px"], row["batch"]) == (other["resolution_px"], other["batch"])


def _fit(rows: Sequence[Row], shape: TrainingShape, key: str, growth: Growth) -> Sequence[float]:
    """Find factors that reproduce the rows best, by their relative errors."""
    equations: list[list[float]] = []
    for row in rows:
        at = replace(
            shape,
            resolution_px=int(_number(row, "resolution_px")),
            train_batch_size=int(_number(row, "batch")),
        )
        size = _number(row, key)
        equations.append([term(at) / size for term in growth])
    normal = [
        [sum(each[i] * each[j] for each in equations) for j in range(len(growth))]
        + [sum(each[i] for each in equations)]
        for i in range(len(growth))
    ]
    return _solve(normal)


def _solve(system: Iterable[Sequence[float]]) -> list[float]:
    """Solve a small linear system by elimination; each row ends with its right-hand side."""
    rows = [list(row) for row in system]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda index: abs(rows[index][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for index, row in enumerate(rows):
            if index != column:
                rows[index] = [
                    value - row[column] * by for value, by in zip(row, rows[column], strict=True)
                ]
    return [row[-1] for row in rows]
