"""What SimpleTuner 4.10.1 gets wrong before or while it trains, repaired from outside.

Each repair is one row. A contract test shows that the flaw is still in the installed
package and that the row removes it; when upstream repairs one, the test says so and
the row goes. Line numbers are those of the release.
"""

import functools
import inspect
import json
import os
import queue
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Repair:
    """One upstream flaw and the change that removes it in this process."""

    name: str
    reason: str
    """What happens without it, in one sentence."""
    upstream: str
    """Where it comes from: file and line in the release, and its issue where one is known."""
    apply: Callable[[], None]
    """Removes the flaw; applying it twice does no harm."""


def _keep_tensors_unpinned_without_accelerator() -> None:
    """Make `Tensor.pin_memory` return the tensor itself where nothing could use pinned memory."""
    import torch

    if not torch.accelerator.is_available():
        torch.Tensor.pin_memory = _unpinned  # type: ignore[assignment,method-assign]


def _unpinned(tensor: object, *_args: object, **_kwargs: object) -> object:
    return tensor


def _mark_steps_only_for_loaded_cuda_graphs() -> None:
    """Skip the mark while no CUDA graph can exist, because making it imports the compiler."""
    import torch.compiler

    mark_step = torch.compiler.cudagraph_mark_step_begin
    if not hasattr(mark_step, "__wrapped__"):
        torch.compiler.cudagraph_mark_step_begin = _only_with_cuda_graphs(mark_step)


def _only_with_cuda_graphs(mark_step: Callable[[], None]) -> Callable[[], None]:
    @functools.wraps(mark_step)
    def mark_step_if_loaded() -> None:
        if "torch._inductor.cudagraph_trees" in sys.modules:
            mark_step()

    return mark_step_if_loaded


def _let_sd1x_start_without_safety_checker() -> None:
    """Give the pipelines' safety parts a default, as the trainer never passes them."""
    from simpletuner.helpers.models.sd1x import pipeline

    for pipeline_class in (
        pipeline.StableDiffusionPipeline,
        pipeline.StableDiffusionImg2ImgPipeline,
        pipeline.StableDiffusionControlNetPipeline,
    ):
        if not hasattr(pipeline_class.__init__, "__wrapped__"):
            pipeline_class.__init__ = _without_safety_checker(pipeline_class.__init__)


def _without_safety_checker(initialize: Callable[..., None]) -> Callable[..., None]:
    # diffusers finds out which parts a pipeline has by its signature, so it has to stay readable.
    signature = inspect.signature(initialize)

    @functools.wraps(initialize)
    def initialize_without(self: object, *args: object, **parts: object) -> None:
        given = signature.bind_partial(self, *args, **parts).arguments
        for name in ("safety_checker", "feature_extractor"):
            if name not in given:
                parts[name] = None
        if parts.get("safety_checker", given.get("safety_checker")) is None:
            parts.setdefault("requires_safety_checker", False)
        initialize(self, *args, **parts)

    return initialize_without


def _store_nested_settings_in_tensorboard_as_text() -> None:
    """Hand TensorBoard's tracker only the kinds of value that it takes."""
    from accelerate.tracking import TensorBoardTracker

    store = TensorBoardTracker.store_init_configuration
    if not hasattr(store, "tuner_kit_repaired"):
        TensorBoardTracker.store_init_configuration = _with_plain_values(store)


def _with_plain_values(store: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(store)
    def store_plain_values(tracker: object, values: dict[str, Any]) -> None:
        store(tracker, {name: _plain(value) for name, value in values.items()})

    # `__wrapped__` would not tell: accelerate has wrapped this method itself.
    store_plain_values.tuner_kit_repaired = True  # type: ignore[attr-defined]
    return store_plain_values


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value, default=str)


def _validate_after_the_last_step() -> None:
    """Let the final validation run: it skips itself where the interval has just validated."""
    from simpletuner.helpers.training.validation import Validation

    if not hasattr(Validation.run_validations, "__wrapped__"):
        Validation.run_validations = _with_final_execution(Validation.run_validations)


def _with_final_execution(run_validations: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run_validations)
    def run_validations_and_final(validation: object, *args: object, **kwargs: object) -> object:
        if kwargs.get("validation_type") == "final":
            kwargs["skip_execution"] = False
        return run_validations(validation, *args, **kwargs)

    return run_validations_and_final


def _validate_when_gradients_are_applied() -> None:
    """Ask whether an optimizer step was made, not whether a counter of batches fits."""
    from simpletuner.helpers.training.validation import Validation

    ask = Validation.should_perform_intermediary_validation
    if not hasattr(ask, "__wrapped__"):
        Validation.should_perform_intermediary_validation = _asked_at_steps(ask)


def _asked_at_steps(should_validate: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(should_validate)
    def should_validate_at_step(
        validation: Any,  # noqa: ANN401 - foreign class
        _batch: int,
        prompts: object,
        validation_type: str,
        **kwargs: object,
    ) -> bool:
        # The count of batches begins anew with each epoch, that of accumulated ones doesn't.
        is_step = validation_type != "intermediary" or validation.accelerator.sync_gradients
        return should_validate(validation, 0 if is_step else 1, prompts, validation_type, **kwargs)

    return should_validate_at_step


def _count_what_threads_hand_over() -> None:
    """Give the threads that look at images queues that know when they are empty."""
    from simpletuner.helpers.metadata.backends import base

    if not hasattr(base.Queue, "tuner_kit_repaired"):
        base.Queue = _queue_for_workers(base.Queue)


def _queue_for_workers(queue_of_processes: Callable[[], Any]) -> Callable[[], Any]:
    def make_queue() -> object:
        from simpletuner.helpers.training.state_tracker import StateTracker

        # Threads are what it starts unless `enable_multiprocessing` asks for processes.
        if StateTracker.get_args().enable_multiprocessing:
            return queue_of_processes()
        return queue.Queue()

    make_queue.tuner_kit_repaired = True  # type: ignore[attr-defined]
    return make_queue


def _leave_sdnq_uncompiled() -> None:
    """Switch off the probe that SDNQ compiles when it is first imported, unless asked for."""
    os.environ.setdefault("SDNQ_USE_TORCH_COMPILE", "0")


REPAIRS: tuple[Repair, ...] = (
    Repair(
        name="sdnq_compile",
        reason="a full fine-tune compiles a kernel it never uses on its first checkpoint: about "
        "one minute",
        upstream="sdnq 0.2.8: common.py:403, imported by the save hook",
        apply=_leave_sdnq_uncompiled,
    ),
    Repair(
        name="pin_memory",
        reason="without a GPU driver the first batch fails: found no NVIDIA driver",
        upstream="helpers/training/collate.py:186,188,704,709",
        apply=_keep_tensors_unpinned_without_accelerator,
    ),
    Repair(
        name="cudagraph_mark",
        reason='the first step imports torch\'s compiler (8 to 17 s), as dynamo_backend "no" is '
        "taken for a backend",
        upstream="helpers/training/dynamo.py:297-301",
        apply=_mark_steps_only_for_loaded_cuda_graphs,
    ),
    Repair(
        name="sd1x_safety_checker",
        reason="model_family sd1x can't start: its pipeline demands safety_checker and "
        "feature_extractor",
        upstream="helpers/models/common.py:4055 with helpers/models/sd1x/pipeline.py:205,1368,2543",
        apply=_let_sd1x_start_without_safety_checker,
    ),
    Repair(
        name="tensorboard_settings",
        reason="report_to tensorboard stops with: value should be one of int, float, str, bool",
        upstream="helpers/training/trainer.py:3883 (a dict among the settings) and 5396; "
        "like issues #940 and #1234",
        apply=_store_nested_settings_in_tensorboard_as_text,
    ),
    Repair(
        name="final_validation",
        reason="the last step has no pictures unless it falls on validation_step_interval: the "
        "final validation is announced and skipped",
        upstream="helpers/training/trainer.py:7794 (skip_execution=True), validation.py:2692",
        apply=_validate_after_the_last_step,
    ),
    Repair(
        name="accumulated_validation",
        reason="with accumulated batches, pictures of some steps are missing, and those of the last "
        "step: the interval is compared with a count of batches that begins anew in each epoch",
        upstream="helpers/training/validation.py:2866 (step % gradient_accumulation_steps), "
        "trainer.py:7031",
        apply=_validate_when_gradients_are_applied,
    ),
    Repair(
        name="discovery_queue",
        reason="images are lost without a word on a busy machine (10 of 21 were, once): a queue "
        "between processes says that it is empty while its items are on their way",
        upstream="helpers/metadata/backends/base.py:8 (Queue), 626-630 and 671-697 (empty)",
        apply=_count_what_threads_hand_over,
    ),
)
"""In the order they are applied: the environment before anything is imported."""


def apply_repairs() -> None:
    """Apply every repair; imports torch and SimpleTuner's SD1.x pipeline."""
    for repair in REPAIRS:
        repair.apply()
