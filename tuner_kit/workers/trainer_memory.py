"""The memory and the time that each phase of SimpleTuner takes, written to a JSON file.

Where a phase begins is known from calls of SimpleTuner's own methods (`BOUNDARIES`). The file
is replaced at every change of phase and when the process ends, so what a trainer that ran out
of memory was doing is in it, even when the kernel killed it:

    {"schema_version": 1, "device": "NVIDIA H200", "startup_seconds": 31.2,
     "phases": {"captions": {"seconds": 4.1, "ram_gib": 6.2, "gpu_reserved_gib": 11.0,
                             "gpu_allocated_gib": 10.4, "gpu_context_gib": 0.5}},
     "step_seconds": [3.1, 0.6], "running": "training", "out_of_memory_in": null}
"""

import atexit
import functools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from tuner_kit.workers.memory_meters import (
    NO_GPU,
    CudaMeter,
    GpuPeak,
    RamSampler,
    process_started_at,
)

_GIB = 1024**3
_STEPPING = "training"


class RamMeter(Protocol):
    """Says how much RAM this process held."""

    def take(self) -> int:
        """Return the peak in bytes since the last call, and start anew."""


class GpuMeter(Protocol):
    """Says how much GPU memory this process held."""

    def start(self) -> None:
        """Begin anew."""

    def read(self) -> GpuPeak:
        """Return the peak since then."""

    def wait(self) -> None:
        """Wait until the GPU is done."""

    def device_name(self) -> str | None:
        """Name the GPU; None without one."""


@dataclass(slots=True)
class _Sums:
    """What one phase took so far, in all of its stretches."""

    seconds: float = 0.0
    ram_bytes: int = 0
    gpu: GpuPeak = field(default=NO_GPU)


class PhaseRecorder:
    """Knows which phase is running, and what each has taken."""

    def __init__(
        self,
        write: Callable[[Mapping[str, object]], None],
        ram: RamMeter,
        gpu: GpuMeter,
        clock: Callable[[], float] = time.monotonic,
        *,
        age_s: Callable[[], float],
    ) -> None:
        """Take the meters.

        Args:
            write: called with everything known, at each change.
            ram: of this process.
            gpu: of this process.
            clock: seconds from any moment on.
            age_s: seconds since this process was started.
        """
        self._write, self._ram, self._gpu, self._clock, self._age_s = write, ram, gpu, clock, age_s
        self._lock = threading.RLock()  # images are encoded in threads, and may fail there
        self._sums: dict[str, _Sums] = {}
        self._began = 0.0
        self._startup_s: float | None = None
        self._step_ends: list[float] = []
        self._died_in: str | None = None
        self.running: str | None = None
        """The phase under way; None before the first."""

    def begin(self, phase: str | None) -> None:
        """Let a phase begin, and the one before it rest."""
        with self._lock:
            self._add_stretch()
            if self._startup_s is None:
                self._startup_s = self._age_s()
            self._gpu.start()
            self._ram.take()
            self.running, self._began = phase, self._clock()
            self._write(self._summary())

    def note_step(self) -> None:
        """Note that an optimizer step is done."""
        self._gpu.wait()
        before = self._sums.get(_STEPPING, _Sums()).seconds
        self._step_ends.append(before + self._clock() - self._began)

    def note_failure(self, error: BaseException, phase: str | None = None) -> None:
        """Note in which phase memory ran out; an error that passes on is noted once."""
        with self._lock:
            if self._died_in is None and is_out_of_memory(error):
                self._died_in = phase or self.running
                self.save()

    def save(self) -> None:
        """Write what is known up to now; the phase goes on."""
        with self._lock:
            self._add_stretch()
            self._began = self._clock()
            self._write(self._summary())

    def _add_stretch(self) -> None:
        if self.running is None:
            return
        sums = self._sums.setdefault(self.running, _Sums())
        sums.seconds += self._clock() - self._began
        sums.ram_bytes = max(sums.ram_bytes, self._ram.take())
        sums.gpu = max(sums.gpu, self._gpu.read(), key=lambda peak: peak.total)

    def _summary(self) -> Mapping[str, object]:
        ends = (0.0, *self._step_ends)
        return {
            "schema_version": 1,
            "device": self._gpu.device_name(),
            "startup_seconds": self._startup_s,
            "phases": {phase: _describe(sums) for phase, sums in self._sums.items()},
            "step_seconds": [end - start for start, end in pairwise(ends)],
            "running": self.running,
            "out_of_memory_in": self._died_in,
        }


def _describe(sums: _Sums) -> Mapping[str, float | None]:
    has_gpu = sums.gpu.reserved > 0
    return {
        "seconds": sums.seconds,
        "ram_gib": sums.ram_bytes / _GIB,
        "gpu_reserved_gib": sums.gpu.reserved / _GIB if has_gpu else None,
        "gpu_allocated_gib": sums.gpu.allocated / _GIB if has_gpu else None,
        "gpu_context_gib": sums.gpu.context / _GIB if has_gpu else None,
    }


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the process."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # The second is what torch says about RAM.
    return any(words in str(error) for words in ("out of memory", "can't allocate memory"))


# ------------------------------------------------------------- SimpleTuner's own methods

type _Method = Callable[..., Any]
type _Watch = Callable[[_Method, PhaseRecorder, str], _Method]


def _until_next(method: _Method, recorder: PhaseRecorder, phase: str) -> _Method:
    """Let the phase begin with the call; it lasts until another begins."""

    @functools.wraps(method)
    def watched(*args: object, **kwargs: object) -> object:
        recorder.begin(phase)
        return _noting_failure(method, recorder)(*args, **kwargs)

    return watched


def _during(method: _Method, recorder: PhaseRecorder, phase: str) -> _Method:
    """Let the phase last as long as the call."""
    return _giving_back(_until_next(method, recorder, phase), recorder, phase)


def _giving_back(method: _Method, recorder: PhaseRecorder, _: str) -> _Method:
    """Let the phase before the call go on after it, whatever began in between."""

    @functools.wraps(method)
    def watched(*args: object, **kwargs: object) -> object:
        before = recorder.running
        try:
            return _noting_failure(method, recorder)(*args, **kwargs)
        finally:
            if recorder.running != before:
                recorder.begin(before)

    return watched


def _failing(method: _Method, recorder: PhaseRecorder, phase: str) -> _Method:
    """Note how the call fails; it may run in any thread."""
    return _noting_failure(method, recorder, phase)


def _noting_failure(method: _Method, recorder: PhaseRecorder, phase: str | None = None) -> _Method:
    @functools.wraps(method)
    def watched(*args: object, **kwargs: object) -> object:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            recorder.note_failure(error, phase)
            raise

    return watched


def _at_step(method: _Method, recorder: PhaseRecorder, _: str) -> _Method:
    @functools.wraps(method)
    def watched(*args: object, **kwargs: object) -> object:
        recorder.note_step()
        return method(*args, **kwargs)

    return watched


def _at_final_save(method: _Method, recorder: PhaseRecorder, phase: str) -> _Method:
    """Let the phase begin when the trainer announces that it writes the final weights."""

    @functools.wraps(method)
    def watched(trainer: object, event: Any, *args: object, **kwargs: object) -> object:  # noqa: ANN401 - foreign value
        stage = event.get("stage") if isinstance(event, Mapping) else None
        if stage and (stage.get("key"), stage.get("status")) == ("model_save", "running"):
            recorder.begin(phase)
        return method(trainer, event, *args, **kwargs)

    return watched


@dataclass(frozen=True, slots=True)
class Boundary:
    """A method of SimpleTuner 4.10.1 whose call tells a phase."""

    place: str
    """Module, class and method."""
    phase: str
    """As planning names it."""
    watch: _Watch
    reason: str
    """Why this call, with its line in the release."""


_TRAINER = "simpletuner.helpers.training.trainer:Trainer"
_VALIDATION = "simpletuner.helpers.training.validation:Validation"
_LATENTS = "simpletuner.helpers.caching.vae:VAECache"

BOUNDARIES: tuple[Boundary, ...] = (
    Boundary(
        f"{_TRAINER}.init_preprocessing_models",
        "captions",
        _until_next,
        "trainer.py:2640: autoencoder and text encoders are loaded, which no stage tells",
    ),
    Boundary(
        f"{_LATENTS}.process_buckets",
        "images",
        _during,
        "caching/vae.py:2076: its stage is announced when it is over",
    ),
    Boundary(
        f"{_LATENTS}.encode_images",
        "images",
        _failing,
        "caching/vae.py:2253: what fails while images are encoded is logged, and training goes on",
    ),
    Boundary(
        f"{_TRAINER}.init_load_base_model",
        "loading",
        _until_next,
        "trainer.py:2691: its stage ends before adapter, precision and the move to the GPU",
    ),
    Boundary(
        f"{_TRAINER}.train",
        _STEPPING,
        _until_next,
        "trainer.py:6916: no stage tells that the first step begins",
    ),
    Boundary(
        "simpletuner.helpers.training.iteration_tracker:IterationTracker.record_step",
        _STEPPING,
        _at_step,
        "trainer.py:7423: the metrics average the first step, which warms up, with the others",
    ),
    Boundary(
        f"{_VALIDATION}.run_validations",
        "validation",
        _giving_back,
        "validation.py:2650: called after every step, mostly to do nothing",
    ),
    Boundary(
        f"{_VALIDATION}.setup_pipeline",
        "validation",
        _until_next,
        "validation.py:3107: only a validation that takes place gets here",
    ),
    Boundary(
        f"{_TRAINER}.checkpoint_state_save",
        "saving",
        _during,
        "trainer.py:6654: its stage ends before the state of the samplers is written",
    ),
    Boundary(
        f"{_TRAINER}._emit_event",
        "saving",
        _at_final_save,
        "trainer.py:7772: the final weights are written inside of train()",
    ),
)


def record_memory_to(memory_path: Path) -> None:
    """Record this process's phases in `memory_path`.

    Must run before SimpleTuner's `Trainer` is built and before torch touches a GPU.
    """
    recorder = PhaseRecorder(
        lambda summary: _replace_file(memory_path, summary),
        RamSampler(),
        CudaMeter(),
        age_s=lambda: time.time() - process_started_at(),
    )
    for boundary in BOUNDARIES:
        owner, name = _find(boundary.place)
        setattr(owner, name, boundary.watch(getattr(owner, name), recorder, boundary.phase))
    atexit.register(recorder.save)


def _find(place: str) -> tuple[object, str]:
    module, _, path = place.partition(":")
    owner, _, method = path.partition(".")
    return getattr(import_module(module), owner), method


def _replace_file(path: Path, summary: Mapping[str, object]) -> None:
    partial_path = path.with_name(f".{path.name}.partial")
    partial_path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    partial_path.replace(path)
