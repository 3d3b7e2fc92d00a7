"""What must not be in the repository, and commands in the documentation that must work."""

import re
import shlex
from pathlib import Path

import pytest
from package_facts import MODULES, REPOSITORY, name_of, text_files

from tuner_kit.cli.main import _build_parser

THIS_FILE = Path(__file__).resolve()

FORBIDDEN = {
    "package registry": r"pypi\.(?:org|python)|pythonhosted\.org|registry\.npmjs|conda\.anaconda",
    "path of one machine": r"(?<![\w.*-])/(?:root|home/(?!me\b|you\b|user\b|jane\b)\w+|Users/\w+|work)/",
    "private address": r"\b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}\b",
    "secret": r"\b(?:hf_[A-Za-z0-9]{30,}|AKIA[A-Z0-9]{16}|gh[ps]_[A-Za-z0-9]{30,})\b",
}

UNSAFE = {
    "unpickling": r"\b(?:pickle|dill|joblib)\.loads?\b|\bimport pickle\b|\btorch\.load\(",
    "code from text": r"(?<![\w.])(?:eval|exec)\(",
    "a shell": r"shell=True|os\.system\(",
    "unverified TLS": r"verify=False",
    "yaml that builds objects": r"typ=[\"']unsafe[\"']|yaml\.load\([^)]*Loader=(?!Safe)",
}


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_the_repository_holds_no(kind: str) -> None:
    pattern = re.compile(FORBIDDEN[kind])
    assert places_of(pattern, text_files()) == []


@pytest.mark.parametrize("kind", UNSAFE)
def test_the_package_uses_no(kind: str) -> None:
    pattern = re.compile(UNSAFE[kind])
    assert places_of(pattern, MODULES) == []


def test_code_is_plain_ascii() -> None:
    assert [name_of(path) for path in MODULES if not path.read_bytes().isascii()] == []


def places_of(pattern: re.Pattern[str], paths: tuple[Path, ...]) -> list[str]:
    """Name each line with a match, except in this file."""
    found = []
    for path in paths:
        if path.resolve() == THIS_FILE:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{name_of(path)}:{line} {match.group()}")
    return found


def documented_commands() -> list[tuple[str, str]]:
    """Give every `tuner-kit ...` command of README.md and docs, with its place."""
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    return [
        (f"{name_of(page)}:{number}", command)
        for page in pages
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
        for command in commands_in(line)
    ]


def commands_in(line: str) -> list[str]:
    """Find commands in a line: between backticks, or a whole line of a code block."""
    quoted = [text for text in re.findall(r"`([^`]+)`", line) if is_command(text)]
    plain = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
    return quoted or ([plain] if is_command(plain) and "`" not in line else [])


def is_command(text: str) -> bool:
    """Whether a text is a whole command, not one with its arguments left out."""
    return text.startswith("tuner-kit ") and "..." not in text and "COMMAND" not in text


@pytest.mark.parametrize(("place", "command"), documented_commands() or [("none", "")])
def test_a_documented_command_is_understood(place: str, command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    if words in ([], ["--help"], ["--version"]) or words[-1] == "--help":
        return
    options = _build_parser(words).parse_args(words)
    assert options.command == words[0], place
