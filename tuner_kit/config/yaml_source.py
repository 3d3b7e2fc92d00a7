"""YAML 1.2 with the line of every key: text -> plain data, positions, problems."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from tuner_kit.errors import Problem

type KeyPath = tuple[str | int, ...]
"""Where a value sits: `("datasets", 0, "path")`."""


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A YAML file that was read: its data and where each value is written."""

    name: str
    """The file as the person called it."""
    data: JsonValue
    lines: Mapping[KeyPath, int]
    """Line number, from 1, of each key (or list item)."""
    problems: tuple[Problem, ...]

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a value, or of the nearest section that is written; else 0."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 0

    def locate(self, path: KeyPath) -> str:
        """Say where a value is: `tuner.yaml:12  training.learning_rate`."""
        line = self.line_of(path)
        place = f"{self.name}:{line}" if line else self.name
        return f"{place}  {format_key_path(path)}".rstrip()


def format_key_path(path: KeyPath) -> str:
    """Write a path as people do: `datasets[0].resolution_px`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def parse_yaml(text: str, *, name: str) -> YamlSource:
    """Read YAML text; syntax errors and keys written twice become problems."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    try:
        root = yaml.compose(text)
        data: JsonValue = yaml.load(text)
    except YAMLError as error:
        return YamlSource(name, None, {}, (_syntax_problem(error, name),))
    lines: dict[KeyPath, int] = {}
    duplicates: list[Problem] = []
    if root is not None:
        _walk(root, (), lines, duplicates, name)
    return YamlSource(name, data, lines, tuple(duplicates))


def _syntax_problem(error: YAMLError, name: str) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    reason = error.problem if isinstance(error, MarkedYAMLError) and error.problem else str(error)
    return Problem(
        id="C02",
        what=f"the file is not valid YAML: {reason}",
        where=f"{name}:{mark.line + 1}, column {mark.column + 1}" if mark else name,
        fix="check indentation (spaces, no tabs), colons and quotes at this line",
    )


def _walk(
    node: Node,
    path: KeyPath,
    lines: dict[KeyPath, int],
    duplicates: list[Problem],
    name: str,
) -> None:
    if isinstance(node, MappingNode):
        for key_node, value_node in node.value:
            child = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if child in lines:
                duplicates.append(_duplicate_problem(child, lines[child], line, name))
            lines[child] = line
            _walk(value_node, child, lines, duplicates, name)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            lines[*path, index] = item.start_mark.line + 1
            _walk(item, (*path, index), lines, duplicates, name)


def _duplicate_problem(path: KeyPath, first: int, second: int, name: str) -> Problem:
    return Problem(
        id="C03",
        what=f"{path[-1]} is written twice, first in line {first}",
        where=f"{name}:{second}  {format_key_path(path)}",
        fix="keep one of the two lines",
    )
