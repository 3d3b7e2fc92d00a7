"""One loop for all parts: it counts steps, prints figures, and can be interrupted and resumed."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

PRINT_EVERY_STEPS = 100


class Stateful(Protocol):
    """What can be saved and loaded: networks and optimizers alike."""

    def state_dict(self) -> dict[str, Any]:
        """Give what there is to save."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Take it back."""


class Average:
    """The running mean of a network's weights, which draws better than the last ones."""

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self.weights = {name: w.detach().clone() for name, w in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move a little towards the network; the first steps move further."""
        decay = min(self.decay, (1 + self.num_updates) / (20 + self.num_updates))
        current = network.state_dict()
        floats = [name for name, weight in self.weights.items() if weight.is_floating_point()]
        torch._foreach_lerp_(  # What torch.optim uses: one call instead of hundreds.
            [self.weights[name] for name in floats],
            [current[name].detach() for name in floats],
            1 - decay,
        )
        self.num_updates += 1

    def state_dict(self) -> dict[str, Any]:
        """Give the weights and their age."""
        return {"num_updates": self.num_updates, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take them back."""
        self.num_updates = state_dict["num_updates"]
        for name, weight in state_dict["weights"].items():
            self.weights[name].copy_(weight)


@dataclass(frozen=True, slots=True)
class Training:
    """A part's training: its name, where it is kept, and all that changes while it runs."""

    name: str
    folder: Path
    num_steps: int
    save_every_steps: int
    states: Mapping[str, Stateful]

    @property
    def state_path(self) -> Path:
        """Where the training stands."""
        return self.folder / f"{self.name}.state.pt"

    def run(self, step: Callable[[int], Mapping[str, float]]) -> None:
        """Call `step` with each step's number, beginning after the last one that was saved."""
        first = self._resume()
        began, sums = time.monotonic(), dict[str, float]()
        for number in range(first, self.num_steps):
            for name, value in step(number).items():
                sums[name] = sums.get(name, 0.0) + value
            done = number + 1
            if done % PRINT_EVERY_STEPS == 0 or done == self.num_steps:
                count = done - max(first, (number // PRINT_EVERY_STEPS) * PRINT_EVERY_STEPS)
                rate = (done - first) / (time.monotonic() - began)
                figures = " ".join(f"{name} {total / count:.4f}" for name, total in sums.items())
                left_min = (self.num_steps - done) / rate / 60
                print(
                    f"{self.name} {done}/{self.num_steps} {figures}"
                    f" | {rate:.2f} steps/s, {left_min:.0f} min left",
                    flush=True,
                )
                sums.clear()
            if done % self.save_every_steps == 0 or done == self.num_steps:
                self._save(done)

    def _save(self, num_done: int) -> None:
        content = {name: part.state_dict() for name, part in self.states.items()}
        partial = self.state_path.with_suffix(".partial")
        torch.save({"num_done": num_done, "states": content}, partial)
        partial.replace(self.state_path)

    def _resume(self) -> int:
        if not self.state_path.exists():
            return 0
        saved = torch.load(self.state_path, weights_only=True)
        for name, part in self.states.items():
            part.load_state_dict(saved["states"][name])
        num_done = int(saved["num_done"])
        print(f"{self.name}: goes on after step {num_done} of {self.num_steps}", flush=True)
        return num_done


def cosine(share: float) -> float:
    """Fall from 1 to 0.02 as the share of the way goes from 0 to 1."""
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set it for every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate
