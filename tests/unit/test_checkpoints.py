"""Which checkpoints training may continue from."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project_files import Project

from tuner_kit.simpletuner.checkpoints import list_checkpoints, newest_whole_step


@pytest.fixture
def checkpoints_dir(killed: Project) -> Path:
    """What a trainer left: checkpoint-2 and checkpoint-4."""
    return killed.run.checkpoints_dir


def test_the_newest_whole_checkpoint_counts(checkpoints_dir: Path) -> None:
    assert [found.step for found in list_checkpoints(checkpoints_dir)] == [2, 4]
    assert newest_whole_step(checkpoints_dir) == 4


def test_steps_are_sorted_as_numbers(checkpoints_dir: Path) -> None:
    shutil.copytree(checkpoints_dir / "checkpoint-4", checkpoints_dir / "checkpoint-10")

    assert newest_whole_step(checkpoints_dir) == 10


def test_what_is_no_checkpoint_is_passed_over(checkpoints_dir: Path) -> None:
    shutil.copytree(checkpoints_dir / "checkpoint-4", checkpoints_dir / "checkpoint-best")
    shutil.copytree(checkpoints_dir / "checkpoint-4", checkpoints_dir / "aside-checkpoint-8")
    (checkpoints_dir / "checkpoint-99").touch()

    assert newest_whole_step(checkpoints_dir) == 4


def test_a_folder_that_is_not_there_has_no_checkpoints(tmp_path: Path) -> None:
    assert newest_whole_step(tmp_path / "none") == 0


def _guard(folder: Path) -> None:
    (folder / ".guard").write_text("writing")


def _counter(folder: Path) -> None:
    (folder / "training_state.json").write_text('{"global_step": null}')


def _list_as_state(folder: Path) -> None:
    (folder / "training_state.json").write_text("[]")


def _empty_weights(folder: Path) -> None:
    (folder / "pytorch_lora_weights.safetensors").write_bytes(b"")


def _foreign_weights(folder: Path) -> None:
    (folder / "pytorch_lora_weights.safetensors").write_bytes(b"\x02" + bytes(7) + b"[]\0\0")


def _half_header(folder: Path) -> None:
    path = folder / "pytorch_lora_weights.safetensors"
    path.write_bytes(path.read_bytes()[:40])


def _lost_optimizer(folder: Path) -> None:
    (folder / "optimizer.bin").unlink()


def _manifest(folder: Path) -> None:
    (folder / "checkpoint_manifest.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        _guard,
        _counter,
        _list_as_state,
        _empty_weights,
        _foreign_weights,
        _half_header,
        _lost_optimizer,
        _manifest,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_a_damaged_checkpoint_is_not_whole(
    checkpoints_dir: Path, damage: Callable[[Path], None]
) -> None:
    damage(checkpoints_dir / "checkpoint-4")

    assert newest_whole_step(checkpoints_dir) == 2


def test_a_manifest_may_describe_its_files(checkpoints_dir: Path) -> None:
    path = checkpoints_dir / "checkpoint-4" / "checkpoint_manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({"files": [{"path": name} for name in manifest["files"]]}))

    assert newest_whole_step(checkpoints_dir) == 4
