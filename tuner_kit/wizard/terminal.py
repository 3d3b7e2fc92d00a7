"""Asks one thing on a terminal: with questionary where it can, with plain lines elsewhere."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from rich.text import Text

from tuner_kit.data.records import printable
from tuner_kit.wizard.question import NONE_WORD, Option

if TYPE_CHECKING:
    from questionary import Question as Asked

type Show = Callable[[Text], None]
"""Prints lines beside the results."""

MAX_COLUMNS = 100
"""Longer lines are hard to read."""
_ESCAPE_S = 0.05
"""An arrow key begins like Esc; its other bytes come within this time, also from afar."""
_MENU_LINES = 4


class Move(Enum):
    """What a person does instead of answering."""

    BACK = "back"


type Reply = str | Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One thing to be asked."""

    title: str = ""
    """Empty where it was asked before, and is asked again."""
    help: str = ""
    notes: Sequence[str] = ()
    """What is to be known beside it: what is suggested and why."""
    options: Sequence[Option] = ()
    default: str = ""
    """The value of an option, or text; Enter takes it."""
    is_optional: bool = False
    """Whether nothing is an answer."""
    is_folder: bool = False
    can_go_back: bool = True
    nothing: str = "none"
    """What an empty line means."""


class Terminal(Protocol):
    """Where a person answers; Ctrl-C and Ctrl-D leave by KeyboardInterrupt and EOFError."""

    def choose(self, prompt: Prompt) -> Reply:
        """Let one of the options be chosen; gives its value."""

    def write(self, prompt: Prompt) -> Reply:
        """Let a line be typed."""


def wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """Break text into lines that fit."""
    width = max(20, min(columns, MAX_COLUMNS) - 1)
    shown = printable(text)  # a caption may hold what a terminal takes for a command
    return textwrap.wrap(shown, width, initial_indent=indent, subsequent_indent=indent) or [""]


def show_lines(show: Show, lines: Sequence[str], style: str = "") -> None:
    """Print lines, none of which is broken once more."""
    for line in lines:
        show(Text(line, style=style))


class FullTerminal:
    """Lists to move in and lines to edit, by questionary."""

    def __init__(self, show: Show, columns: int) -> None:
        self._show = show
        self._columns = columns

    def choose(self, prompt: Prompt) -> Reply:
        """Let one of the options be chosen with the arrow keys."""
        import questionary

        _show_heading(self._show, prompt, self._columns)
        lines = option_lines(prompt.options, self._columns - 4)
        choices = [
            questionary.Choice(line, value=option.value)
            for line, option in zip(lines, prompt.options, strict=True)
        ]
        # One that isn't among the choices would be an error of questionary's.
        known = prompt.default in {option.value for option in prompt.options}
        asked = questionary.select(
            "",
            choices=choices,
            default=prompt.default if known else None,
            qmark=" ",
            pointer=">",
            instruction=" ",
            # The suggested one is not the chosen one: only the line of the pointer stands out.
            style=questionary.Style([("selected", "noreverse"), ("highlighted", "bold reverse")]),
        )
        titles = {option.value: option.title for option in prompt.options}
        return self._run(asked, prompt, titles)

    def write(self, prompt: Prompt) -> Reply:
        """Let a line be edited that begins as the default."""
        import questionary
        from prompt_toolkit.completion import PathCompleter

        _show_heading(self._show, prompt, self._columns)
        completer = PathCompleter(only_directories=True, expanduser=True)
        asked = questionary.text(
            "",
            default=prompt.default,
            qmark=" >",
            completer=completer if prompt.is_folder else None,
            complete_while_typing=False,
            reserve_space_for_menu=_MENU_LINES,
        )
        return self._run(asked, prompt, {})

    def _run(self, asked: "Asked", prompt: Prompt, titles: Mapping[str, str]) -> Reply:
        _add_keys(asked, prompt)
        reply: Reply = asked.unsafe_ask()
        # What was drawn is gone; the answer stays on the screen as one line.
        answer = reply if isinstance(reply, Move) else titles.get(reply, reply) or prompt.nothing
        marked = "< back" if isinstance(answer, Move) else f"> {answer}"
        show_lines(self._show, wrap(marked, self._columns, " "), "bold")
        return reply


def _add_keys(asked: "Asked", prompt: Prompt) -> None:
    """Let Esc go back and Ctrl-D leave wherever the cursor is, and say so below."""
    from prompt_toolkit.filters import is_done
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
    from prompt_toolkit.layout import (
        ConditionalContainer,
        FormattedTextControl,
        HSplit,
        Layout,
        Window,
    )

    keys = KeyBindings()

    def leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError())

    def go_back(event: KeyPressEvent) -> None:
        if event.current_buffer.complete_state is not None:
            event.current_buffer.cancel_completion()
        elif prompt.can_go_back:
            event.app.exit(result=Move.BACK)

    keys.add("c-d", eager=True)(leave)
    keys.add("escape")(go_back)
    app = asked.application
    app.key_bindings = merge_key_bindings([app.key_bindings or KeyBindings(), keys])
    app.ttimeoutlen = app.timeoutlen = _ESCAPE_S
    app.erase_when_done = True
    hint = Window(FormattedTextControl(_hint(prompt)), height=1, dont_extend_height=True)
    focused = app.layout.current_window
    body = HSplit([app.layout.container, ConditionalContainer(hint, filter=~is_done)])
    app.layout = Layout(body, focused_element=focused)


def _hint(prompt: Prompt) -> str:
    parts = ["Up, Down and Enter choose" if prompt.options else "Enter: take it"]
    if prompt.is_folder:
        parts.append("Tab: complete")
    if prompt.can_go_back:
        parts.append("Esc: back")
    return "   " + " | ".join([*parts, "Ctrl-C: leave, answers are kept"])


class PlainTerminal:
    """Numbered choices and lines to type, for terminals that can't move their cursor."""

    def __init__(self, show: Show, columns: int, read_line: Callable[[], str]) -> None:
        self._show = show
        self._columns = columns
        self._read_line = read_line

    def choose(self, prompt: Prompt) -> Reply:
        """Let one of the options be chosen by its number."""
        self._show_question(prompt)
        while True:
            typed = self._ask_line(prompt)
            if isinstance(typed, Move):
                return typed
            chosen = _find_option(typed or prompt.default, prompt.options)
            if chosen is not None:
                return chosen.value
            self._say(f"Type a number from 1 to {len(prompt.options)}.")

    def write(self, prompt: Prompt) -> Reply:
        """Let a line be typed; an empty one takes the default."""
        self._show_question(prompt)
        typed = self._ask_line(prompt)
        if isinstance(typed, Move):
            return typed
        if prompt.is_optional and typed == NONE_WORD:
            return ""
        return typed or prompt.default

    def _show_question(self, prompt: Prompt) -> None:
        _show_heading(self._show, prompt, self._columns, with_help=False)
        numbers = range(1, len(prompt.options) + 1)
        lines = option_lines(prompt.options, self._columns - 7)
        show_lines(self._show, [f"{n:>4}  {line}" for n, line in zip(numbers, lines, strict=True)])
        self._say(_plain_hint(prompt))

    def _ask_line(self, prompt: Prompt) -> Reply:
        while True:
            typed = self._read_line().strip()
            if typed == "<" and prompt.can_go_back:
                return Move.BACK
            if typed != "?":
                return typed
            self._say(prompt.help or "There is no more to say about it.")

    def _say(self, text: str) -> None:
        show_lines(self._show, wrap(text, self._columns, "  "))


def _find_option(typed: str, options: Sequence[Option]) -> Option | None:
    if typed.isdecimal() and 1 <= int(typed) <= len(options):
        return options[int(typed) - 1]
    wanted = typed.casefold()
    return next((o for o in options if wanted in (o.value.casefold(), o.title.casefold())), None)


def _plain_hint(prompt: Prompt) -> str:
    parts = []
    titles = {option.value: option.title for option in prompt.options}
    if prompt.default:
        parts.append(f"Enter: {titles.get(prompt.default, prompt.default)}")
    elif prompt.is_optional:
        parts.append(f"Enter: {prompt.nothing}")
    if prompt.default and prompt.is_optional and not prompt.options:
        parts.append(f"{NONE_WORD}: {prompt.nothing}")
    if prompt.can_go_back:
        parts.append("<: back")
    return f"({', '.join([*parts, '?: help'])})"


def option_lines(options: Sequence[Option], columns: int) -> list[str]:
    """Write options in two columns, each on one line that fits."""
    width = max((len(option.title) for option in options), default=0)
    lines = [
        printable(f"{option.title:<{width}}  {option.description}".rstrip()) for option in options
    ]
    most = min(columns, MAX_COLUMNS)
    return [line if len(line) <= most else line[: most - 3].rstrip() + "..." for line in lines]


def _show_heading(show: Show, prompt: Prompt, columns: int, *, with_help: bool = True) -> None:
    if prompt.title:
        show(Text())
        show_lines(show, wrap(prompt.title, columns), "bold")
        if with_help and prompt.help:
            show_lines(show, wrap(prompt.help, columns, "  "), "dim")
    for note in prompt.notes:
        show_lines(show, wrap(note, columns, "  "))
