"""Sizes, names and docstrings of modules, classes and functions."""

import ast
from collections.abc import Iterator

from package_facts import MODULES, REPOSITORY, name_of, parse

MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 400
MAX_SUMMARY_CHARACTERS = 95

FORBIDDEN_NAMES = frozenset(
    {"utils", "util", "helpers", "common", "misc", "base", "core", "manager", "handler"}
)

ALL_CODE = (
    *MODULES,
    *sorted((REPOSITORY / "tests").rglob("*.py")),
    *sorted((REPOSITORY / "tools").rglob("*.py")),
    *sorted((REPOSITORY / "benchmarks").rglob("*.py")),
)


def test_a_file_has_at_most_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in ALL_CODE}
    assert [name_of(path) for path, length in lengths.items() if length > MAX_FILE_LINES] == []


def test_a_function_has_at_most_50_lines() -> None:
    too_long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in ALL_CODE
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_a_modules_name_says_what_is_in_it() -> None:
    vague = [name_of(path) for path in MODULES if {path.stem, path.parent.name} & FORBIDDEN_NAMES]
    assert vague == []


def test_everything_public_is_described_in_one_short_line_first() -> None:
    summaries = {
        f"{name_of(path)} {name}": line
        for path in MODULES
        if path.read_text(encoding="utf-8")
        for name, line in described(parse(path))
    }
    assert [name for name, line in summaries.items() if not line] == []
    too_long = [name for name, line in summaries.items() if len(line) > MAX_SUMMARY_CHARACTERS]
    assert too_long == []


def described(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Give each public name with the first line of its docstring."""
    yield "(module)", first_line(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, first_line(node)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    yield f"{node.name}.{member.name}", first_line(member)


def first_line(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    """Return the first line of a docstring, or nothing."""
    return (ast.get_docstring(node) or "").partition("\n")[0]
