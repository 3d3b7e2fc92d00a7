"""The only place that prints: results to stdout, everything else to stderr."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from shlex import quote
from textwrap import wrap

from pydantic import JsonValue
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tuner_kit.errors import Problem, Severity

_STYLES: Mapping[Severity, str] = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.NOTICE: "bold cyan",
}


class _Results(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main`; rich would end the program with exit code 1."""
        raise BrokenPipeError


class _Notes(Console):
    def on_broken_pipe(self) -> None:
        """Go on in silence: Ctrl-C ends `tee` too, and then a checkpoint is to be saved."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


_LABEL_COLUMNS = 9
_MIN_TEXT_COLUMNS = 20
_WIDTH_WITHOUT_TERMINAL = 400
_COMMAND_COLUMNS = 98


def results() -> Console:
    """Return the console for results: stdout."""
    # In a file or a pipe no line is folded: people look for words there.
    width = None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    return _Results(file=sys.stdout, highlight=False, soft_wrap=True, emoji=False, width=width)


def notes() -> Console:
    """Return the console for progress and problems: stderr."""
    return _Notes(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False)


def print_note(text: str) -> None:
    """Print one line beside the results."""
    notes().print(escape(text))


def print_command(words: Sequence[str]) -> None:
    """Print what a person would type; a long command goes on below, as a shell reads it."""
    parts = [""]
    for word in words:
        # An option stays with its value.
        parts = (
            [*parts, word] if word.startswith("-") else [*parts[:-1], f"{parts[-1]} {quote(word)}"]
        )
    lines = ["     $ tuner-kit" + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) > _COMMAND_COLUMNS:
            lines[-1] += " \\"
            lines.append("      ")
        lines[-1] += f" {part}"
    for line in lines:
        notes().print(f"[dim]{escape(line)}[/]")


def print_problems(problems: Sequence[Problem]) -> None:
    """Print each problem as what, where, fix; on a terminal, lines are broken between words."""
    console = notes()
    for problem in problems:
        style = _STYLES[problem.severity]
        head = f"{problem.severity} {problem.id}"
        _print_entry(console, f"[{style}]{head}[/]", len(head), problem.what)
        _print_entry(console, "  [dim]where[/]  ", _LABEL_COLUMNS, problem.where)
        _print_entry(console, "  [dim]fix[/]    ", _LABEL_COLUMNS, problem.fix)
        if problem.see is not None:
            _print_entry(console, "  [dim]see[/]    ", _LABEL_COLUMNS, problem.see)


def _print_entry(console: Console, label: str, label_columns: int, text: str) -> None:
    """Print a label and its text; what doesn't fit goes on below, indented."""
    first = label_columns + 2
    lines = [text]
    if console.is_terminal and first + len(text) >= console.width:
        width = max(console.width - 1, _LABEL_COLUMNS + _MIN_TEXT_COLUMNS)
        below = " " * (_LABEL_COLUMNS + 2)
        wrapped = wrap(" " * first + text, width, subsequent_indent=below, drop_whitespace=True)
        # A path is not broken: it is to be copied.
        lines = [wrapped[0][first:], *wrapped[1:]] if wrapped else [text]
    console.print(f"{label}  {escape(lines[0])}")
    for line in lines[1:]:
        console.print(escape(line))


def print_diff(diff: str) -> None:
    """Print a unified difference as a result."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    console = results()
    for line in diff.splitlines():
        style = styles.get(line[:1])
        console.print(f"[{style}]{escape(line)}[/]" if style else escape(line))


def print_json(value: JsonValue) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_paths(paths: Mapping[str, str]) -> None:
    """Print names and paths in two columns."""
    width = max(map(len, paths), default=0)
    for name, path in paths.items():
        sys.stdout.write(f"{name:<{width}}  {path}\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a plain table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    results().print(table)
