"""Where the shipped templates lie: inside the wheel, or beside the package in a checkout."""

from pathlib import Path

_PACKAGE_DIR = Path(__file__).resolve().parent.parent


def templates_dir() -> Path:
    """Return the folder of templates and presets."""
    packaged = _PACKAGE_DIR / "_shipped" / "templates"
    return packaged if packaged.is_dir() else _PACKAGE_DIR.parent / "templates"
