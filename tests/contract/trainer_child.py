"""The child process of the contract tests: imports the real SimpleTuner once, then answers.

One JSON line per request on stdin, {"question": ..., "config_path": ...}; one JSON line per
answer on the descriptor that was stdout: {"value": ...} or {"refusal": "text"}.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuner_kit.workers import trainer_events, trainer_repairs


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """SimpleTuner refused its input."""


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Turn whatever SimpleTuner raises on bad input into one sentence."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    except SystemExit as error:
        raise Refused(said.getvalue().strip().splitlines()[-1]) from error
    except Exception as error:
        raise Refused(str(error).strip().splitlines()[-1]) from error


def load_namespace(config_path: str) -> Namespace:
    from simpletuner.helpers.configuration.loader import load_config

    os.environ["CONFIG_PATH"] = config_path.removesuffix(".json")
    with refusals():
        parsed = load_config(exit_on_error=True)
    if not isinstance(parsed, Namespace):
        raise Refused("the parser gave nothing")
    return parsed


def parse(config_path: str) -> dict[str, Any]:
    """Read config.json the way train.py does; gives what the trainer would see."""
    return vars(load_namespace(config_path))


def parse_datasets(config_path: str) -> list[dict[str, Any]]:
    """Read the config and the datasets it names with the trainer's own classes."""
    from simpletuner.helpers.data_backend.config import create_backend_config

    arguments = parse(config_path)
    datasets = []
    for entry in json.loads(Path(arguments["data_backend_config"]).read_text()):
        with refusals():
            dataset = create_backend_config(entry, arguments)
            dataset.apply_defaults(arguments)
            dataset.validate(arguments)
            datasets.append(dataset.to_dict())
    return datasets


def probe_sdnq_compile(_: str) -> bool:
    # Importing it would compile, which takes a minute; once it is told not to, importing is cheap.
    if os.environ.get("SDNQ_USE_TORCH_COMPILE") == "0":
        return False
    spec = importlib.util.find_spec("sdnq")
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / "common.py").read_text()
    return 'os.environ.get("SDNQ_USE_TORCH_COMPILE", None) is None' in source


def probe_pin_memory(_: str) -> bool:
    import torch
    from simpletuner.helpers.training.collate import fetch_latent
    from simpletuner.helpers.training.state_tracker import StateTracker

    class OneLatent:
        def retrieve_from_cache(self, _file: str) -> object:
            return torch.zeros(1)

    StateTracker.data_backends["probe"] = {"vaecache": OneLatent()}
    try:
        fetch_latent("image.png", "probe")
    except RuntimeError:
        return True
    return False


def probe_cudagraph_mark(config_path: str) -> bool:
    import torch
    from simpletuner.helpers.training.dynamo import mark_cudagraph_step_begin

    if hasattr(torch.compiler.cudagraph_mark_step_begin, "__wrapped__"):
        mark_cudagraph_step_begin(load_namespace(config_path))
        return "torch._inductor.cudagraph_trees" in sys.modules
    marked = []
    torch_mark = torch.compiler.cudagraph_mark_step_begin
    # The real one would import the compiler for good: then nothing could be seen afterwards.
    torch.compiler.cudagraph_mark_step_begin = lambda: marked.append(True)
    mark_cudagraph_step_begin(load_namespace(config_path))
    torch.compiler.cudagraph_mark_step_begin = torch_mark
    return bool(marked)


def probe_sd1x_safety_checker(_: str) -> bool:
    from simpletuner.helpers.models.sd1x import pipeline

    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer", "unet", "scheduler"))
    try:
        pipeline.StableDiffusionPipeline(**parts)
    except TypeError:
        return True
    except AttributeError:
        return False  # It got as far as using the missing parts.
    return False


def probe_tensorboard_settings(config_path: str) -> bool:
    from accelerate import Accelerator
    from simpletuner.helpers.training.trainer import Trainer

    trainer = object.__new__(Trainer)
    trainer.config = load_namespace(config_path)
    trainer.config.epoch_batches_schedule = {1: 4}  # What trainer.py:3883 stores.
    trainer.config.weight_dtype = trainer.config.base_weight_dtype = None
    trainer.job_id = trainer.webhook_handler = None
    trainer.accelerator = Accelerator(
        cpu=True, log_with="tensorboard", project_dir=Path(config_path).parent
    )
    try:
        trainer.init_trackers()
    except RuntimeError as error:
        return "value should be one of" in str(error)
    return False


def probe_final_validation(_: str) -> bool:
    from types import SimpleNamespace

    from simpletuner.helpers.training.validation import Validation

    class Executed(Exception):  # noqa: N818 - an answer, not an error
        pass

    def execute(_type: str) -> None:
        raise Executed

    validation = object.__new__(Validation)
    validation.validation_prompt_metadata = {"validation_prompts": ["a cat"]}
    validation.config = SimpleNamespace()
    validation.accelerator = SimpleNamespace(is_main_process=True)
    validation.deepspeed = False
    validation._pending_epoch_validation = None
    validation._update_state = lambda: None
    validation._validation_method = lambda: "simpletuner-local"
    validation.should_perform_intermediary_validation = lambda *_args, **_kwargs: False
    validation._check_abort = lambda: None
    validation.setup_pipeline = execute
    validation.clean_pipeline = lambda: None
    try:
        # As trainer.py:7790 calls it after the last step.
        validation.run_validations(
            validation_type="final", step=7, force_evaluation=True, skip_execution=True
        )
    except Executed:
        return False
    return True


def probe_discovery_queue(config_path: str) -> bool:
    from simpletuner.helpers.metadata.backends import base
    from simpletuner.helpers.training.state_tracker import StateTracker

    class OnItsWay:
        """Takes half a second to be handed to another process, as anything may."""

        def __reduce__(self) -> tuple[type[str], tuple[()]]:
            time.sleep(0.5)
            return str, ()

    StateTracker.set_args(load_namespace(config_path))
    # As compute_aspect_ratio_bucket_indices makes and asks them (base.py:626, 671).
    results = base.Queue()
    results.put(OnItsWay())
    says_empty: bool = results.empty()
    return says_empty


def probe_accumulated_validation(_: str) -> bool:
    from types import SimpleNamespace

    from simpletuner.helpers.training.validation import Validation

    def is_due(batch: int, *, made_step: bool) -> bool:
        validation = object.__new__(Validation)
        validation.config = SimpleNamespace(
            validation_step_interval=2, gradient_accumulation_steps=2, validate_after_epoch=None
        )
        validation.accelerator = SimpleNamespace(is_main_process=True, sync_gradients=made_step)
        validation.deepspeed = False
        validation._use_distributed_validation = lambda: False
        validation._pending_epoch_validation = validation.current_epoch = None
        validation.global_step, validation.global_resume_step = 4, 0
        due: bool = validation.should_perform_intermediary_validation(
            batch, {"validation_prompts": ["a cat"]}, "intermediary"
        )
        return due

    # The fourth step can fall on the third batch of an epoch.
    return not is_due(3, made_step=True) or is_due(4, made_step=False)


PROBES: dict[str, Callable[[str], bool]] = {
    "sdnq_compile": probe_sdnq_compile,
    "pin_memory": probe_pin_memory,
    "cudagraph_mark": probe_cudagraph_mark,
    "sd1x_safety_checker": probe_sd1x_safety_checker,
    "tensorboard_settings": probe_tensorboard_settings,
    "final_validation": probe_final_validation,
    "accumulated_validation": probe_accumulated_validation,
    "discovery_queue": probe_discovery_queue,
}
"""By the name of the repair: whether the flaw shows."""


def check_repairs(config_path: str) -> dict[str, dict[str, bool]]:
    """Say of each flaw whether it shows before and after the repairs; works once per process."""
    names = [repair.name for repair in trainer_repairs.REPAIRS]
    before = {name: PROBES[name](config_path) for name in names}
    trainer_repairs.apply_repairs()
    trainer_repairs.apply_repairs()  # A second time must do no harm.
    after = {name: PROBES[name](config_path) for name in names}
    return {name: {"before": before[name], "after": after[name]} for name in names}


def announce(config_path: str) -> list[dict[str, Any]]:
    """Let a trainer without webhooks announce a stage, a step and a failure; give the lines."""
    from simpletuner.helpers.training.state_tracker import StateTracker
    from simpletuner.helpers.training.trainer import Trainer
    from simpletuner.helpers.webhooks.events import lifecycle_stage_event, training_status_event

    events_path = Path(config_path).with_name("events.jsonl")
    trainer_events.write_events_to(events_path)
    trainer = object.__new__(Trainer)
    trainer.config = load_namespace(config_path)
    trainer.accelerator = trainer.job_id = trainer.webhook_handler = None
    trainer.configure_webhook()
    trainer._emit_event(lifecycle_stage_event("loading", label="Loading", current=1, total=2))
    trainer._emit_event(training_status_event("running", current=1, total=2))
    StateTracker.get_webhook_handler().send_lifecycle_stage("validation", "Validating")
    StateTracker.get_webhook_handler().send_raw(
        {"status": "failed"}, message_type="training.status"
    )
    return [json.loads(line) for line in events_path.read_text().splitlines()]


def facts(_: str) -> dict[str, str]:
    """What the tool that writes our tables would write now."""
    from make_trainer_facts import collect_facts

    return collect_facts()


def has_accelerator(_: str) -> bool:
    import torch

    return torch.accelerator.is_available()


def version(_: str) -> str:
    return importlib.metadata.version("simpletuner")


QUESTIONS: dict[str, Callable[[str], object]] = {
    "parse": parse,
    "parse_datasets": parse_datasets,
    "check_repairs": check_repairs,
    "announce": announce,
    "facts": facts,
    "has_accelerator": has_accelerator,
    "version": version,
}


def probe(question: str, payload_path: str) -> object:
    """Call `function` of a module beside this one with a payload: `quirks_model:function`."""
    module, _, function = question.partition(":")
    payload = json.loads(Path(payload_path).read_text(encoding="utf-8"))
    with refusals():
        return getattr(importlib.import_module(module), function)(payload)


def answer(request: dict[str, str]) -> dict[str, object]:
    question, path = request["question"], request["config_path"]
    try:
        return {"value": probe(question, path) if ":" in question else QUESTIONS[question](path)}
    except Refused as refusal:
        return {"refusal": str(refusal)}


def main() -> None:
    # SimpleTuner prints; its words go to stderr so that answers stay alone on their channel.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line)), default=str) + "\n")
        answers.flush()
    os._exit(0)  # The interpreter's own end takes seconds.


if __name__ == "__main__":
    main()
