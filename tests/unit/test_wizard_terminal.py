"""Keys in questionary's lists and lines, and what a plain terminal makes of what is typed."""

from collections.abc import Iterator

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.text import Text

from tuner_kit.wizard.question import Option
from tuner_kit.wizard.terminal import FullTerminal, Move, PlainTerminal, Prompt, Reply

ENTER = "\r"
DOWN = "\x1b[B"
ESC = "\x1b"
ALT_B = "\x1bb"
"""A word to the left: it begins like Esc."""
CTRL_C = "\x03"
CTRL_D = "\x04"
CTRL_U = "\x15"

FRUIT = (Option("a", "apple", "red"), Option("p", "pear"), Option("c", "cherry"))
LIST = Prompt(title="Which fruit?", help="Fruit grows on trees.", options=FRUIT, default="p")
LINE = Prompt(title="Which word?", default="old", is_optional=True)


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, text: Text) -> None:
        self.lines.append(text.plain)


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with (
        create_pipe_input() as keys,
        create_app_session(input=keys, output=DummyOutput()),
    ):
        yield keys


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        pytest.param(ENTER, "p", id="the default"),
        pytest.param(DOWN + ENTER, "c", id="the next"),
        pytest.param(DOWN * 2 + ENTER, "a", id="around the end"),
        pytest.param(ESC, Move.BACK, id="Esc"),
    ],
)
def test_a_list_is_moved_in(keyboard: PipeInput, screen: Screen, keys: str, chosen: Reply) -> None:
    keyboard.send_text(keys)

    assert FullTerminal(screen.show, 80).choose(LIST) == chosen
    assert screen.lines[1:3] == ["Which fruit?", "  Fruit grows on trees."]


def test_the_answer_stays_on_the_screen_as_one_line(keyboard: PipeInput, screen: Screen) -> None:
    keyboard.send_text(DOWN + ENTER)

    FullTerminal(screen.show, 80).choose(LIST)

    assert screen.lines[-1] == " > cherry"


@pytest.mark.parametrize(
    ("keys", "typed"),
    [
        pytest.param(ENTER, "old", id="the default"),
        pytest.param(CTRL_U + "new" + ENTER, "new", id="replaced"),
        pytest.param(CTRL_U + ENTER, "", id="emptied"),
        pytest.param(ALT_B + "very " + ENTER, "very old", id="Alt-B is not Esc"),
        pytest.param("er" + ESC, Move.BACK, id="Esc"),
    ],
)
def test_a_line_is_edited(keyboard: PipeInput, screen: Screen, keys: str, typed: Reply) -> None:
    keyboard.send_text(keys)

    assert FullTerminal(screen.show, 80).write(LINE) == typed


@pytest.mark.parametrize(
    ("key", "kind"), [(CTRL_C, KeyboardInterrupt), (CTRL_D, EOFError)], ids=["Ctrl-C", "Ctrl-D"]
)
@pytest.mark.parametrize("prompt", [LIST, LINE], ids=["list", "line"])
def test_these_keys_leave_wherever_the_cursor_is(
    keyboard: PipeInput, screen: Screen, key: str, kind: type[BaseException], prompt: Prompt
) -> None:
    terminal = FullTerminal(screen.show, 80)
    keyboard.send_text(key)

    with pytest.raises(kind):
        terminal.choose(prompt) if prompt.options else terminal.write(prompt)


# --------------------------------------------------------------------------------- plain


def plain(screen: Screen, *typed: str) -> PlainTerminal:
    lines = iter(typed)
    return PlainTerminal(screen.show, 80, lambda: next(lines) + "\n")


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        pytest.param([""], "p", id="the default"),
        pytest.param(["1"], "a", id="number"),
        pytest.param(["Cherry"], "c", id="title"),
        pytest.param(["c"], "c", id="value"),
        pytest.param(["0", "4", "x", "3"], "c", id="others are asked again"),
        pytest.param(["?", "3"], "c", id="help first"),
        pytest.param(["<"], Move.BACK, id="back"),
    ],
)
def test_a_numbered_list(screen: Screen, typed: list[str], chosen: Reply) -> None:
    assert plain(screen, *typed).choose(LIST) == chosen
    assert screen.lines[1:6] == [
        "Which fruit?",
        "   1  apple   red",
        "   2  pear",
        "   3  cherry",
        "  (Enter: pear, <: back, ?: help)",
    ]
    assert ("  Fruit grows on trees." in screen.lines) == ("?" in typed)


@pytest.mark.parametrize(
    ("line", "typed"),
    [("", "old"), ("new", "new"), ("-", ""), ("<", Move.BACK)],
    ids=["the default", "typed", "none", "back"],
)
def test_a_plain_line(screen: Screen, line: str, typed: Reply) -> None:
    assert plain(screen, line).write(LINE) == typed
    assert screen.lines[-1] == "  (Enter: old, -: none, <: back, ?: help)"


def test_where_nothing_is_before_a_question_the_sign_is_text(screen: Screen) -> None:
    prompt = Prompt(title="Which word?", can_go_back=False)

    assert plain(screen, "<").write(prompt) == "<"


def test_a_question_without_help_says_so(screen: Screen) -> None:
    plain(screen, "?", "word").write(LINE)

    assert screen.lines[-1] == "  There is no more to say about it."
