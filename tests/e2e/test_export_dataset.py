"""Exports by the real worker: of what the `datasets` library writes, and from a Hub."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_hub import FakeHub
from hub_tables import captions_of, encoded, files_of, parquet_bytes, table_of

from tuner_kit.data.hub_dataset import (
    Choice,
    DatasetExport,
    HubDataset,
    export_dataset,
    find_local_dataset,
)
from tuner_kit.errors import AccessError, DatasetError, Problem, TunerError
from tuner_kit.process.messages import Event, ExportDatasetRequest

pytestmark = pytest.mark.e2e

SHARD = "data/train-00000-of-00001.parquet"
ONE = parquet_bytes(table_of([(encoded("red"), "a red cat")]))
TWO = parquet_bytes(table_of([(encoded("red"), "a red cat"), (encoded("blue"), "a blue cat")]))
WHOLE = Choice()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A Hub on this machine that the worker finds, and an empty cache of its files."""
    with FakeHub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
            monkeypatch.delenv(name, raising=False)
        yield running


@pytest.fixture
def exports_dir(tmp_path: Path) -> Path:
    return tmp_path / "exports"


def export(dataset: HubDataset, exports_dir: Path, choice: Choice = WHOLE) -> DatasetExport:
    return export_dataset(dataset, exports_dir, on_event=lambda _: None, choice=choice)


def problem_of(dataset: HubDataset, exports_dir: Path, kind: type[TunerError]) -> Problem:
    with pytest.raises(kind) as raised:
        export(dataset, exports_dir)
    assert [path for path in exports_dir.iterdir() if path.suffix == ".partial"] == []
    return raised.value.problems[0]


# ------------------------------------------------------------------ the datasets library


def saved_by_the_library(folder: Path, form: str) -> Path:
    """Write the same two rows as one of the forms that the `datasets` library knows."""
    import datasets

    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "text": datasets.Value("string"),
        }
    )
    rows = {
        "image": [{"bytes": encoded(color), "path": None} for color in ("red", "blue")],
        "label": [0, 1],
        "text": ["a red cat", "a blue cat"],
    }
    dataset = datasets.Dataset.from_dict(rows, features=features)
    if form == "saved":
        dataset.save_to_disk(folder, num_shards=2)
    elif form == "saved with splits":
        datasets.DatasetDict({"test": dataset.select([0]), "train": dataset}).save_to_disk(folder)
    else:
        (folder / "data").mkdir(parents=True)
        dataset.to_parquet(folder / SHARD)
    return folder


@pytest.mark.parametrize("form", ["saved", "saved with splits", "parquet"])
def test_what_the_datasets_library_wrote_is_exported(
    tmp_path: Path, exports_dir: Path, form: str
) -> None:
    folder = saved_by_the_library(tmp_path / "cats", form)
    before = files_of(folder)
    dataset = find_local_dataset(folder)
    assert dataset is not None

    made = export_dataset(dataset, exports_dir, on_event=lambda _: None)

    assert (made.summary.num_images, made.summary.split) == (2, "train")
    assert files_of(made.folder)["images/00000001.png"] == encoded("blue")
    assert list(captions_of(made.folder).values()) == ["a red cat", "a blue cat"]
    assert files_of(folder) == before


def test_arrays_of_the_datasets_library_become_png(tmp_path: Path, exports_dir: Path) -> None:
    import datasets

    features = datasets.Features({"pixels": datasets.Array3D((4, 5, 3), "uint8")})
    rows = {"pixels": [[[[7, 8, 9]] * 5] * 4]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "cats")
    dataset = find_local_dataset(tmp_path / "cats")
    assert dataset is not None

    made = export_dataset(dataset, exports_dir, on_event=lambda _: None)

    assert files_of(made.folder)["images/00000000.png"].startswith(b"\x89PNG")
    assert made.summary.caption_column is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("state.json", '{"_data_files": [{"filename": "../secret.arrow"}]}', id="path"),
        pytest.param("state.json", '{"_data_files": [{"filename": "gone.arrow"}]}', id="gone"),
        pytest.param("state.json", '{"_data_files": []}', id="none"),
        pytest.param("state.json", "{", id="broken"),
        pytest.param("dataset_dict.json", '{"splits": ["../train"]}', id="split outside"),
        pytest.param("dataset_dict.json", '{"splits": 3}', id="no list of splits"),
    ],
)
def test_a_saved_dataset_can_not_lead_out_of_its_folder(
    tmp_path: Path, exports_dir: Path, name: str, content: str
) -> None:
    folder = saved_by_the_library(tmp_path / "cats", "saved")
    shutil.copy(folder / "data-00000-of-00002.arrow", tmp_path / "secret.arrow")
    (folder / name).write_text(content)
    dataset = find_local_dataset(folder)
    assert dataset is not None

    with pytest.raises(DatasetError) as raised:
        export_dataset(dataset, exports_dir, on_event=lambda _: None)

    assert raised.value.problems[0].id == "D30"


# ------------------------------------------------------------------ the Hub


def test_a_dataset_on_the_hub_is_exported_once_per_commit(hub: FakeHub, exports_dir: Path) -> None:
    first_commit = hub.commit("me/cats", {SHARD: ONE, "README.md": b"# Cats"})
    first = export(HubDataset("me/cats"), exports_dir)
    events: list[Event] = []
    again = export_dataset(HubDataset("me/cats"), exports_dir, on_event=events.append)
    second_commit = hub.commit("me/cats", {SHARD: TWO})
    second = export(HubDataset("me/cats"), exports_dir)

    assert again == first
    assert [event.phase for event in events] == ["asking the Hub for me/cats"]
    assert (first.summary.commit, second.summary.commit) == (first_commit, second_commit)
    assert (first.summary.num_images, second.summary.num_images) == (1, 2)
    assert first.folder != second.folder
    assert captions_of(first.folder) == {"images/00000000.png": "a red cat"}


def test_a_revision_is_exported_as_it_is(hub: FakeHub, exports_dir: Path) -> None:
    old = hub.commit("me/cats", {SHARD: ONE}, ref="v1")
    hub.commit("me/cats", {SHARD: TWO})

    by_tag = export(HubDataset("me/cats", "v1"), exports_dir)
    by_commit = export(HubDataset("me/cats", old), exports_dir)

    assert [made.summary.num_images for made in (by_tag, by_commit)] == [1, 1]
    assert by_tag.summary.commit == old


def test_the_card_of_a_dataset_names_its_configurations(hub: FakeHub, exports_dir: Path) -> None:
    hub.commit("me/cats", {"one/a.parquet": ONE, "two/a.parquet": TWO})
    hub.repositories["me/cats"].card = {
        "configs": [
            {"config_name": "one", "data_files": "one/*"},
            {"config_name": "two", "data_files": [{"split": "train", "path": "two/*"}]},
        ]
    }

    problem = problem_of(HubDataset("me/cats"), exports_dir, DatasetError)
    made = export(HubDataset("me/cats"), exports_dir, Choice(config_name="two"))

    assert "'one', 'two'" in problem.what
    assert (made.summary.config_name, made.summary.num_images) == ("two", 2)


@pytest.mark.parametrize("author_files", [{"1.png": b""}, {"cats.py": b"", SHARD: TWO}])
def test_other_formats_are_read_from_the_hubs_own_conversion(
    hub: FakeHub, exports_dir: Path, author_files: dict[str, bytes]
) -> None:
    hub.commit("me/cats", author_files)
    commit = hub.commit("me/cats", {"default/train/0000.parquet": ONE}, "refs/convert/parquet")

    made = export(HubDataset("me/cats"), exports_dir)

    assert made.summary.is_conversion
    assert (made.summary.commit, made.summary.num_images) == (commit, 1)


def test_the_conversion_does_not_stand_in_for_another_revision(
    hub: FakeHub, exports_dir: Path
) -> None:
    hub.commit("me/cats", {"1.png": b""}, ref="v1")
    hub.commit("me/cats", {"default/train/0000.parquet": ONE}, "refs/convert/parquet")
    problem = problem_of(HubDataset("me/cats", "v1"), exports_dir, DatasetError)
    assert "no parquet files" in problem.what


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"1.png": b""}, "no parquet files", id="images"),
        pytest.param({"cats.py": b"", SHARD: ONE}, "never run", id="a program"),
        pytest.param({"../../evil.parquet": ONE}, "no parquet files", id="a path outside"),
    ],
)
def test_what_can_not_be_read_is_refused_with_a_way_out(
    hub: FakeHub, exports_dir: Path, files: dict[str, bytes], words: str
) -> None:
    hub.commit("me/cats", files)
    problem = problem_of(HubDataset("me/cats"), exports_dir, DatasetError)
    assert words in problem.what
    assert "hf download me/cats --repo-type dataset" in problem.fix


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        pytest.param(HubDataset("me/dogs"), ("there is no dataset me/dogs",), id="not found"),
        pytest.param(HubDataset("me/cats", "v9"), ("no revision 'v9'",), id="no such revision"),
        pytest.param(HubDataset("me/gated"), ("gated", "accept its terms"), id="gated"),
        pytest.param(HubDataset("me/forbidden"), ("no access", "hf auth login"), id="forbidden"),
        pytest.param(HubDataset("me/private"), ("private", "hf auth login"), id="private"),
        pytest.param(HubDataset("me/busy"), ("can't be reached",), id="overloaded"),
    ],
)
def test_no_access_is_said_with_what_to_do(
    hub: FakeHub, exports_dir: Path, dataset: HubDataset, words: tuple[str, ...]
) -> None:
    for name in ("cats", "gated", "private", "busy", "forbidden"):
        hub.commit(f"me/{name}", {SHARD: ONE})
    hub.repositories["me/gated"].is_gated = True
    hub.repositories["me/private"].is_private = True
    hub.repositories["me/busy"].fault = 503
    hub.repositories["me/forbidden"].fault = 403

    problem = problem_of(dataset, exports_dir, AccessError)

    assert problem.id == "A02"
    assert all(word in f"{problem.what} {problem.fix}" for word in words), problem


def test_a_token_opens_a_gated_dataset_and_is_written_nowhere(
    hub: FakeHub, exports_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.commit("me/gated", {SHARD: ONE})
    hub.repositories["me/gated"].is_gated = True
    monkeypatch.setenv("HF_TOKEN", hub.token)

    made = export(HubDataset("me/gated"), exports_dir)
    hub.repositories["me/gated"].fault = 403
    problem_of(HubDataset("me/gated"), exports_dir, AccessError)

    assert made.summary.num_images == 1
    written = files_of(exports_dir)
    assert any(name.endswith("worker.log") for name in written)
    assert [name for name, content in written.items() if hub.token.encode() in content] == []


@pytest.mark.parametrize("way", ["offline", "no network", "overloaded"])
def test_without_the_hub_the_last_export_is_used_with_a_notice(
    hub: FakeHub, exports_dir: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    hub.commit("me/cats", {SHARD: ONE})
    export(HubDataset("me/cats"), exports_dir)
    hub.commit("me/cats", {SHARD: TWO})
    newest = export(HubDataset("me/cats"), exports_dir)
    if way == "offline":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    elif way == "no network":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    else:
        hub.repositories["me/cats"].fault = 503

    made = export(HubDataset("me/cats"), exports_dir)

    assert made.folder == newest.folder
    assert [notice.id for notice in made.notices] == ["A03"]


@pytest.mark.parametrize("way", ["offline", "no network"])
def test_without_the_hub_and_without_an_export_the_way_out_is_named(
    hub: FakeHub, exports_dir: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    hub.commit("me/cats", {SHARD: ONE})
    if way == "offline":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    else:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    problem = problem_of(HubDataset("me/cats"), exports_dir, AccessError)
    assert "can't be reached" in problem.what
    assert "HF_HUB_OFFLINE" in problem.fix


# ------------------------------------------------------------------ interruptions


def test_an_export_that_is_killed_is_never_taken_for_whole(
    tmp_path: Path, exports_dir: Path
) -> None:
    folder = tmp_path / "cats"
    folder.mkdir()
    rows = [(encoded("red"), "a cat")] * 20_000
    (folder / "a.parquet").write_bytes(parquet_bytes(table_of(rows)))
    exports_dir.mkdir()
    request_path = tmp_path / "request.json"
    request = ExportDatasetRequest(
        source_dir=folder, files=("a.parquet",), exports_dir=exports_dir, stem="cats", version="1"
    )
    request_path.write_text(request.model_dump_json())
    argv = [sys.executable, "-m", "tuner_kit.workers.export_dataset"]

    killed = subprocess.Popen([*argv, request_path, tmp_path / "result.json"])
    wait_for_images(exports_dir)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()

    assert [path.name for path in exports_dir.iterdir()] == ["cats-1.partial"]
    subprocess.run([*argv, request_path, tmp_path / "result.json"], check=True, capture_output=True)
    assert {path.name for path in exports_dir.iterdir()} == {"cats-1", "cats-1.json"}
    assert len(list((exports_dir / "cats-1/images").iterdir())) == len(rows)


def wait_for_images(exports_dir: Path) -> None:
    deadline = time.monotonic() + 30
    while not list(exports_dir.glob("*.partial/images/*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_stopping_the_command_removes_what_is_half_done(tmp_path: Path, exports_dir: Path) -> None:
    folder = tmp_path / "cats"
    folder.mkdir()
    rows = [(encoded("red"), "a cat")] * 5_000
    (folder / "a.parquet").write_bytes(parquet_bytes(table_of(rows)))
    dataset = find_local_dataset(folder)
    assert dataset is not None

    def stop_halfway(event: Event) -> None:
        if event.current:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_dataset(dataset, exports_dir, on_event=stop_halfway)

    made = export_dataset(dataset, exports_dir, on_event=lambda _: None)
    assert made.summary.num_images == len(rows)
    assert list(exports_dir.glob("*.partial")) == []
