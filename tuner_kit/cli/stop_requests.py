"""Ctrl-C while the trainer runs: the first saves, the second ends at once."""

import signal
from types import FrameType, TracebackType
from typing import Self


class StopOnSignal:
    """Counts Ctrl-C (and SIGTERM) while training; at other times they interrupt as usual."""

    def __init__(self) -> None:
        self.count = 0
        self.is_training = False
        self._previous = {number: signal.getsignal(number) for number in _NUMBERS}

    def __enter__(self) -> Self:
        """Take the signals over."""
        for number in _NUMBERS:
            signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self.is_training:
            raise KeyboardInterrupt
        self.count += 1  # printing could interrupt a print: that is done at the next look


_NUMBERS = (signal.SIGINT, signal.SIGTERM)
