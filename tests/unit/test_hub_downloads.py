"""What of a model is downloaded is not asked for, and offline nothing is asked at all."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from config_files import SMALLEST, ids_of, read_config
from fake_hub import FakeHub, Model
from hub_asking import (
    BASE,
    FULL_SIZE,
    check_base,
    environ_of,
    put_into_cache,
    running_hub,
    without_mirror,
)
from huggingface_hub import constants

from tuner_kit.errors import Severity
from tuner_kit.preflight.hub_access import (
    check_hub_access,
    check_hub_access_offline,
    check_model_repository,
)
from tuner_kit.preflight.hub_refusals import HubModel, is_possible_name


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as running:
        running.models[BASE] = Model(is_gated=True)
        yield running


def test_nothing_is_asked_of_a_model_that_is_downloaded(hub: FakeHub, tmp_path: Path) -> None:
    put_into_cache(tmp_path)
    assert not check_base(hub, tmp_path)
    assert not check_base(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert hub.requests == []


@pytest.mark.parametrize(
    "missing",
    [
        "vae",
        "scheduler",
        "tokenizer_2",
        "transformer/model.safetensors",
        "text_encoder_3/model-00002-of-00002.safetensors",
        "text_encoder_3/model.safetensors.index.json",
    ],
)
def test_a_download_that_broke_off_is_asked_for_or_named_offline(
    hub: FakeHub, tmp_path: Path, missing: str
) -> None:
    put_into_cache(tmp_path, without=[missing])

    assert ids_of(check_base(hub, tmp_path)) == ["A04"]
    (found,) = check_base(hub, tmp_path, HF_HUB_OFFLINE="1")

    assert (found.id, found.severity) == ("A09", Severity.ERROR)
    assert f"it lacks {missing.partition('/')[0]})" in found.what


def test_a_link_to_a_file_that_never_came_is_no_download(hub: FakeHub, tmp_path: Path) -> None:
    weights = put_into_cache(tmp_path) / "vae/model.safetensors"
    weights.unlink()
    weights.symlink_to(tmp_path / "nowhere")

    (found,) = check_base(hub, tmp_path, HF_HUB_OFFLINE="1")

    assert "it lacks vae)" in found.what


def test_an_index_that_is_cut_off_makes_no_download(hub: FakeHub, tmp_path: Path) -> None:
    index = put_into_cache(tmp_path) / "text_encoder_3/model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "mod', encoding="utf-8")

    (found,) = check_base(hub, tmp_path, HF_HUB_OFFLINE="1")

    assert "it lacks text_encoder_3)" in found.what


def test_a_cache_that_can_not_be_read_holds_nothing(hub: FakeHub, tmp_path: Path) -> None:
    folder = put_into_cache(tmp_path).parent
    shutil.rmtree(folder)
    folder.write_text("a file", encoding="utf-8")

    (found,) = check_base(hub, tmp_path, HF_HUB_OFFLINE="1")

    assert "is not downloaded" in found.what


@pytest.mark.parametrize("value", ["1", "TRUE", "yes", "on"])
def test_offline_asks_nothing_and_names_what_is_not_downloaded(
    hub: FakeHub, tmp_path: Path, value: str
) -> None:
    (found,) = check_base(hub, tmp_path, HF_HUB_OFFLINE=value)

    assert (found.id, found.severity) == ("A09", Severity.ERROR)
    assert "is not downloaded, and HF_HUB_OFFLINE" in found.what
    assert hub.requests == []


@pytest.mark.parametrize("value", ["0", "", "false"])
def test_offline_may_be_written_and_mean_online(hub: FakeHub, tmp_path: Path, value: str) -> None:
    assert ids_of(check_base(hub, tmp_path, HF_HUB_OFFLINE=value)) == ["A04"]


def test_another_revision_than_the_downloaded_one_is_not_downloaded(
    hub: FakeHub, tmp_path: Path
) -> None:
    put_into_cache(tmp_path)
    text = f"{FULL_SIZE}model: {{base: {BASE}, revision: v2}}\n"

    (found,) = check_hub_access(
        read_config(tmp_path, text), environ_of(hub, tmp_path, HF_HUB_OFFLINE="1")
    )

    assert "is not downloaded" in found.what
    assert f"hf download {BASE} --revision v2" in found.fix


def test_a_command_that_was_itself_started_offline_says_so(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    (found,) = check_base(hub, tmp_path)

    assert found.id == "A09"
    assert hub.requests == []


# ------------------------------------------------------------------ names in other files


def test_a_model_of_a_handwritten_file_is_asked_for(hub: FakeHub, tmp_path: Path) -> None:
    model = HubModel(BASE, "config.json:4")

    (found,) = without_mirror(check_model_repository(model, environ_of(hub, tmp_path)))

    assert (found.id, found.where) == ("A04", "config.json:4")


def test_a_downloaded_model_lists_its_own_parts(hub: FakeHub, tmp_path: Path) -> None:
    snapshot = put_into_cache(tmp_path)
    environ = environ_of(hub, tmp_path, HF_HUB_OFFLINE="1")
    model = HubModel(BASE, "config.json:4")
    assert not list(check_model_repository(model, environ))

    (snapshot / "vae/config.json").unlink()

    assert ids_of(check_model_repository(model, environ)) == ["A09"]


def test_a_model_of_unknown_parts_is_not_certain_to_be_incomplete(
    hub: FakeHub, tmp_path: Path
) -> None:
    put_into_cache(tmp_path, without=["model_index.json", "vae"])
    environ = environ_of(hub, tmp_path, HF_HUB_OFFLINE="1")

    (found,) = check_model_repository(HubModel(BASE, "config.json:4"), environ)

    assert (found.id, found.severity) == ("A09", Severity.WARNING)


NAMES = {
    "a/b": True,
    "gpt2": True,
    "me/my_model.v2-x": True,
    "a/b/c": False,
    "me/my--model": False,
    "me/my..model": False,
    "me/-model": False,
    "me/model.": False,
    "me/model.git": False,
    "me/my model": False,
    "me/m\u00f6del": False,
    f"me/{'x' * 97}": False,
    f"me/{'x' * 96}": True,
    "": False,
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=[repr(name) for name in NAMES])
def test_a_name_is_possible_where_huggingface_hub_says_so(name: str, *, expected: bool) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        is_allowed = False
    else:
        is_allowed = True

    assert is_possible_name(name) == is_allowed == expected


def test_an_impossible_name_is_not_asked_for(hub: FakeHub, tmp_path: Path) -> None:
    model = HubModel("me/my--model", "config.json:4")
    assert ids_of(check_model_repository(model, environ_of(hub, tmp_path))) == ["A07"]
    assert hub.requests == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SMALLEST, id="embedded"),
        pytest.param(FULL_SIZE + "model: {base: 3}\n", id="itself wrong"),
        pytest.param(FULL_SIZE + "model: {base: nothing}\n", id="one word"),
        pytest.param(FULL_SIZE + "model: {base: ./model}\n", id="a folder that is missing"),
        pytest.param(FULL_SIZE + "model: {base: my/model}\n", id="a folder like a hub id"),
    ],
)
def test_nothing_is_asked_of_other_models(hub: FakeHub, tmp_path: Path, text: str) -> None:
    (tmp_path / "my/model").mkdir(parents=True)
    file = read_config(tmp_path, text)

    assert not list(check_hub_access(file, environ_of(hub, tmp_path)))
    assert not list(check_hub_access_offline(file, environ_of(hub, tmp_path)))
    assert hub.requests == []
