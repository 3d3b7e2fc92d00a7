"""Asks one question until its answer can be taken."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuner_kit.wizard.question import (
    OTHER,
    Kind,
    Option,
    Question,
    Situation,
    Suggestion,
    Value,
    write_value,
)
from tuner_kit.wizard.terminal import Move, Prompt, Reply, Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question as it is put now."""

    question: Question
    situation: Situation
    suggestion: Suggestion | None
    options: Sequence[Option] = ()
    """What there is to choose now."""
    earlier: Value
    """The answer so far."""
    is_answered: bool
    number: str = ""
    """Such as `3/12`."""
    can_go_back: bool = True

    @property
    def default(self) -> Value:
        """What Enter takes."""
        if self.is_answered or self.suggestion is None:
            return self.earlier
        return self.suggestion.value

    @property
    def title(self) -> str:
        """The question with its number."""
        return f"{self.number}  {self.question.title}".lstrip()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is suggested and why, and what the answer was before."""
        notes = []
        if self.suggestion is not None:
            shown = _title_of(self.suggestion.value, self.options)
            notes.append(f"Suggested: {shown} - {self.suggestion.reason}")
        if self.is_answered and (self.suggestion is None or self.earlier != self.suggestion.value):
            notes.append(f"Your answer so far: {_title_of(self.earlier, self.options)}")
        return tuple(notes)


def ask(request: Request, terminal: Terminal) -> Value | Move:
    """Put a question until its answer can be taken, or the person goes back."""
    match request.question.kind:
        case Kind.CHOICE:
            return _choose(request, terminal)
        case Kind.LINES:
            return _write_lines(request, terminal)
        case _:
            return _write(request, terminal, request.title, write_default(request.default))


def write_default(value: Value) -> str:
    """Write an answer as it would be typed."""
    return "" if value is None else write_value(value)


def _title_of(value: Value, options: Sequence[Option]) -> str:
    title = next((option.title for option in options if option.value == value), None)
    return write_value(value) if title is None else title


def _choose(request: Request, terminal: Terminal) -> Value | Move:
    options = request.options
    values = [option.value for option in options]
    default = write_default(request.default)
    is_typed = bool(default) and default not in values
    prompt = Prompt(
        title=request.title,
        help=request.question.help,
        notes=request.notes,
        options=options,
        default=OTHER if is_typed and OTHER in values else default,
        can_go_back=request.can_go_back,
    )
    while True:
        reply = terminal.choose(prompt)
        if reply != OTHER:
            return reply
        typed = _write(request, terminal, "Which one?", default if is_typed else "")
        if typed is not Move.BACK:  # else the choice is put once more
            return typed


def _write(request: Request, terminal: Terminal, title: str, default: str) -> Value | Move:
    question = request.question
    prompt = Prompt(
        title=title,
        help=question.help,
        notes=request.notes,
        default=default,
        is_optional=question.is_optional,
        is_folder=question.kind is Kind.FOLDER,
        can_go_back=request.can_go_back or question.kind is Kind.CHOICE,
    )
    while True:
        reply = terminal.write(prompt)
        if isinstance(reply, Move):
            return reply
        objection = question.refuse_text(reply, request.situation)
        if objection is None:
            return question.read(reply)
        prompt = _again(prompt, objection, reply)


def _again(prompt: Prompt, objection: str, typed: str) -> Prompt:
    return Prompt(
        help=prompt.help,
        notes=(f"{objection}.",),
        default=typed,
        is_optional=prompt.is_optional,
        is_folder=prompt.is_folder,
        can_go_back=prompt.can_go_back,
    )


def _write_lines(request: Request, terminal: Terminal) -> Value | Move:
    """Take line after line until an empty one; going back in the first line leaves them."""
    earlier = request.default if isinstance(request.default, tuple) else ()
    lines: list[str] = []
    while True:
        reply = _ask_line(request, terminal, lines, earlier)
        if isinstance(reply, Move) and not lines:
            return reply
        if isinstance(reply, Move):
            earlier = (*earlier[: len(lines) - 1], lines.pop(), *earlier[len(lines) + 1 :])
        elif reply.strip():
            lines.append(reply.strip())
        else:
            return tuple(lines)


def _ask_line(
    request: Request, terminal: Terminal, lines: Sequence[str], earlier: Sequence[str]
) -> Reply:
    is_first = not lines
    index = len(lines)
    return terminal.write(
        Prompt(
            title=request.title if is_first else "",
            help=request.question.help,
            notes=request.notes if is_first else (),
            default=earlier[index] if index < len(earlier) else "",
            is_optional=True,
            can_go_back=request.can_go_back or not is_first,
            nothing="that is all",
        )
    )
