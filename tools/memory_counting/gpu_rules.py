"""Make the meta device keep what a CUDA GPU keeps: autocast, fused attention, 8-bit layers.

Legend: B batch, H heads, N tokens, D width of a head, I and O a layer's inputs and outputs.
"""

# ruff: noqa: ANN401 - torch's hooks and modes pass what has no common type

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

import torch
from torch.nn import functional

from memory_counting.live_bytes import LiveBytes

LOW_PRECISION = ("linear", "conv2d")
HIGH_PRECISION = ("layer_norm", "group_norm", "mse_loss")
"""What autocast computes in float32 on CUDA (torch/csrc autocast_mode.h), of what occurs here."""

QUANTO_EXCLUDED = (
    *("*norm*", "proj_out*", "*pos_embed*", "*patch_embedding*", "*ffn*", "*scale_shift_table*"),
    *("*context_embedder*", "*time_text_embed*", "*time_proj*", "*condition_embedder*"),
)
"""Layers of the sd3 family that stay as they are.

Source: SimpleTuner 4.10.1 training/quantisation/__init__.py:474 (_quanto_model).
"""


class FusedAttention(torch.autograd.Function):
    """Attention that keeps queries, keys, values, result and one number per row, never N x N.

    Source: flash attention 2 and the memory-efficient kernel save the same five tensors;
    backward accumulates the queries' gradient in float32.
    """

    @staticmethod
    def forward(
        ctx: Any,
        counter: LiveBytes,
        query_BHND: torch.Tensor,  # noqa: N803
        key_BHND: torch.Tensor,  # noqa: N803
        value_BHND: torch.Tensor,  # noqa: N803
    ) -> torch.Tensor:
        """Make the result and the row sums: two matrix products."""
        counter.flops += attention_flops(query_BHND.shape, key_BHND.shape[-2])
        result = torch.empty_like(query_BHND, memory_format=torch.contiguous_format)
        sums = query_BHND.new_empty(query_BHND.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query_BHND, key_BHND, value_BHND, result, sums)
        ctx.counter = counter
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Make the three gradients: five matrix products."""
        query, key, value, _, _ = ctx.saved_tensors
        ctx.counter.flops += attention_flops(query.shape, key.shape[-2]) * 5 // 2
        accumulator = torch.empty_like(query, dtype=torch.float32)
        made = tuple(torch.empty_like(part) for part in (query, key, value))
        del accumulator, gradient
        return None, *made


def attention_flops(query_shape: torch.Size, num_keys: int) -> int:
    """Count the operations of one forward pass."""
    batch, heads, tokens, width = query_shape
    return 4 * batch * heads * tokens * num_keys * width


@contextmanager
def cuda_behavior(counter: LiveBytes, *, autocast: bool) -> Iterator[None]:
    """Patch torch's functions while the block runs.

    Args:
        counter: gets the operations of attention, which no registry knows.
        autocast: as accelerate prepares a model with mixed precision bf16.
    """
    names = (*LOW_PRECISION, *HIGH_PRECISION) if autocast else ()
    originals = {name: getattr(functional, name) for name in names}
    attention = functional.scaled_dot_product_attention
    for name, original in originals.items():
        dtype = torch.bfloat16 if name in LOW_PRECISION else torch.float32
        setattr(functional, name, _casting(original, dtype))
    functional.scaled_dot_product_attention = _attending(counter)
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = attention
        for name, original in originals.items():
            setattr(functional, name, original)


def _casting(function: Callable[..., Any], dtype: torch.dtype) -> Callable[..., Any]:
    def cast(value: Any) -> Any:
        is_number = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.to(dtype) if is_number else value

    def call(*args: Any, **kwargs: Any) -> Any:
        named = {name: cast(value) for name, value in kwargs.items()}
        return function(*map(cast, args), **named)

    return call


def _attending(counter: LiveBytes) -> Callable[..., torch.Tensor]:
    def attend(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any
    ) -> torch.Tensor:
        low = (part.to(torch.bfloat16) for part in (query, key, value))
        result: torch.Tensor = FusedAttention.apply(counter, *low)  # type: ignore[no-untyped-call]
        return result

    return attend


class QuantoLinear(torch.autograd.Function):
    """A linear layer of optimum-quanto: keeps its input, makes its weights anew each time.

    Source: optimum-quanto 0.2.7 tensor/function.py, library/qbytes_mm.py.
    """

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Multiply with weights that were scaled back to 16 bits."""
        ctx.save_for_backward(inputs, weight)
        result: torch.Tensor = inputs.to(weight.dtype) @ torch.empty_like(weight).t()
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Pass the gradient on through the same weights."""
        inputs, weight = ctx.saved_tensors
        return (gradient @ torch.empty_like(weight)).to(inputs.dtype), None


class TorchaoLinear(torch.autograd.Function):
    """A linear layer of torchao's int8 training: also computes a gradient that nobody reads.

    Source: SimpleTuner 4.10.1 training/quantisation/torchao_workarounds.py:9.
    """

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Multiply, then scale the result."""
        ctx.save_for_backward(inputs, weight)
        cast = torch.empty_like(weight, dtype=inputs.dtype).to(torch.bfloat16)
        result: torch.Tensor = (inputs.to(torch.bfloat16) @ cast.t()) * weight.new_empty(
            weight.shape[0]
        )
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Pass the gradient on; the weights' own gradient is computed and dropped."""
        inputs, weight = ctx.saved_tensors
        passed = (gradient * weight.new_empty(weight.shape[0])) @ torch.empty_like(weight)
        flat = gradient.reshape(-1, weight.shape[0]).t()
        unread = flat @ inputs.to(gradient.dtype).reshape(-1, weight.shape[1])
        del unread
        return passed.to(inputs.dtype), None


class Nf4Linear(torch.autograd.Function):
    """A 4-bit layer of bitsandbytes: keeps no input, makes its weights anew each time.

    Source: bitsandbytes 0.50 autograd/_functions.py (MatMul4Bit).
    """

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Multiply with weights that were unpacked to 16 bits."""
        ctx.save_for_backward(weight)
        result: torch.Tensor = inputs @ torch.empty_like(weight).t()
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Pass the gradient on through unpacked weights."""
        (weight,) = ctx.saved_tensors
        return gradient @ torch.empty_like(weight), None


_LAYERS: dict[str, type[torch.autograd.Function]] = {
    "int8-quanto": QuantoLinear,
    "int8-torchao": TorchaoLinear,
    "nf4-bnb": Nf4Linear,
}


def is_quantized(name: str, quantization: str, family: str) -> bool:
    """Tell whether a linear layer of this name is stored in few bits."""
    excluded = QUANTO_EXCLUDED if quantization.endswith("quanto") and family == "sd3" else ()
    return quantization != "none" and not any(fnmatch(name, pattern) for pattern in excluded)


def quantize_linears(model: torch.nn.Module, quantization: str, family: str) -> None:
    """Let the linear layers compute as their quantized forms do."""
    if quantization not in _LAYERS:
        return
    function = _LAYERS[quantization]
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and is_quantized(name, quantization, family):
            vars(module)["forward"] = _computing(module, function, cast=quantization == "nf4-bnb")


def _computing(
    module: torch.nn.Linear, function: type[torch.autograd.Function], *, cast: bool
) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(inputs: torch.Tensor) -> torch.Tensor:
        given = inputs.to(torch.bfloat16) if cast else inputs
        result: torch.Tensor = function.apply(given, module.weight)  # type: ignore[no-untyped-call]
        bias: torch.Tensor | None = module.bias
        with_bias = result if bias is None else result + bias
        return with_bias.to(inputs.dtype) if cast else with_bias

    return forward
