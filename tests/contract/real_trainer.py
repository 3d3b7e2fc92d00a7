"""The real SimpleTuner, asked in a child process that imports it once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

CHILD = Path(__file__).with_name("trainer_child.py")
REPOSITORY = Path(__file__).parents[2]

SMALLEST_CONFIG: dict[str, object] = {
    "model_type": "lora",
    "model_family": "sd3",
    "optimizer": "torch-adamw",
    "output_dir": "output",
    "data_backend_config": "multibackend.json",
    "num_train_epochs": 0,
    "max_train_steps": 2,
    "mixed_precision": "no",
    "tracker_project_name": "probe",
}
"""The least that SimpleTuner's own parser takes."""


class TrainerRefusalError(Exception):
    """The real SimpleTuner refused its input; the text is its own."""


class RealParser:
    """Asks SimpleTuner itself, in a child process that imports it once (about 25 s)."""

    def __init__(self, folder: Path, child: "subprocess.Popen[str]") -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._folder = folder
        self._requests: IO[str] = child.stdin
        self._answers: IO[str] = child.stdout

    def parse(
        self, config: Mapping[str, object], multibackend: Sequence[object] | None = None
    ) -> dict[str, Any]:
        """What the trainer sees of this config.json: every option by its name, as JSON.

        With `multibackend`, the datasets are read by SimpleTuner's own classes as well.

        Raises:
            TrainerRefusalError: SimpleTuner refuses either file.
        """
        if multibackend is not None:
            self.parse_datasets(config, multibackend)
        parsed: dict[str, Any] = self.ask("parse", self._written(config))
        return parsed

    def parse_datasets(
        self, config: Mapping[str, object], multibackend: Sequence[object]
    ) -> list[dict[str, Any]]:
        """What the trainer's dataset classes make of multibackend.json."""
        path = self._folder / "multibackend.json"
        path.write_text(json.dumps(multibackend), encoding="utf-8")
        datasets: list[dict[str, Any]] = self.ask(
            "parse_datasets", self._written({**config, "data_backend_config": str(path)})
        )
        return datasets

    def ask(self, question: str, config_path: Path | None = None) -> Any:
        """One question of trainer_child.py."""
        path = config_path or self._written(SMALLEST_CONFIG)
        self._requests.write(json.dumps({"question": question, "config_path": str(path)}) + "\n")
        self._requests.flush()
        line = self._answers.readline()
        assert line, f"the child ended: {(self._folder / 'stderr.txt').read_text()[-3000:]}"
        answer: dict[str, Any] = json.loads(line)
        if "refusal" in answer:
            raise TrainerRefusalError(answer["refusal"])
        return answer["value"]

    def probe(self, function: str, payload: object = None) -> Any:
        """Let a function of a module in this folder answer, inside the child.

        Args:
            function: `module:function`; it gets the payload and returns JSON.
            payload: anything that JSON holds.

        Raises:
            TrainerRefusalError: it raised something; the text is the last line.
        """
        path = self._folder / "payload.json"
        path.write_text(json.dumps(payload), encoding="utf-8")
        return self.ask(function, path)

    def _written(self, config: Mapping[str, object]) -> Path:
        path = self._folder / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return path


@contextmanager
def start_trainer_child(
    program: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """Start a program that imports the real trainer, with `folder` for its files; end it after."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("SIMPLETUNER_")
    }
    inherited.pop("SDNQ_USE_TORCH_COMPILE", None)
    with (
        (folder / "stderr.txt").open("w") as said,
        subprocess.Popen(
            [sys.executable, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=folder,  # SimpleTuner leaves a debug.log where it is started.
            env=inherited | {"CONFIG_BACKEND": "json", "HF_HUB_OFFLINE": "1"} | dict(environment),
            text=True,
        ) as child,
    ):
        yield child
        assert child.stdin is not None
        child.stdin.close()


@contextmanager
def start_real_parser(folder: Path) -> Iterator[RealParser]:
    """Start the child with `folder` for its files, and end it afterwards."""
    search_path = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tools", CHILD.parent)))
    with start_trainer_child(CHILD, folder, {"PYTHONPATH": search_path}) as child:
        yield RealParser(folder, child)


@pytest.fixture(scope="session")
def real_parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealParser]:
    with start_real_parser(tmp_path_factory.mktemp("real_simpletuner")) as parser:
        yield parser
