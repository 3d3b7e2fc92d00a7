"""Count the bytes that live tensors hold while a model runs without data.

Tensors of the meta device have shapes but no values, so a model of any size runs forward and
backward on a CPU, and every tensor that a GPU would have to hold is seen.
"""

# ruff: noqa: ANN401 - torch's hooks and modes pass what has no common type

import weakref
from collections.abc import Iterable
from typing import Any, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

BLOCK_BYTES = 512
"""The CUDA caching allocator rounds every allocation up to this (c10/cuda kMinBlockSize)."""


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Follow every storage from its creation to its end.

    Attributes:
        live: bytes held now, without the excluded tensors.
        peak: most bytes held at once.
        flops: floating point operations of all matrix products and convolutions.
        num_operations: ATen operations that ran; each is a GPU kernel or close to it.
    """

    def __init__(self, excluded: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own
        self.live = 0
        self.peak = 0
        self.flops = 0
        self.num_operations = 0
        # The storages are kept alive, so that no other can take their identity.
        self._excluded = {id(storage): storage for storage in map(_storage, excluded)}
        self._sizes: dict[int, int] = {}

    def __enter__(self) -> Self:
        super().__enter__()  # type: ignore[no-untyped-call]  # torch's own
        return self

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and note what it made."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.num_operations += not func.is_view
        packet = func._overloadpacket  # noqa: SLF001 - the registry is keyed by it
        if packet in flop_registry:
            self.flops += flop_registry[packet](*args, **kwargs, out_val=result)
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._follow(_storage(leaf))
        return result

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key = id(storage)
        if key in self._excluded or key in self._sizes:
            return
        self._sizes[key] = -(-storage.nbytes() // BLOCK_BYTES) * BLOCK_BYTES
        self.live += self._sizes[key]
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.live -= self._sizes.pop(key)


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()
