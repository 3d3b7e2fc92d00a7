"""Which phase the trainer is in, and what each takes, with meters that are read off a list."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tuner_kit.planning.memory import Phase
from tuner_kit.simpletuner.memory_file import TrainerMemory
from tuner_kit.workers.memory_meters import GpuPeak, RamSampler, parse_used
from tuner_kit.workers.start_trainer import MEMORY_VARIABLE as STARTED_WITH
from tuner_kit.workers.trainer_memory import (
    BOUNDARIES,
    Boundary,
    PhaseRecorder,
    is_out_of_memory,
)

GIB = 2**30


@dataclass
class Machine:
    """A process whose memory and time are what a test says."""

    ram_gib: float = 1.0
    gpu_gib: float = 0.0
    now: float = 100.0
    seen: list[Mapping[str, Any]] = field(default_factory=list)

    def take(self) -> int:
        return round(self.ram_gib * GIB)

    def start(self) -> None:
        pass

    def read(self) -> GpuPeak:
        return GpuPeak(round(self.gpu_gib * GIB), round(self.gpu_gib * GIB / 2), GIB // 2)

    def wait(self) -> None:
        pass

    def device_name(self) -> str | None:
        return "Fake GPU" if self.gpu_gib else None

    def recorder(self) -> PhaseRecorder:
        return PhaseRecorder(
            self.seen.append, self, self, lambda: self.now, age_s=lambda: self.now - 70
        )

    def last(self) -> TrainerMemory:
        return TrainerMemory.model_validate_json(json.dumps(self.seen[-1]))


@pytest.fixture
def machine() -> Machine:
    return Machine()


def watch(method_name: str) -> Callable[[Callable[..., Any], PhaseRecorder], Callable[..., Any]]:
    """Wrap a function as SimpleTuner's method of this name is."""
    boundary = find(method_name)
    return lambda function, recorder: boundary.watch(function, recorder, boundary.phase)


def find(method_name: str) -> Boundary:
    return next(each for each in BOUNDARIES if each.place.endswith(f".{method_name}"))


def test_each_phase_has_its_own_peak_and_time(machine: Machine) -> None:
    recorder = machine.recorder()

    recorder.begin("captions")
    machine.now, machine.ram_gib, machine.gpu_gib = 104.0, 6.0, 11.0
    recorder.begin("loading")
    machine.now, machine.ram_gib, machine.gpu_gib = 105.0, 3.0, 5.0
    recorder.save()

    captions, loading = (machine.last().phases[name] for name in ("captions", "loading"))
    assert (captions.seconds, captions.ram_gib, captions.gpu_gib) == (4.0, 6.0, 11.5)
    assert (loading.seconds, loading.ram_gib, loading.gpu_gib) == (1.0, 3.0, 5.5)
    assert captions.gpu_allocated_gib == 5.5
    assert machine.last().startup_seconds == 30.0
    assert machine.last().running == "loading"


def test_a_phase_that_comes_back_keeps_its_highest_peak(machine: Machine) -> None:
    recorder = machine.recorder()

    for ram_gib in (2.0, 5.0, 3.0):
        recorder.begin("saving")
        machine.ram_gib, machine.now = ram_gib, machine.now + 1
        recorder.begin("training")

    saving = machine.last().phases["saving"]
    assert (saving.ram_gib, saving.seconds) == (5.0, 3.0)


def test_without_a_gpu_only_ram_is_known(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("training")
    recorder.save()

    training = machine.last().phases["training"]
    assert training.gpu_gib is None
    assert training.gpu_context_gib is None
    assert machine.last().device is None


def test_a_step_counts_only_the_time_of_training(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("training")
    machine.now += 4
    recorder.note_step()
    recorder.begin("saving")
    machine.now += 60
    recorder.begin("training")
    machine.now += 0.5
    recorder.note_step()

    recorder.save()

    assert machine.last().step_seconds == (4.0, 0.5)


def test_a_call_inside_of_a_phase_gives_it_back(machine: Machine) -> None:
    recorder = machine.recorder()
    encode = watch("process_buckets")(lambda: recorder.running, recorder)
    recorder.begin("captions")

    assert encode() == "images"

    assert recorder.running == "captions"
    assert list(machine.last().phases) == ["captions", "images"]


def test_a_validation_that_does_nothing_is_none(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("training")
    skip = watch("run_validations")(lambda: None, recorder)

    skip()

    recorder.save()
    assert list(machine.last().phases) == ["training"]


def test_a_validation_lasts_until_it_returns(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("training")
    set_up = watch("setup_pipeline")(lambda: None, recorder)

    def validate() -> str | None:
        set_up()
        return recorder.running

    assert watch("run_validations")(validate, recorder)() == "validation"
    assert recorder.running == "training"


def test_the_final_weights_are_saved_after_training(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("training")
    emit = watch("_emit_event")(lambda _trainer, _event: None, recorder)

    emit(None, {"stage": {"key": "checkpoint_save", "status": "running"}})
    assert recorder.running == "training"
    emit(None, {"stage": {"key": "model_save", "status": "running"}})
    assert recorder.running == "saving"


def test_memory_that_runs_out_is_noted_where_it_did(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("training")
    set_up = watch("setup_pipeline")(lambda: None, recorder)

    def validate() -> None:
        set_up()
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(RuntimeError):
        watch("run_validations")(validate, recorder)()
    # The trainer logs that and goes on.
    recorder.begin("saving")

    assert machine.last().out_of_memory_in == "validation"
    assert machine.last().running == "saving"


def test_memory_that_runs_out_in_a_thread_is_of_the_images(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("captions")

    def encode() -> None:
        raise MemoryError

    def encode_in_thread() -> None:
        with pytest.raises(MemoryError):
            watch("encode_images")(encode, recorder)()

    thread = threading.Thread(target=encode_in_thread)
    thread.start()
    thread.join()

    assert machine.last().out_of_memory_in == "images"


def test_only_the_first_lack_of_memory_counts(machine: Machine) -> None:
    recorder = machine.recorder()
    recorder.begin("validation")
    recorder.note_failure(MemoryError())
    recorder.begin("saving")
    recorder.note_failure(MemoryError())

    assert machine.last().out_of_memory_in == "validation"


def test_another_error_is_not_noted(machine: Machine) -> None:
    recorder = machine.recorder()

    def train() -> None:
        raise ValueError("NaN")

    with pytest.raises(ValueError, match="NaN"):
        watch("train")(train, recorder)()

    recorder.save()
    assert machine.last().out_of_memory_in is None
    assert machine.last().running == "training"


class OutOfMemoryError(Exception):
    """As torch has one."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(MemoryError(), True, id="Python"),
        pytest.param(OutOfMemoryError("?"), True, id="torch"),
        pytest.param(RuntimeError("CUDA error: out of memory"), True, id="CUDA"),
        pytest.param(
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True, id="RAM"
        ),
        pytest.param(RuntimeError("size mismatch"), False, id="another"),
    ],
)
def test_an_error_says_that_memory_ran_out(error: Exception, *, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_the_phases_are_those_of_the_plan() -> None:
    assert {each.phase for each in BOUNDARIES} == set(Phase)
    assert all(each.reason for each in BOUNDARIES)


def test_the_trainer_is_started_with_the_variable_that_it_reads() -> None:
    from tuner_kit.simpletuner.memory_file import MEMORY_VARIABLE

    assert MEMORY_VARIABLE == STARTED_WITH


def test_a_short_peak_of_ram_is_seen() -> None:
    sampler = RamSampler()
    before = sampler.take()

    block = os.urandom(200 * 2**20)
    time.sleep(0.2)
    del block

    assert sampler.take() > before + 150 * 2**20


def test_what_others_use_is_read_from_the_driver() -> None:
    answer = "GPU-3f1e, 14\nGPU-77aa, [N/A]\n\nGPU-9bcd, 2048\n"

    assert parse_used(answer) == {"3f1e": 14 * 2**20, "9bcd": 2048 * 2**20}
