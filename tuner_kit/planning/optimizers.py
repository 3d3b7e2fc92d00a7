"""How much state an optimizer keeps for each trained value.

Sources: SimpleTuner 4.10.1 training/optimizers/adamw_bfloat16/__init__.py:69 (two states and a
shift, all like the parameter) and adamw_schedulefree; torch.optim; optimi 0.3.3 (Kahan
compensation beside the states in 16 bits); bitsandbytes 0.50 (one byte per state and a float32
scale per 256; paged states may leave the GPU); torchao (the same).
"""

from collections.abc import Mapping
from types import MappingProxyType

from tuner_kit.planning.estimate import Estimate

_LIKE_PARAMETER: Mapping[str, float] = MappingProxyType(
    {
        "adamw_bf16": 3,
        "adamw_schedulefree": 3,
        "torch-adam": 2,
        "torch-adamw": 2,
        "torch-adamax": 2,
        "torch-nadam": 2,
        "torch-radam": 2,
        "torch-adadelta": 2,
        "torch-rmsprop": 1,
        "torch-adagrad": 1,
        "torch-sgd": 0,
        "optimi-adam": 3,
        "optimi-adamw": 3,
        "optimi-stableadamw": 3,
        "optimi-radam": 3,
        "optimi-adan": 5,
        "optimi-ranger": 4,
        "optimi-lion": 2,
        "optimi-sgd": 1,
        "prodigy": 4,
    }
)
"""States of the parameter's own precision."""
_IN_BYTES: Mapping[str, float] = MappingProxyType(
    {
        "bnb-adamw8bit": 2.03,
        "bnb-adam8bit": 2.03,
        "bnb-lion8bit": 1.02,
        "bnb-adagrad8bit": 1.02,
        "bnb-ademamix8bit": 3.05,
        "bnb-adamw": 8,
        "bnb-adam": 8,
        "bnb-lion": 4,
        "bnb-adagrad": 4,
        "bnb-ademamix": 12,
        "ao-adamw8bit": 2.03,
        "ao-adamw4bit": 1.06,
        "ao-adamwfp8": 2.03,
    }
)
"""States of a precision of their own."""
_PAGED = "-paged"
_UNKNOWN_STATES = Estimate(0, 2, 5)
"""Of an optimizer that isn't listed: from none at all to Adan's five."""


def state_bytes(optimizer: str, parameter_bytes: int) -> Estimate:
    """Return the bytes of state for each trained value.

    Args:
        optimizer: the trainer's name.
        parameter_bytes: of a trained value, 2 or 4.
    """
    name = optimizer.partition("+")[0]
    plain = name.removesuffix(_PAGED)
    if plain in _IN_BYTES:
        size = _IN_BYTES[plain]
        return Estimate(0 if name.endswith(_PAGED) else size, size, size)
    if plain in _LIKE_PARAMETER:
        return Estimate.exact(_LIKE_PARAMETER[plain] * parameter_bytes)
    return _UNKNOWN_STATES * parameter_bytes


def step_bytes(parameter_bytes: int) -> Estimate:
    """Return the bytes that an optimizer's step needs for a while, for each trained value.

    One tensor at a time needs next to nothing; torch's own and the norm of all gradients go
    through all tensors at once, with one copy or two.
    """
    return Estimate(0, 0.1, 2) * parameter_bytes
