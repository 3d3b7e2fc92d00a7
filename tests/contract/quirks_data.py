"""What the real SimpleTuner makes of datasets: asked by test_quirks_data.py, inside its child."""

import json
import os
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

from discovery_child import Discovery, exact_queues
from PIL import Image
from real_trainer import SMALLEST_CONFIG

Payload = dict[str, Any]


def _config_path(folder: Path) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps({**SMALLEST_CONFIG, "output_dir": str(folder / "out")}))
    return str(path)


def _discovery(payload: Payload, folder: Path) -> Discovery:
    from accelerate import PartialState
    from simpletuner.helpers.training.state_tracker import StateTracker

    PartialState(cpu=True)
    backend = {
        "id": "cats",
        "type": "local",
        "instance_data_dir": str(folder / "images"),
        "caption_strategy": "textfile",
        "metadata_backend": "discovery",
        "resolution": 64,
        "resolution_type": "pixel_area",
        **payload.get("backend", {}),
    }
    backend = {key: value for key, value in backend.items() if value != "left out"}
    options = {"train_batch_size": 1, **payload.get("options", {})}
    (folder / "out").mkdir(exist_ok=True)
    StateTracker.all_image_files = {}  # It remembers the files of another folder by the id.
    return Discovery(
        {
            "backend": backend,
            "config_path": _config_path(folder),
            "options": options,
            "num_processes": 1,
        }
    )


def _draw(payload: Payload, folder: Path) -> None:
    (folder / "images").mkdir()
    for number, size in enumerate(payload.get("sizes", [[64, 64]])):
        Image.new("RGB", tuple(size)).save(folder / "images" / f"{number}.png")


@exact_queues()
def sort(payload: Payload) -> Payload:
    """Draw images, and let the trainer sort them once for each dataset entry of `runs`."""
    folder = Path(mkdtemp())
    _draw(payload, folder)
    answers: Payload = {}
    for changes in payload.get("runs", [{}]):
        merged = {**payload, "backend": {**payload.get("backend", {}), **changes}}
        discovery = _discovery(merged, folder)
        discovery.configure()
        refusal = discovery.sort_images()
        metadata = discovery.dataset["metadata_backend"].image_metadata
        answers = {
            "refusal": refusal,
            "buckets": discovery.buckets() if Path(_indices(discovery)).exists() else {},
            "placed": discovery.placed(),
            "crops": {
                Path(path).name: list(entry["crop_coordinates"]) for path, entry in metadata.items()
            },
            "config": {
                key: value
                for key, value in discovery.dataset["config"].items()
                if isinstance(value, str | int | float | bool)
            },
        }
    return answers


def _indices(discovery: Discovery) -> str:
    return str(discovery.dataset["metadata_backend"].cache_file)


@exact_queues()
def configure(payload: Payload) -> Payload:
    """Let the factory read one entry; give what it keeps of it."""
    from simpletuner.helpers.data_backend.factory import init_backend_config

    folder = Path(mkdtemp())
    (folder / "images").mkdir()
    discovery = _discovery(payload, folder)
    discovery.factory._handle_resolution_conversion(discovery.backend)
    kept: Payload = init_backend_config(
        discovery.backend, discovery.factory.args, discovery.factory.accelerator
    )["config"]
    return {key: value for key, value in kept.items() if isinstance(value, str | int | float)}


@exact_queues()
def build_backend(payload: Payload) -> None:
    """Let the factory open the storage of one entry."""
    folder = Path(mkdtemp())
    _draw(payload, folder)
    _discovery(payload, folder).configure()


def check_windows(entries: list[Payload]) -> None:
    """Let the factory look at the schedule of entries."""
    from simpletuner.helpers.data_backend.factory import FactoryRegistry

    factory = object.__new__(FactoryRegistry)
    factory.args = SimpleNamespace(num_train_epochs=0, max_train_steps=100)
    factory._caption_batches_supported = lambda: False
    factory._validate_schedule_windows(entries)


def check_paths(entries: list[Payload]) -> None:
    """Let the factory look for the image folders of entries."""
    from simpletuner.helpers.data_backend.factory import FactoryRegistry

    object.__new__(FactoryRegistry)._validate_dataset_paths(entries)


def home(_: object) -> str:
    """Give the home folder of the child."""
    return os.path.expanduser("~")  # noqa: PTH111 - as the trainer would have to


def default_texts(entries: list[Payload]) -> list[Payload]:
    """Let the factory choose the default among text caches."""
    from simpletuner.helpers.data_backend.factory import FactoryRegistry

    factory = object.__new__(FactoryRegistry)
    factory.args = SimpleNamespace(model_family="sd3", output_dir="output")
    chosen: list[Payload] = factory._ensure_text_embed_backends_present(entries)
    return chosen


def open_latents(payload: Payload) -> None:
    """Let the factory judge the folder of latents, with those that are taken."""
    from simpletuner.helpers.data_backend.factory import FactoryRegistry

    factory = object.__new__(FactoryRegistry)
    factory._configure_vae_cache(
        {"id": "cats", "type": "local", "cache_dir_vae": "cache"},
        {"id": "cats", "dataset_type": "image"},
        {"data_backend": SimpleNamespace(type="local")},
        payload["latents"],
        payload["texts"],
        None,
    )


def weight(probability: float) -> float:
    """Say how often a dataset is drawn from."""
    from simpletuner.helpers.data_backend.factory import get_backend_weight
    from simpletuner.helpers.training.state_tracker import StateTracker

    StateTracker.set_args(SimpleNamespace(data_backend_sampling="uniform"))
    return float(get_backend_weight("cats", {"probability": probability}, 1))


def captions(payload: Payload) -> object:
    """Let the trainer read the captions of one image."""
    from simpletuner.helpers.data_backend.local import LocalDataBackend
    from simpletuner.helpers.prompts import PromptHandler
    from simpletuner.helpers.training.state_tracker import StateTracker

    folder = Path(mkdtemp())
    _draw({}, folder)
    (folder / "images" / "0.txt").write_bytes(payload.get("text", "a cat").encode())
    StateTracker.clear_data_backends()
    StateTracker.set_data_backend_config("cats", {})
    StateTracker.all_image_files = {}
    return PromptHandler.get_all_captions(
        data_backend=LocalDataBackend(None, "cats"),
        instance_data_dir=str(folder / "images"),
        caption_strategy=payload.get("strategy", "textfile"),
        use_captions=not payload.get("only_prompt", False),
        prepend_instance_prompt=payload.get("prepends", False),
        instance_prompt=payload.get("prompt"),
    )[0]


def latent_names(paths: list[str]) -> list[str]:
    """Name the cached latents of images."""
    from simpletuner.helpers.caching.vae import VAECache

    cache = object.__new__(VAECache)
    cache.image_data_backend = SimpleNamespace()
    cache.hash_filenames, cache.cache_dir, cache.instance_data_dir = True, "cache", "/images"
    return [cache.generate_vae_cache_filename(path)[0] for path in paths]


def text_name(options: Payload) -> str:
    """Name the cached text of one caption of SD3."""
    from simpletuner.helpers.caching.text_embeds import TextEmbeddingCache
    from simpletuner.helpers.models.common import TextEmbedCacheKey
    from simpletuner.helpers.models.sd3.model import SD3

    model = object.__new__(SD3)
    model.config = SimpleNamespace(**options)
    cache = object.__new__(TextEmbeddingCache)
    cache.model, cache.model_type = model, "sd3"
    cache.key_type, cache._requires_path_based_keys = TextEmbedCacheKey.CAPTION, False
    return str(cache.create_hash("a cat"))


def reread(payload: Payload) -> bool:
    """Write a tensor with one setting of compression and read it with another; is it kept?"""
    import torch
    from simpletuner.helpers.data_backend.local import LocalDataBackend

    path = str(Path(mkdtemp()) / "a.pt")
    LocalDataBackend(None, "cats", compress_cache=payload["written"]).write(path, torch.zeros(4))
    try:
        LocalDataBackend(None, "cats", compress_cache=payload["read"]).torch_load(path)
    except Exception:
        return False
    return Path(path).exists()


def listed(names: list[str]) -> list[str]:
    """Say which files of an image folder the trainer takes for images."""
    from simpletuner.helpers.data_backend.local import LocalDataBackend
    from simpletuner.helpers.training import image_file_extensions

    folder = Path(mkdtemp())
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    found = LocalDataBackend(None, "cats").list_files(list(image_file_extensions), str(folder))
    return sorted(os.path.relpath(path, folder) for _, _, paths in found for path in paths)


def check_csv(entry: Payload) -> None:
    """Let the builder of CSV datasets judge an entry."""
    from simpletuner.helpers.data_backend.builders.csv import CsvBackendBuilder

    builder = object.__new__(CsvBackendBuilder)
    builder._validate_csv_config(SimpleNamespace(**entry), None)


def take_memory_images(_: object) -> None:
    """Let the factory open a dataset of images of type memory."""
    from simpletuner.helpers.data_backend import factory as module

    factory = object.__new__(module.FactoryRegistry)
    factory.args, factory.accelerator = SimpleNamespace(), None
    opened = SimpleNamespace(build=lambda _: SimpleNamespace())
    kept = module.create_backend_builder, module.create_backend_config
    module.create_backend_builder = lambda *_: opened
    module.create_backend_config = lambda *_: None
    try:
        factory._configure_backend_by_type({"id": "cats", "type": "memory"}, {})
    finally:
        module.create_backend_builder, module.create_backend_config = kept
