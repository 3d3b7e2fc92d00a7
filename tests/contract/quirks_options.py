"""What the real SimpleTuner does where the rules of groups A, G and I speak; runs in the child."""

import contextlib
import json
import logging
import os
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STEPS = 300


@contextlib.contextmanager
def placed(files: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Path]:
    """Stand in a new folder with these files and variables; undo all of it afterwards."""
    before_dir, before = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as name:
        for path, text in files.items():
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_text(text, encoding="utf-8")
        steering = ("CONFIG_", "ENV", "SIMPLETUNER_", "HF_HOME", "HOME", "HF_TOKEN", "ACCELERATE")
        for variable in before:
            if variable.startswith(steering):
                del os.environ[variable]
        os.environ.update({key: value.format(here=name) for key, value in environ.items()})
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before_dir)
            os.environ.clear()
            os.environ.update(before)


def config_that_is_read(setting: Mapping[str, Any]) -> str:
    """Say which of the files the loader takes: each holds its own path as output_dir."""
    from simpletuner.helpers.configuration import loader

    paths: list[str] = setting["files"]
    files = {path: json.dumps({"output_dir": path}) for path in paths if path.endswith(".json")}
    files |= {path: f'output_dir = "{path}"\n' for path in paths if path.endswith(".toml")}
    files |= setting.get("texts", {})
    taken: list[str] = []

    def take(input_args: list[str], **_: object) -> None:
        taken.extend(input_args)

    whole = loader.helpers["cmd"]
    with placed(files, setting.get("environ", {})):
        loader.helpers["cmd"] = take
        try:
            loader.load_config()
        finally:
            loader.helpers["cmd"] = whole
    return next((item.partition("=")[2] for item in taken if "output_dir" in item), "")


def config_that_the_command_finds(files: list[str]) -> str | None:
    from simpletuner.cli.common import find_config_file

    with placed(dict.fromkeys(files, "{}"), {}):
        found: str | None = find_config_file()
        return found


def accelerate_file(environ: Mapping[str, str]) -> str | None:
    from simpletuner.cli.train import find_accelerate_config

    path = "hub/accelerate/default_config.yaml"
    home = ".cache/huggingface/accelerate/default_config.yaml"
    with placed({path: "", home: ""}, environ) as here:
        found: str | None = find_accelerate_config()
        return None if found is None else str(Path(found).relative_to(here))


def learning_rates(setting: Mapping[str, Any]) -> list[float]:
    """Give the learning rate at the beginning of each step."""
    import torch
    from simpletuner.helpers.training.custom_schedule import get_lr_scheduler

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1e-4)
    options = SimpleNamespace(
        lr_scheduler=setting["lr_scheduler"],
        lr_warmup_steps=setting["lr_warmup_steps"],
        max_train_steps=STEPS,
        lr_end=4e-7,
        lr_power=0.8,
        lr_num_cycles=1,
    )
    one = SimpleNamespace(num_processes=1)
    scheduler = get_lr_scheduler(options, optimizer, one, logging.getLogger("quirks"), 0)
    rates = []
    for step in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        # As trainer.py:7360 calls it.
        scheduler.step(**({"step": step + 1} if setting.get("with_step") else {}))
    return rates


def checked_for_safety(options: Mapping[str, Any]) -> bool:
    """Let the check that follows the accelerator's start look at options."""
    from simpletuner.helpers.configuration.cmd_args import get_default_config
    from simpletuner.helpers.training.default_settings.safety_check import safety_check

    safety_check(Namespace(**{**get_default_config(), **options}), accelerator=None)
    return True


def partner_is_found(names: Mapping[str, str]) -> bool:
    """Ask for the conditioning image of `image` in a folder that holds `partner`."""
    from PIL import Image
    from simpletuner.helpers.data_backend.local import LocalDataBackend
    from simpletuner.helpers.multiaspect.sampler import MultiAspectSampler

    class ImageWasReadError(Exception):
        pass

    class Backend(LocalDataBackend):  # type: ignore[misc]  # SimpleTuner has no types
        def read_image(self, filepath: str, delete_problematic_images: bool = False) -> object:  # noqa: FBT001, FBT002 - its signature
            if super().read_image(filepath, delete_problematic_images) is not None:
                raise ImageWasReadError
            return None

    from simpletuner.helpers.training.state_tracker import StateTracker

    said: list[str] = []
    with placed({}, {}) as here:
        Image.new("RGB", (8, 8)).save(here / names["partner"])
        sampler = object.__new__(MultiAspectSampler)
        sampler.metadata_backend = SimpleNamespace(instance_data_dir=str(here))
        sampler.data_backend = Backend(None, "quirk")
        sampler.source_dataset_id, sampler.id = None, "quirk"
        sampler.debug_log = said.append
        sampler.logger = SimpleNamespace(error=said.append)
        StateTracker.set_data_backend_config("quirk", {})
        try:
            assert sampler.get_conditioning_sample(names["image"]) is None
        finally:
            StateTracker.data_backends.pop("quirk")
    # It reports every exception as one line: ours has no text.
    return said == ["Could not fetch conditioning sample: "]


def geometry_of_partner(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of a conditioning dataset after SimpleTuner aligned them."""
    from simpletuner.helpers.data_backend.factory import synchronize_conditioning_settings
    from simpletuner.helpers.training.state_tracker import StateTracker

    before = StateTracker.data_backends
    StateTracker.data_backends = {
        "images": {"config": settings["images"], "conditioning_data": [{"id": "masks"}]},
        "masks": {"config": settings["masks"]},
    }
    try:
        synchronize_conditioning_settings()
        aligned: dict[str, Any] = StateTracker.get_data_backend_config("masks")
        return aligned
    finally:
        StateTracker.data_backends = before


def link_conditioning(datasets: list[dict[str, Any]]) -> bool:
    """Let SimpleTuner link datasets to their conditioning; all count as loaded."""
    from simpletuner.helpers.data_backend.factory import FactoryRegistry

    registry = object.__new__(FactoryRegistry)
    registry.data_backends = {entry["id"]: entry for entry in datasets}
    linked: bool = registry._connect_conditioning_datasets(datasets)
    return linked


def align_mask(mask: Mapping[str, Any]) -> None:
    """Prepare the buckets of a mask dataset that nothing is linked to."""
    from simpletuner.helpers.data_backend.factory import FactoryRegistry

    registry = object.__new__(FactoryRegistry)
    registry.data_backends = {}
    registry.args = SimpleNamespace(
        skip_file_discovery="", max_train_steps=2, allow_dataset_oversubscription=False
    )
    registry.model = SimpleNamespace(requires_conditioning_latents=lambda: True)
    registry.accelerator = SimpleNamespace(num_processes=1, is_main_process=True)
    registry._handle_bucket_operations(dict(mask), {"id": mask["id"]}, mask["conditioning_type"])


def preference_batch(batch: Mapping[str, Any]) -> None:
    from simpletuner.helpers.distillation.flow_dpo.distiller import FlowDPODistiller

    object.__new__(FlowDPODistiller)._validate_batch(batch)


def deleted_by(option: str) -> bool:
    """Whether a file of the dataset is gone after SimpleTuner disliked it."""
    from simpletuner.helpers.data_backend.local import LocalDataBackend
    from simpletuner.helpers.metadata.backends.discovery import DiscoveryMetadataBackend

    with placed({"a.png": "no image"}, {}) as here:
        backend = LocalDataBackend(None, "quirk")
        if option == "delete_problematic_images":
            with contextlib.suppress(Exception):
                backend.read_image(str(here / "a.png"), delete_problematic_images=True)
        else:
            metadata = object.__new__(DiscoveryMetadataBackend)
            metadata.id, metadata.data_backend = "quirk", backend
            metadata.aspect_ratio_bucket_indices = {"1.0": [str(here / "a.png")]}
            metadata.handle_small_image(str(here / "a.png"), "1.0", delete_unwanted_images=True)
        return not (here / "a.png").exists()


def latest_checkpoint(names: list[str]) -> str | None:
    from simpletuner.helpers.utils.checkpoint_manager import CheckpointManager

    with placed({f"{name}/note.txt": "" for name in names}, {}) as here:
        latest: str | None = CheckpointManager(str(here)).get_latest_checkpoint()
        return latest


def checkpoint_that_is_loaded(setting: Mapping[str, Any]) -> str:
    """Let the trainer resume; gives the folder that it loads, relative to where it stands."""
    from simpletuner.helpers.training.trainer import Trainer
    from simpletuner.helpers.utils.checkpoint_manager import CheckpointManager

    class LoadedError(Exception):
        pass

    loaded: list[str] = []

    def load_state(path: str) -> None:
        loaded.append(path)
        raise LoadedError

    with placed(setting["files"], {}):
        trainer = object.__new__(Trainer)
        trainer.config = SimpleNamespace(
            max_train_steps=10,
            resume_from_checkpoint=setting["resume_from_checkpoint"],
            output_dir="out",
            publishing_config=None,
            model_family="sd3",
            model_type="lora",
        )
        trainer.state = {"first_epoch": 1}
        trainer.optimizer = trainer.job_id = trainer.webhook_handler = None
        trainer.checkpoint_manager = CheckpointManager("out")
        trainer.accelerator = SimpleNamespace(load_state=load_state)
        trainer._emit_event = lambda *_arguments, **_options: None
        with contextlib.suppress(LoadedError):
            trainer.init_resume_checkpoint(None)
    return loaded[0] if loaded else ""


def initial_step(options: Mapping[str, Any]) -> int:
    from simpletuner.helpers.training.trainer import Trainer

    trainer = object.__new__(Trainer)
    trainer.config = SimpleNamespace(**options)
    step: int = trainer._initial_lora_step()
    return step


def initial_average(options: Mapping[str, Any]) -> None:
    from simpletuner.helpers.training.trainer import Trainer

    trainer = object.__new__(Trainer)
    trainer.config = SimpleNamespace(**options)
    trainer._load_initial_lora_ema_state()


def repository(options: Mapping[str, Any]) -> str:
    """Name the repository that a training would publish to."""
    from simpletuner.helpers.publishing.huggingface import HubManager

    settings = {"hub_model_id": None, "tracker_project_name": "simpletuner", "push_to_hub": False}
    name: str = HubManager(SimpleNamespace(**{**settings, **options}), model=None).repo_id
    return name


def hub_token(environ: Mapping[str, str]) -> str:
    from simpletuner.helpers.publishing.huggingface import HubManager

    manager = object.__new__(HubManager)
    manager.config = SimpleNamespace(push_to_hub=True)
    with placed({}, environ):
        token: str = manager._load_hub_token()
        return token


def sources(_: object) -> dict[str, str]:
    """Give the source of what can't be called here: it needs a model."""
    import inspect

    from simpletuner.helpers.publishing import metadata
    from simpletuner.helpers.training.trainer import Trainer

    return {
        "train": inspect.getsource(Trainer.train),
        "model_card": inspect.getsource(metadata),
    }


def library_size(_: object) -> int:
    from simpletuner.helpers.prompts import get_validation_prompt_library

    return len(get_validation_prompt_library(True))  # noqa: FBT003 - SimpleTuner's argument
