"""Two measured steps on a GPU: what torch counts agrees with what the driver says."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline import RunTuner

from tuner_kit.planning.memory import Phase
from tuner_kit.preflight.accelerators import find_accelerators
from tuner_kit.preflight.probe_record import ProbeRecord

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not any(gpu.memory_mib for gpu in find_accelerators()), reason="needs an NVIDIA GPU"
    ),
]

CONFIG = """\
name: probed
preset: tiny-lora
datasets: [{{path: {photos}, resolution_px: 64}}]
training: {{max_train_steps: 500, checkpointing_steps: 100, mixed_precision: bf16}}
validation: {{prompts: [a red tiled roof], resolution_px: 64, validation_steps: 100}}
"""


class DriverPeak:
    """The most memory in use on the first GPU, as nvidia-smi says, in GiB."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.gib = self.before_gib = self._ask()
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.1):
            self.gib = max(self.gib, self._ask())

    def _ask(self) -> float:
        command = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits")
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(answer.splitlines()[0]) / 1024


@pytest.fixture
def driver() -> Iterator[DriverPeak]:
    peak = DriverPeak()
    yield peak
    peak.stop()


def test_measured_gpu_memory_agrees_with_the_driver(
    run_tuner: RunTuner,
    environment: dict[str, str],
    photos_dir: Path,
    tmp_path: Path,
    driver: DriverPeak,
) -> None:
    (tmp_path / "tuner.yaml").write_text(CONFIG.format(photos=photos_dir), encoding="utf-8")

    done = run_tuner(tmp_path, "check", "--probe")

    driver.stop()
    assert done.exit_code == 0, done.stderr
    (path,) = Path(environment["XDG_CACHE_HOME"]).glob("tuner_kit/probes/*/record.json")
    record = ProbeRecord.model_validate_json(path.read_bytes())
    sizes = {found.phase: found.gpu_gib or 0.0 for found in record.phases}
    contexts = [found.gpu_context_gib or 0.0 for found in record.phases]
    assert sizes.keys() == set(Phase)
    # A tiny model's peak is mostly context; nvidia-smi is asked ten times a second.
    assert max(sizes.values()) == pytest.approx(driver.gib - driver.before_gib, rel=0.15)
    assert all(0.1 < gib < 2 for gib in contexts)
    assert record.seconds_per_step is not None
