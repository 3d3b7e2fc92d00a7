"""The child process of the bucket test: imports the real SimpleTuner once, then sorts folders.

One JSON line per case on stdin, {"config_path", "backend", "options", "num_processes"}; one JSON
line per answer on the descriptor that was stdout. The calls are those of the trainer's own
data_backend/factory.py (_configure_single_data_backend), in its order.
"""

import contextlib
import copy
import functools
import json
import os
import queue
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Request = dict[str, Any]

NUM_EPOCHS = 2
"""How many epochs are drawn: the second shows what the first leaves behind."""


@functools.cache
def parse(config_path: str) -> Namespace:
    from simpletuner.helpers.configuration.loader import load_config

    os.environ["CONFIG_PATH"] = config_path.removesuffix(".json")
    parsed = load_config(exit_on_error=True)
    assert isinstance(parsed, Namespace)
    return parsed


def read_arguments(request: Request) -> Namespace:
    arguments = copy.copy(parse(request["config_path"]))
    for name, value in request["options"].items():
        assert hasattr(arguments, name)
        setattr(arguments, name, value)
    return arguments


def last_process(num_processes: int) -> SimpleNamespace:
    """Stand in for accelerate's Accelerator; the last process has the fewest images."""
    return SimpleNamespace(
        num_processes=num_processes,
        process_index=num_processes - 1,
        is_main_process=True,
        is_local_main_process=True,
        wait_for_everyone=lambda: None,
    )


class Discovery:
    """The part of the trainer's factory that sorts one dataset, with nothing loaded."""

    def __init__(self, request: Request) -> None:
        from simpletuner.helpers.data_backend.factory import FactoryRegistry
        from simpletuner.helpers.training.state_tracker import StateTracker

        self.backend = request["backend"]
        self.factory = object.__new__(FactoryRegistry)
        self.factory.args = read_arguments(request)
        self.factory.accelerator = last_process(request["num_processes"])
        self.factory.model = SimpleNamespace(requires_conditioning_latents=lambda: False)
        StateTracker.set_args(self.factory.args)
        StateTracker.clear_data_backends()
        StateTracker.aspect_resolution_map = {}

    def configure(self) -> None:
        from simpletuner.helpers.data_backend.factory import init_backend_config
        from simpletuner.helpers.training.state_tracker import StateTracker

        factory, backend = self.factory, self.backend
        factory._handle_resolution_conversion(backend)
        self.dataset = init_backend_config(backend, factory.args, factory.accelerator)
        StateTracker.set_data_backend_config(self.dataset["id"], self.dataset["config"])
        StateTracker.load_aspect_resolution_map(self.dataset["config"]["resolution"])
        factory._configure_backend_by_type(backend, self.dataset)
        factory._configure_metadata_backend(backend, self.dataset)
        StateTracker.register_data_backend(self.dataset)

    def sort_images(self) -> str | None:
        """Discover, prune and split; give the words of a refusal."""
        try:
            self.factory._handle_bucket_operations(self.backend, self.dataset, None)
        except ValueError as error:
            return str(error)
        return None

    def buckets(self) -> dict[str, int]:
        """Count the images of each bucket, as the trainer wrote them before it split them."""
        path = Path(self.dataset["metadata_backend"].cache_file)
        indices = json.loads(path.read_text())["aspect_ratio_bucket_indices"]
        return {ratio: len(images) for ratio, images in indices.items()}

    def placed(self) -> dict[str, tuple[str, list[int]]]:
        """Give bucket and target size of every image that was not dropped, by its file name."""
        metadata = self.dataset["metadata_backend"].image_metadata
        return {
            Path(path).name: (str(entry["aspect_ratio"]), list(entry["target_size"]))
            for path, entry in metadata.items()
        }

    def draw_epochs(self, num_epochs: int) -> Counter[str]:
        """Draw batches as the training loop does, which is told when an epoch is over."""
        import torch
        from simpletuner.helpers.data_backend.runtime import random_dataloader_iterator

        self.factory._create_dataset_and_sampler(self.backend, self.dataset, None)
        loader = torch.utils.data.DataLoader(
            self.dataset["train_dataset"], sampler=self.dataset["sampler"], collate_fn=list
        )
        drawn, step = Counter[str](), 0
        for _ in range(num_epochs):
            loaders = {self.dataset["id"]: loader}
            while batch := random_dataloader_iterator(step := step + 1, loaders):
                drawn["batches"] += 1
                drawn.update(
                    Path(sample["image_path"]).name for sample in batch[0]["training_samples"]
                )
        return drawn


def answer(request: Request) -> dict[str, object]:
    discovery = Discovery(request)
    discovery.configure()
    refusal = discovery.sort_images()
    return {
        "refusal": refusal,
        "buckets": discovery.buckets(),
        "placed": discovery.placed(),
        "drawn": discovery.draw_epochs(NUM_EPOCHS) if refusal is None else None,
    }


@contextlib.contextmanager
def exact_queues() -> Iterator[None]:
    """Give the trainer's threads queues that know when they are empty.

    Upstream hands the results of threads over through queues of processes, whose `empty()` may
    be true while items are on their way: on a busy machine 10 of 21 images were lost once. Which
    images such a race loses can't be predicted; all else is compared as it is.
    """
    from simpletuner.helpers.metadata.backends import base

    upstream, base.Queue = base.Queue, queue.Queue
    try:
        yield
    finally:
        base.Queue = upstream


def main() -> None:
    # SimpleTuner prints; its words go to stderr so that answers stay alone on their channel.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from accelerate import PartialState

    PartialState(cpu=True)  # The sampler's words to its log need one.
    with exact_queues():
        for line in sys.stdin:
            answers.write(json.dumps(answer(json.loads(line))) + "\n")
            answers.flush()
    os._exit(0)  # The interpreter's own end takes seconds.


if __name__ == "__main__":
    main()
