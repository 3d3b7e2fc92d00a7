"""Numbers and durations as a person reads them."""

from collections.abc import Sequence

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400
_KIB_PER_MIB = 1024


def format_duration(seconds: float) -> str:
    """Write a duration with at most two units: `0.4 s`, `41 s`, `3 min 12 s`, `2 h 5 min`."""
    if seconds < 10:  # noqa: PLR2004 - one digit before the point leaves room for one behind
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return _two_units(whole, ("min", _MINUTE_S), ("s", 1))
    if whole < _DAY_S:
        return _two_units(whole, ("h", _HOUR_S), ("min", _MINUTE_S))
    return _two_units(whole, ("d", _DAY_S), ("h", _HOUR_S))


def format_number(value: float) -> str:
    """Write a number with three significant digits, and without a padded exponent."""
    text = f"{value:.3g}"
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def format_loss(value: float) -> str:
    """Write a loss so that two of them line up."""
    return f"{value:.3f}"


def format_device(device: str) -> str:
    """Write torch's name of a kind of device as a person says it; other names stay."""
    return {"cpu": "CPU", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}.get(device, device)


def with_article(device: str) -> str:
    """Write a kind of device inside a sentence; other names need no article."""
    return {"cpu": "a CPU", "cuda": "an NVIDIA GPU", "mps": "an Apple GPU"}.get(device, device)


def format_rate(value: float) -> str:
    """Write a learning rate as people type it: `1e-4`, `2.5e-5`, `0.001`."""
    return f"{value:g}" if value >= 1e-3 else _scientific(value)  # noqa: PLR2004


def format_count(value: int) -> str:
    """Write a count with separated thousands."""
    return f"{value:,}"


def format_size(size_mib: float) -> str:
    """Write the size of a file."""
    if size_mib < 1:
        return f"{size_mib * _KIB_PER_MIB:.0f} KiB"
    return f"{size_mib:.1f} MiB"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 step`, `2,000 steps`."""
    return f"{format_count(count)} {noun}" + ("" if count == 1 else "s")


def spread[Item](items: Sequence[Item], limit: int) -> tuple[Item, ...]:
    """Choose at most `limit` evenly spaced items, always with the first and the last."""
    if len(items) <= limit:
        return tuple(items)
    last = len(items) - 1
    return tuple(items[round(index * last / (limit - 1))] for index in range(limit))


def _two_units(seconds: int, large: tuple[str, int], small: tuple[str, int]) -> str:
    count, rest = divmod(seconds, large[1])
    part = rest // small[1]
    return f"{count} {large[0]}" + (f" {part} {small[0]}" if part else "")


def _scientific(value: float) -> str:
    mantissa, _, exponent = f"{value:e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
