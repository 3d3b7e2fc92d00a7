"""Progress on the terminal: one live line there, plain lines in a log file."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from tuner_kit.cli.console import notes
from tuner_kit.process.messages import Event
from tuner_kit.simpletuner.progress import Phase, TrainingProgress

_PLAIN_EVERY_S = 10.0


class ProgressLine:
    """Shows what is being done; on a terminal the line is rewritten in place."""

    def __init__(self) -> None:
        self._console = notes()
        self._live = (
            Live(console=self._console, transient=True, refresh_per_second=5)
            if sys.stderr.isatty()
            else None
        )
        self._shown: str | None = None
        self._next_plain = 0.0
        self._started = time.monotonic()
        self._phase = ""
        self._phase_started = self._started

    def __enter__(self) -> Self:
        """Take the terminal's last line."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the line back, empty."""
        if self._live is not None:
            self._live.stop()

    def on_event(self, event: Event) -> None:
        """Show a worker's progress."""
        if event.phase != self._phase:
            self._phase, self._phase_started = event.phase, time.monotonic()
        elapsed_s = time.monotonic() - self._phase_started
        self._show(event.phase, describe_event(event, elapsed_s))

    def on_training(self, progress: TrainingProgress) -> None:
        """Show the trainer's phase, and in training step, loss and time left."""
        self._show(progress.phase.value, describe(progress))

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(Text(text))

    def _show(self, kind: str, text: str) -> None:
        elapsed = format_seconds(time.monotonic() - self._started)
        if self._live is not None:
            self._live.update(Text(f"[{elapsed}] {text}", no_wrap=True, overflow="ellipsis"))
            return
        now = time.monotonic()
        if kind != self._shown or now >= self._next_plain:
            self._console.print(Text(f"[{elapsed}] {text}"))
            self._shown, self._next_plain = kind, now + _PLAIN_EVERY_S


def describe_event(event: Event, elapsed_s: float) -> str:
    """Write a worker's progress as one line; from the second second on with rate and time left."""
    if not event.current:
        return event.phase
    if not event.total:
        return f"{event.phase} {event.current}"
    parts = [f"{event.phase} {event.current}/{event.total}"]
    rate = event.current / elapsed_s if elapsed_s > 1 else 0.0
    if rate and event.current < event.total:
        remaining_s = (event.total - event.current) / rate
        parts.append(f"{rate:.3g}/s" if rate < 100 else f"{rate:.0f}/s")  # noqa: PLR2004
        parts.append(f"{format_seconds(remaining_s)} left")
    return "  ".join(parts)


def describe(progress: TrainingProgress) -> str:
    """Write a training's state as one line."""
    parts = [progress.phase.value]
    if progress.to_cache and progress.phase in (Phase.TEXT_CACHE, Phase.VAE_CACHE):
        parts.append(f"{progress.cached or 0}/{progress.to_cache}")
    if progress.step:
        parts.append(f"step {progress.step}/{progress.total_steps}")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4f}")
    if progress.learning_rate is not None:
        parts.append(f"lr {progress.learning_rate:.2e}")
    if progress.seconds_per_step is not None:
        parts.append(f"{progress.seconds_per_step:.2f} s/step")
    if progress.remaining_s is not None and progress.step < progress.total_steps:
        parts.append(f"{format_seconds(progress.remaining_s)} left")
    return "  ".join(parts)


def format_seconds(seconds: float) -> str:
    """Write a duration as `42s`, `3m 07s` or `2h 05m`."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"
