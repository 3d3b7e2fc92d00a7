"""What each command imports before it does anything."""

import json
import subprocess
import sys

import pytest

from tuner_kit.cli.main import COMMANDS

HEAVY = frozenset(
    {
        *("torch", "torchvision", "diffusers", "transformers", "accelerate", "peft", "simpletuner"),
        *("numpy", "scipy", "pandas", "matplotlib", "sklearn", "safetensors", "bitsandbytes"),
    }
)

LIST_MODULES = """
import json, sys
before = set(sys.modules)
from tuner_kit.cli.main import main
try:
    main({arguments!r})
except SystemExit:
    pass
names = {{name.partition(".")[0] for name in set(sys.modules) - before}}
sys.stderr.write("\\n" + json.dumps(sorted(names)))
"""


def imported_by(*arguments: str) -> frozenset[str]:
    """Run the command line in a fresh interpreter and name the packages that it imports."""
    code = LIST_MODULES.format(arguments=list(arguments))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return frozenset(json.loads(done.stderr.splitlines()[-1])) - {"tuner_kit"}


QUICK = {
    "no-arguments": (),
    "help": ("--help",),
    "version": ("--version",),
    "unknown-command": ("trian",),
    "unknown-option": ("check", "--no-such-option"),
    "missing-value": ("report", "--runs-dir"),
} | {f"{command}-help": (command, "--help") for command in COMMANDS}


@pytest.mark.parametrize("arguments", QUICK.values(), ids=QUICK)
def test_help_and_usage_errors_import_the_standard_library_only(
    arguments: tuple[str, ...],
) -> None:
    foreign = imported_by(*arguments) - sys.stdlib_module_names
    assert foreign == frozenset()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", "no-such-file"), id="check"),
        pytest.param(("train", "no-such-file"), id="train"),
        pytest.param(("generate", "--prompt", "x", "--runs-dir", "no-such-dir"), id="generate"),
    ],
)
def test_entering_a_command_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    imported = imported_by(*arguments)
    assert "pydantic" in imported
    assert imported & HEAVY == frozenset()
