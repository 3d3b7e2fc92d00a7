"""A fake Hub that is really asked over HTTP, and caches of downloaded models."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from config_files import SMALLEST, read_config
from fake_hub import FakeHub
from huggingface_hub import close_session, constants

from tuner_kit.catalog.base_models import PIPELINE_PARTS
from tuner_kit.errors import Problem
from tuner_kit.preflight.hub_access import check_hub_access

CANARY = "hf_canaryDoNotShowMe"
"""A token that may appear nowhere."""

BASE = "stabilityai/stable-diffusion-3.5-medium"
FULL_SIZE = SMALLEST.replace("tiny-lora", "sd3.5-medium-lora")
"""A run that begins with `BASE`."""

NOWHERE = "http://127.0.0.1:9"
"""A port that nobody listens at."""

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """Run a Hub on this machine, and let huggingface_hub ask it without a proxy."""
    with pytest.MonkeyPatch.context() as patch, FakeHub() as hub:
        for name in _PROXIES:
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        # Read when the library is imported, perhaps by a test that was offline.
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        close_session()
        yield hub
        close_session()


def environ_of(hub: FakeHub, home: Path, **more: str) -> dict[str, str]:
    """Make the environment of a person whose Hub is the fake one."""
    return {"HF_ENDPOINT": hub.url, "HOME": str(home), "HF_HOME": str(home / "hf"), **more}


def without_mirror(problems: Iterable[Problem]) -> list[Problem]:
    """Leave out the notice that another address stands in for the Hub: here it always does."""
    found = list(problems)
    assert CANARY not in repr(found)
    return [problem for problem in found if problem.id != "A13"]


def check_base(hub: FakeHub, home: Path, **more: str) -> list[Problem]:
    """Check a run that begins with `BASE`."""
    found = check_hub_access(read_config(home, FULL_SIZE), environ_of(hub, home, **more))
    return without_mirror(found)


def put_into_cache(home: Path, *, without: Iterable[str] = (), revision: str = "main") -> Path:
    """Write a downloaded `BASE` as huggingface_hub lays it out, and return its snapshot."""
    root = home / "hf/hub" / f"models--{BASE.replace('/', '--')}"
    commit = "c" * 40
    (root / "refs").mkdir(parents=True)
    (root / "refs" / revision).write_text(commit, encoding="utf-8")
    snapshot = root / "snapshots" / commit
    for name, content in _files_of_sd3().items():
        if not any(name == left_out or name.startswith(f"{left_out}/") for left_out in without):
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            (snapshot / name).write_text(content, encoding="utf-8")
    return snapshot


def _files_of_sd3() -> Mapping[str, str]:
    shards = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    index = {"weight_map": dict(zip("ab", shards, strict=True))}
    listed = {part: ["diffusers", "Class"] for part in PIPELINE_PARTS["sd3"]}
    files = {"model_index.json": json.dumps(listed | {"_class_name": "x", "image": [None, None]})}
    for part in PIPELINE_PARTS["sd3"]:
        if part.startswith("tokenizer"):
            files[f"{part}/tokenizer_config.json"] = "{}"
        elif part == "scheduler":
            files[f"{part}/scheduler_config.json"] = "{}"
        elif part == "text_encoder_3":
            files |= {f"{part}/config.json": "{}"} | {f"{part}/{name}": "w" for name in shards}
            files[f"{part}/model.safetensors.index.json"] = json.dumps(index)
        else:
            files |= {f"{part}/config.json": "{}", f"{part}/model.safetensors": "w"}
    return files
