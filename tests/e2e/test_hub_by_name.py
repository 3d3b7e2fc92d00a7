"""`check --data` of a dataset on a Hub: a real client against a server on this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_hub import FakeHub
from hub_tables import encoded, parquet_bytes, table_of

pytestmark = pytest.mark.e2e

SHARD = "data/train-00000-of-00001.parquet"
TWO = parquet_bytes(table_of([(encoded("red"), "a red cat"), (encoded("blue"), "a blue cat")]))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A Hub that the worker finds, and an empty cache of its files."""
    with FakeHub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
            monkeypatch.delenv(name, raising=False)
        yield running


def check_data(folder: Path, written: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tuner_kit", "check", "--data", written],
        cwd=folder,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("written", ["me/cats", "hf://datasets/me/cats"])
def test_a_dataset_on_the_hub_is_checked_by_its_name(
    hub: FakeHub, tmp_path: Path, written: str
) -> None:
    hub.commit("me/cats", {SHARD: TWO})

    done = check_data(tmp_path, written)

    assert done.returncode == 0, done.stderr
    assert written in done.stdout
    assert "2 found, 2 with caption" in done.stdout


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(
    hub: FakeHub, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()

    done = check_data(tmp_path, "data/cats")

    assert done.returncode == 4
    assert "error D01" in done.stderr
    assert hub.requests == []
