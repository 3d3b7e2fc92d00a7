"""JSON with the line of every key, and changes of it that leave all other characters alone."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from tuner_kit.config.yaml_source import KeyPath, format_key_path
from tuner_kit.errors import Problem

_SURROGATES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
"""Two escapes that stand for one character in JSON; YAML would take them for two halves."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a key and its value stand in the text, as offsets."""

    key_start: int
    """Of a list's item, the item's own start."""
    value_start: int
    value_end: int
    line: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class JsonSource:
    """A JSON text that was read; with a syntax error, `data` is None."""

    name: str
    """The file as the person called it."""
    text: str
    data: JsonValue
    problems: tuple[Problem, ...] = ()
    spans: Mapping[KeyPath, Span] = field(default_factory=dict)

    def locate(self, path: KeyPath) -> str:
        """Say where a value is: `config.json:12  learning_rate`."""
        span = self.spans.get(path)
        place = f"{self.name}:{span.line}" if span is not None else self.name
        return f"{place}  {format_key_path(path)}".rstrip()


def parse_json(text: str, *, name: str) -> JsonSource:
    """Read JSON; a syntax error and keys written twice become problems."""
    try:
        data: JsonValue = json.loads(text)
    except ValueError as error:
        return JsonSource(name, text, None, (_syntax_problem(error, name),))
    except RecursionError:
        return JsonSource(name, text, None, (_syntax_problem(ValueError("too deep"), name),))
    twice: list[Problem] = []
    spans: dict[KeyPath, Span] = {}
    root = _compose(text)
    if root is not None:
        _walk(root, (), spans, twice, name)
    return JsonSource(name, text, data, tuple(twice), spans)


def _syntax_problem(error: ValueError, name: str) -> Problem:
    reason, where = str(error), name
    if isinstance(error, json.JSONDecodeError):
        reason, where = error.msg, f"{name}:{error.lineno}, column {error.colno}"
    return Problem(
        id="C02",
        what=f"the file is not valid JSON: {reason}",
        where=where,
        fix="check quotes, commas (none after the last item) and brackets at this line",
    )


def _compose(text: str) -> Node | None:
    """Find the places of all values: JSON is YAML, up to two details that are masked here."""
    same_length = _SURROGATES.sub("x" * 12, text).replace("\t", " ")
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    try:
        root: Node | None = yaml.compose(same_length)
    except (YAMLError, RecursionError):  # places are a help; without them the file is named
        return None
    return root


def _walk(
    node: Node, path: KeyPath, spans: dict[KeyPath, Span], twice: list[Problem], name: str
) -> None:
    for key, key_node, value in _children(node):
        child = (*path, key)
        span = Span(
            key_node.start_mark.index,
            value.start_mark.index,
            value.end_mark.index,
            key_node.start_mark.line + 1,
        )
        if child in spans:
            twice.append(_duplicate(child, spans[child].line, span.line, name))
        spans[child] = span  # json.loads keeps the last one
        _walk(value, child, spans, twice, name)


def _children(node: Node) -> Iterator[tuple[str | int, Node, Node]]:
    if isinstance(node, MappingNode):
        for key_node, value in node.value:
            yield str(key_node.value), key_node, value
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield index, item, item


def _duplicate(path: KeyPath, first: int, second: int, name: str) -> Problem:
    return Problem(
        id="C03",
        what=f"{path[-1]} is written twice, first in line {first}; only the last one counts",
        where=f"{name}:{second}  {format_key_path(path)}",
        fix="keep one of the two lines",
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One value to write, or a key to remove."""

    path: KeyPath
    value: JsonValue = None
    is_removal: bool = False


def change_json(source: JsonSource, changes: Sequence[Change]) -> str:
    """Return the text with changes; what is not changed keeps every character.

    Args:
        source: read without a syntax error; each object that is changed is in it.
        changes: of keys of objects; a key that isn't there is added behind the last one.
    """
    text = source.text
    # From the end, so that the offsets of what comes before stay right.
    for change in sorted(changes, key=lambda each: _place(source, each), reverse=True):
        text = _apply(text, source, change)
    return text


def _place(source: JsonSource, change: Change) -> int:
    span = source.spans.get(change.path)
    return span.key_start if span is not None else _object_end(source, change.path[:-1])


def _apply(text: str, source: JsonSource, change: Change) -> str:
    span = source.spans.get(change.path)
    if change.is_removal:
        return text if span is None else _without(text, span)
    written = json.dumps(change.value, ensure_ascii=False)
    if span is not None:
        return text[: span.value_start] + written + text[span.value_end :]
    return _with_added(text, source, change.path, written)


def _without(text: str, span: Span) -> str:
    """Take out a key with its value, and the comma that belongs to it."""
    before, after = text[: span.key_start], text[span.value_end :]
    following = re.match(r"\s*,[ \t]*\n?", after)
    if following is not None:
        return before.rstrip(" \t") + after[following.end() :]
    return re.sub(r",\s*$", "", before) + after


def _with_added(text: str, source: JsonSource, path: KeyPath, written: str) -> str:
    """Write a key behind the last one of its object, indented alike."""
    siblings = [span for key, span in source.spans.items() if key[:-1] == path[:-1]]
    entry = f"{json.dumps(path[-1])}: {written}"
    if not siblings:
        end = _object_end(source, path[:-1])
        return f"{text[:end]}{entry}{text[end:]}"
    last = max(siblings, key=lambda span: span.value_end)
    line_start = text.rfind("\n", 0, last.key_start) + 1
    indent = text[line_start : last.key_start]
    gap = f"\n{indent}" if line_start and not indent.strip() else " "
    return f"{text[: last.value_end]},{gap}{entry}{text[last.value_end :]}"


def _object_end(source: JsonSource, path: KeyPath) -> int:
    """Find the closing bracket of an object."""
    span = source.spans.get(path)
    end = span.value_end if span is not None else len(source.text)
    return source.text.rindex("}", 0, end)
