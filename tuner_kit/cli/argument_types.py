"""Numbers on the command line, with an error that says what is wrong with one."""

import argparse
import math


def whole(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number") from error


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def not_negative(text: str) -> int:
    """Read a whole number of at least 0."""
    value = whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is not at least 0")
    return value


def finite(text: str) -> float:
    """Read a number that is neither infinite nor none."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from error
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def seed(text: str) -> int:
    """Read a number that torch takes as a seed."""
    value = whole(text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 2^63")
    return value


def resolution_px(text: str) -> int:
    """Read the edge of training images, as `resolution_px` in tuner.yaml."""
    value = whole(text)
    if value % 64 or not 64 <= value <= 2048:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{value} is not a multiple of 64 from 64 to 2048")
    return value


def guidance_scale(text: str) -> float:
    """Read a strength of guidance, as `guidance_scale` in tuner.yaml."""
    value = finite(text)
    if not 0 <= value <= 30:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 30")
    return value
