"""The repository as these tests look at it: files and syntax trees, nothing imported."""

import ast
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "tuner_kit"

MODULES = tuple(sorted(PACKAGE.rglob("*.py")))
SHELL_SCRIPTS = tuple(sorted((REPOSITORY / "tools").glob("*.sh")))

_NOT_OURS = {".venv", ".poetry", ".git", "runs", "demo", "dist", "__pycache__", "node_modules"}
_TEXT_SUFFIXES = {
    *(".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".j2", ".css", ".html", ".json", ".svg"),
    *(".txt", ".cfg", ".typ", ".in", ""),
}


def name_of(path: Path) -> str:
    """Name a file relative to the repository."""
    return path.relative_to(REPOSITORY).as_posix()


def parse(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"), name_of(path))


def text_files() -> tuple[Path, ...]:
    """Every text file that belongs to the repository."""
    return tuple(sorted(_walk(REPOSITORY)))


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name in _NOT_OURS or path.name.endswith((".partial", "_cache")):
            continue
        if path.is_dir():
            found += _walk(path)
        elif path.suffix in _TEXT_SUFFIXES and path.name not in (".coverage", "poetry.lock"):
            found.append(path)
    return found
