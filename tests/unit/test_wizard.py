"""`tuner-kit init` through a pseudo-terminal, as a person types."""

import re
import signal
from io import StringIO

import pytest
from project_files import Project
from wizard_session import CTRL_C, CTRL_D, CTRL_U, DOWN, ENTER, ESC, answer, init, leave

from tuner_kit.config.load import load_config
from tuner_kit.errors import ExitCode
from tuner_kit.wizard.draft import draft_path_of

COLORS = re.compile(r"\x1b\[[0-9;]*[34][0-9](?:;[0-9]+)*m")
MOVES = re.compile(r"\x1b\[[0-9;]*[A-HJKf]|[\r\n]")
"""What continues somewhere else on the screen."""
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07")

TINY = ("--data", "photos", "--base", "embedded:tiny-sd3", "--method", "lora", "--purpose", "style")


def test_enter_takes_all_suggestions_on_80_columns_without_color(project: Project) -> None:
    project.config_path.unlink()
    titles = ["in common", "Which word", "Which model", "How shall it learn", "Which GPU"]
    titles += ["How many", "How often", "What shall be drawn", " > photograph number 0"]
    titles += [" > photograph number 1", "curves", "published", "called", "What now"]
    with init(project.dir, NO_COLOR="1") as terminal:
        terminal.logfile_read = recorded = StringIO()
        answer(terminal, ("Where are your images", "photos" + ENTER))
        answer(terminal, *((title, ENTER) for title in titles))
        exit_code = leave(terminal)

    file = load_config(project.config_path)
    screen = recorded.getvalue()
    assert exit_code == ExitCode.OK
    assert file.problems == ()
    assert (file.config.name, file.config.preset) == ("photos", "sd3.5-medium-lora")
    assert "next: tuner-kit check tuner.yaml" in screen
    assert not draft_path_of(project.config_path).exists()
    assert COLORS.findall(screen) == []
    lines = CONTROLS.sub("", MOVES.sub("\n", screen)).split("\n")
    too_long = [line for line in lines if len(line) > 80]
    assert [line for line in too_long if not line.startswith("configuration  ")] == []


def test_going_back_leaving_and_going_on(project: Project) -> None:
    project.config_path.unlink()
    with init(project.dir, "--data", "photos", "--base", "embedded:tiny-sd3") as terminal:
        answer(
            terminal,
            ("in common", DOWN + ENTER),
            ("Which word", CTRL_U + "sks" + ENTER),
            ("How shall it learn", ESC),
            ("Which word", CTRL_U + "skz" + ENTER),
            ("How shall it learn", DOWN + CTRL_C),
        )
        left = leave(terminal)
    kept = "kept; `tuner-kit init` goes on from here" in str(terminal.before)
    was_written = project.config_path.exists()
    with init(project.dir) as terminal:
        answer(terminal, ("begun to answer", ENTER), ("How shall it learn", ENTER))
        answer(terminal, ("What shall be drawn", ENTER), (" > skz, photo", ENTER))
        answer(terminal, (" > skz, photo", ENTER), ("curves", ENTER), ("published", ENTER))
        answer(terminal, ("called", CTRL_U + "no good" + ENTER), ("Use letters", CTRL_U + "cats2"))
        terminal.send(ENTER)
        answer(terminal, ("What now", ENTER))
        exit_code = leave(terminal)

    config = load_config(project.config_path).config
    assert (left, kept, was_written) == (ExitCode.INTERRUPTED, True, False)
    assert exit_code == ExitCode.OK
    assert config.name == "cats2"
    assert config.datasets[0].trigger_word == "skz"
    assert config.model.base == "embedded:tiny-sd3"


@pytest.mark.parametrize("way", ["Ctrl-C", "Ctrl-D", "closed"])
def test_whichever_way_one_leaves_the_answers_are_kept(project: Project, way: str) -> None:
    project.config_path.unlink()
    with init(project.dir, *TINY) as terminal:
        answer(terminal, ("Which word", CTRL_U + "sks" + ENTER))
        terminal.expect_exact("What shall be drawn")
        terminal.expect_exact("answers are kept")
        if way == "closed":
            terminal.kill(signal.SIGHUP)
        else:
            terminal.send("a tower" + {"Ctrl-C": CTRL_C, "Ctrl-D": CTRL_D}[way])
        exit_code = leave(terminal)

    draft_path = draft_path_of(project.config_path)
    assert exit_code == (None if way == "closed" else ExitCode.INTERRUPTED)
    assert '"trigger_word": "sks"' in draft_path.read_text()
    assert sorted(path.name for path in project.dir.iterdir()) == [draft_path.name, "photos"]
    assert "Traceback" not in str(terminal.before)


def test_an_existing_file_is_changed_and_keeps_its_comments(project: Project) -> None:
    project.edit("  rank: 2\n", "  rank: 2  # small, for a test\n")
    with init(project.dir) as terminal:
        answer(
            terminal,
            ("tuner.yaml is there already", ENTER),
            ("What now", DOWN + ENTER),
            ("Which answer", DOWN * 2 + ENTER),
            ("Which word", CTRL_U + "sks" + ENTER),
            ("What now", ENTER),
        )
        exit_code = leave(terminal)

    file = load_config(project.config_path)
    assert exit_code == ExitCode.OK
    assert file.config.datasets[0].trigger_word == "sks"
    assert file.config.lora.rank == 2
    assert file.config.training.max_train_steps == 6
    assert "# small, for a test" in project.config_path.read_text()


def test_a_folder_is_completed_and_one_that_is_not_there_asked_for_again(project: Project) -> None:
    project.config_path.unlink()
    with init(project.dir) as terminal:
        answer(terminal, ("Where are your images", "fotos" + ENTER))
        answer(terminal, ("There is no folder fotos", CTRL_U + "pho\t"))
        terminal.expect_exact("tos")
        terminal.send(ENTER)
        terminal.expect_exact("Found: 3 images, 3 captions, 64 x 64, layout text-files")


def test_a_dumb_terminal_gets_numbered_questions(project: Project) -> None:
    project.config_path.unlink()
    with init(project.dir, *TINY, TERM="dumb") as terminal:
        for words, keys in (
            ("Which word", "?"),
            ("It is put in front of each caption", "sks"),
            ("What shall be drawn", "<"),
            ("Which word", "skz"),
            ("What shall be drawn", ""),
            ("number 1", ""),
            ("that is all", ""),
            ("curves", "2"),
            ("published", ""),
            ("called", ""),
            ("What now", "1"),
        ):
            terminal.expect_exact(words)
            terminal.sendline(keys)
        exit_code = leave(terminal)

    config = load_config(project.config_path).config
    assert exit_code == ExitCode.OK
    assert config.datasets[0].trigger_word == "skz"
    assert config.tracking.tracker == "tensorboard"
    assert "\x1b" not in str(terminal.before)
