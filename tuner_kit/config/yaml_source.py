"""YAML 1.2 with the line of every key: text -> plain data, positions, problems."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from tuner_kit.errors import Problem

type KeyPath = tuple[str | int, ...]
"""Where a value sits: `("datasets", 0, "path")`."""

_MAX_DEPTH = 64
"""Far below the depth at which pydantic's JSON reader gives up (200)."""
_MAX_VALUES = 20_000
"""A few anchors inside each other can stand for billions of values."""


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


class _PlainConstructor(SafeConstructor):
    """Builds plain data; whatever a value's type can't hold is an error with its line."""

    def construct_object(self, node: Node, deep: bool = False) -> object:  # noqa: FBT001, FBT002 - ruamel's
        """Build the value of a node."""
        try:
            value = super().construct_object(node, deep)
        except (ValueError, KeyError, OverflowError) as error:  # `!!int abc`, 5000 digits
            raise _at(node, f"the value can't be read: {error}", ConstructorError) from error
        if isinstance(value, str) and not _is_usable(value):
            raise _at(node, "the text has a character that no file can hold", ConstructorError)
        return value


# YAML 1.2 has no dates: `2024-12-05` stays the text that it is.
_PlainConstructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _is_usable(text: str) -> bool:
    """Escapes in quotes can write what paths and UTF-8 files can't: NUL, lone surrogates."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def _at(node: Node, problem: str, kind: type[MarkedYAMLError]) -> MarkedYAMLError:
    return kind(problem=problem, problem_mark=node.start_mark)


def parse_yaml(text: str, *, name: str) -> YamlSource:
    """Read YAML text; syntax errors and keys written twice become problems."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    yaml.Constructor = _PlainConstructor
    lines: dict[KeyPath, int] = {}
    duplicates: list[Problem] = []
    try:
        root = yaml.compose(text)
        if root is not None:
            _walk(root, (), lines, duplicates, name)
        data: JsonValue = yaml.load(text)
    except YAMLError as error:
        return YamlSource(name, None, {}, (_syntax_problem(error, name),))
    except RecursionError:
        return YamlSource(name, None, {}, (_syntax_problem(YAMLError(_TOO_DEEP), name),))
    return YamlSource(name, data, lines, tuple(duplicates))


_TOO_DEEP = "sections or lists are nested too deeply, or an anchor is inside itself"


def _syntax_problem(error: YAMLError, name: str) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    reason = error.problem if isinstance(error, MarkedYAMLError) and error.problem else str(error)
    reason = reason.partition("\n")[0]  # a character that YAML forbids comes with two lines more
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
    if len(path) > _MAX_DEPTH:
        raise _at(node, _TOO_DEEP, ComposerError)
    if len(lines) > _MAX_VALUES:
        raise _at(node, "the file stands for too many values", ComposerError)
    if isinstance(node, MappingNode):
        for key_node, value_node in node.value:
            child = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if child in lines:
                # ruamel keeps the first value, so its line is the one to name.
                duplicates.append(_duplicate_problem(child, lines[child], line, name))
                continue
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
