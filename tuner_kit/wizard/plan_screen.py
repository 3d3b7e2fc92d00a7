"""The whole plan as lines that fit: each value with who decided it and why, and its price."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from pydantic import JsonValue
from rich.text import Text

from tuner_kit.config.run_config import RunConfig
from tuner_kit.config.yaml_source import KeyPath, format_key_path
from tuner_kit.data.records import printable
from tuner_kit.preflight.planned_run import Decider, Decision, PlannedRun
from tuner_kit.wizard.terminal import MAX_COLUMNS, wrap

_NAME_COLUMNS = 29
_VALUE_COLUMNS = 13
_BY_COLUMNS = 10
_GAP = 1
_NARROW_COLUMNS = 72
"""Below, four columns leave no room for the reasons."""
_COSTLY = frozenset(
    {
        "base",
        "crop",
        "gradient_accumulation_steps",
        "gradient_checkpointing",
        "max_train_steps",
        "method",
        "optimizer",
        "quantization",
        "rank",
        "repeats",
        "resolution_px",
        "text_encoder_3_quantization",
        "train_batch_size",
        "vae_batch_size",
    }
)
"""Settings that memory and time depend on."""
_ASK_CHECK = (("for these values", "tuner-kit check says it"),)
_TITLES = ("setting", "value", "decided by", "why")


def render_plan(planned: PlannedRun, columns: int) -> list[Text]:
    """Write a plan: one row for each value that somebody decided, and the usual ones together.

    Args:
        planned: what follows from the answers.
        columns: of the terminal; no line is longer.
    """
    decided = [each for each in planned.decisions if each.by is not Decider.USUAL]
    usual = [each for each in planned.decisions if each.by is Decider.USUAL]
    return [
        *_table(decided, columns),
        *_usual(usual, columns),
        *_costs(planned.costs, columns),
        *_sentences("Given up to make it fit", planned.given_up, columns, "yellow"),
        *_sentences("It can't be trained like this", planned.obstacles, columns, "red"),
    ]


def as_edited(planned: PlannedRun, before: PlannedRun, config: RunConfig) -> PlannedRun:
    """Show what a tuner.yaml will say: what no answer changes stays as it is written there.

    Args:
        planned: with the new answers.
        before: with the answers that the file was made from.
        config: the file.
    """
    earlier = {each.key: each.value for each in before.decisions}
    written = config.model_dump(mode="json")
    shown: list[Decision] = []
    is_as_planned = True
    for each in planned.decisions:
        if each.key not in earlier or earlier[each.key] != each.value:
            shown.append(each)
            continue
        value = _value_at(written, each.key)
        is_as_planned = is_as_planned and (value == each.value or each.key[-1] not in _COSTLY)
        if value is not None or each.value is None:
            shown.append(Decision(each.key, value, Decider.YOU, "as it is in the file"))
    if is_as_planned:
        return replace(planned, decisions=tuple(shown))
    # What was planned for other settings than the file's would be wrong.
    return replace(planned, decisions=tuple(shown), costs=_ASK_CHECK, given_up=())


def _value_at(written: JsonValue, key: KeyPath) -> JsonValue:
    for part in key:
        if isinstance(written, dict) and isinstance(part, str):
            written = written.get(part)
        elif isinstance(written, list) and isinstance(part, int) and part < len(written):
            written = written[part]
        else:
            return None
    return written


def _table(decisions: Sequence[Decision], columns: int) -> Iterator[Text]:
    if not decisions:
        return
    yield Text()
    if columns >= _NARROW_COLUMNS:
        yield Text(_row(*_TITLES, columns)[0], style="bold")
    sections: dict[KeyPath, list[Decision]] = {}
    for decision in decisions:
        sections.setdefault(decision.key[:-1], []).append(decision)
    for section, rows in sections.items():
        if section:
            yield Text(format_key_path(section), style="bold")
        for decision in rows:
            yield from _lines_of(decision, columns)


def _usual(decisions: Sequence[Decision], columns: int) -> Iterator[Text]:
    """Write values that nothing speaks against in a few lines, so that the screen holds all."""
    if not decisions:
        return
    yield Text("as usual", style="bold")
    values = (f"{_last(each.key)} {write_setting(each.value)}" for each in decisions)
    for line in wrap(", ".join(values), columns, "  "):
        yield Text(line)


def _lines_of(decision: Decision, columns: int) -> Iterator[Text]:
    if columns < _NARROW_COLUMNS:
        yield from _stacked(decision, columns)
        return
    name = ("  " if len(decision.key) > 1 else "") + _last(decision.key)
    value = printable(write_setting(decision.value))
    if len(name) > _NAME_COLUMNS or len(value) > _VALUE_COLUMNS:
        # What is too long for its column has a line of its own; the rest is below.
        width = min(columns, MAX_COLUMNS) - 1
        start = f"{name:<{_NAME_COLUMNS}} "
        for line in textwrap.wrap(
            start + value, width, subsequent_indent=" " * len(start), drop_whitespace=True
        ):
            yield Text(line)
        name = value = ""
    for line in _row(name, value, decision.by, printable(decision.reason), columns):
        yield Text(line)


def _stacked(decision: Decision, columns: int) -> Iterator[Text]:
    """Write a row on lines below each other, where columns would be too narrow to read."""
    for line in wrap(f"{decision.key[-1]}: {write_setting(decision.value)}", columns, "  "):
        yield Text(line)
    for line in wrap(f"{decision.by}: {decision.reason}", columns, "      "):
        yield Text(line)


def _row(name: str, value: str, by: str, why: str, columns: int) -> list[str]:
    """Write four cells beside each other; each is broken within its own column."""
    used = _NAME_COLUMNS + _VALUE_COLUMNS + _BY_COLUMNS + 3 * _GAP
    why_columns = max(12, min(columns, MAX_COLUMNS) - 1 - used)
    widths = (_NAME_COLUMNS, _VALUE_COLUMNS, _BY_COLUMNS, why_columns)
    cells = [
        [name],
        *(
            textwrap.wrap(text, width)
            for text, width in zip((value, by, why), widths[1:], strict=True)
        ),
    ]
    return [
        (" " * _GAP)
        .join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        .rstrip()
        for line in zip_longest(*cells, fillvalue="")
    ]


def _last(key: KeyPath) -> str:
    return str(key[-1])


def write_setting(value: JsonValue) -> str:
    """Write a value as tuner.yaml does, on one line."""
    if isinstance(value, str):
        return value if value else '""'
    if isinstance(value, list):
        return "; ".join(write_setting(item) for item in value) or "none"
    return json.dumps(value)


def _costs(costs: Sequence[tuple[str, str]], columns: int) -> Iterator[Text]:
    if not costs:
        return
    yield Text()
    yield Text("What it takes", style="bold")
    width = max(len(name) for name, _ in costs)
    for name, text in costs:
        start = f"  {name:<{width}}  "
        indent = " " * len(start)
        for number, line in enumerate(wrap(text, columns, indent)):
            yield Text(start + line[len(indent) :] if number == 0 else line)


def _sentences(title: str, texts: Sequence[str], columns: int, style: str) -> Iterator[Text]:
    if not texts:
        return
    yield Text()
    yield Text(title, style=f"bold {style}")
    for text in texts:
        first, *rest = wrap(text, columns - 2, "  ")
        yield Text(f"- {first[2:]}")
        for line in rest:
            yield Text(line)
