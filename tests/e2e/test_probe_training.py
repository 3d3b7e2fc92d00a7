"""Two measured steps of the real SimpleTuner on the embedded model."""

from pathlib import Path

import pytest
from pipeline import Finished, RunTuner

from tuner_kit.planning.memory import Phase
from tuner_kit.preflight.probe_record import ProbeRecord

pytestmark = pytest.mark.e2e

CONFIG = """\
name: probed
preset: tiny-lora
datasets: [{{path: {photos}, resolution_px: 64}}]
training: {{max_train_steps: 500, checkpointing_steps: 100, train_batch_size: 2}}
validation: {{prompts: [a red tiled roof, a cat], resolution_px: 64, validation_steps: 100}}
lora: {{rank: 4}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos_dir: Path) -> Path:
    folder = tmp_path_factory.mktemp("probed")
    (folder / "tuner.yaml").write_text(CONFIG.format(photos=photos_dir), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def probed(run_tuner: RunTuner, folder: Path) -> Finished:
    done = run_tuner(folder, "check", "--probe")
    assert done.exit_code == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def record(probed: Finished, environment: dict[str, str]) -> ProbeRecord:
    assert probed.exit_code == 0
    (path,) = Path(environment["XDG_CACHE_HOME"]).glob("tuner_kit/probes/*/*")
    assert path.name == "record.json"
    return ProbeRecord.model_validate_json(path.read_bytes())


def test_every_phase_has_a_plausible_peak_of_ram(record: ProbeRecord) -> None:
    peaks = {found.phase: found.ram_gib for found in record.phases}

    assert peaks.keys() == set(Phase)
    # torch and diffusers alone take 0.8 GiB; the model has a few MB.
    assert all(0.5 < gib < 4 for gib in peaks.values())
    assert record.ran_out is None


def test_phases_and_steps_take_time(record: ProbeRecord) -> None:
    assert all(found.seconds > 0 for found in record.phases)
    assert record.seconds_per_step is not None
    assert 0.01 < record.seconds_per_step < 20
    training = next(found for found in record.phases if found.phase is Phase.TRAINING)
    assert record.seconds_per_step < training.seconds
    assert record.startup_seconds is not None
    assert record.startup_seconds > 1  # imports alone take longer


def test_nothing_is_left_but_the_record(probed: Finished, folder: Path) -> None:
    assert probed.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["tuner.yaml"]


def test_later_checks_plan_with_what_was_measured(
    run_tuner: RunTuner, folder: Path, record: ProbeRecord
) -> None:
    done = run_tuner(folder, "check")

    (line,) = (line for line in done.stdout.splitlines() if line.split()[:1] == ["RAM"])
    largest = max(found.ram_gib for found in record.phases)
    assert f"{largest:.1f} GiB" in line
    assert line.endswith("measured")


def test_the_table_names_what_was_planned_and_measured(probed: Finished) -> None:
    for phase in Phase:
        (line,) = (line for line in probed.stdout.splitlines() if line.startswith(phase))
        assert line.count("iB") >= 2
