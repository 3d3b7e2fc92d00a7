"""Rules about what makes the trainer read other settings than the checked file (A10, A11).

`simpletuner train` looks for its configuration by itself, `simpletuner train --env NAME` in
a folder of that name; environment variables, and a file that fills them, take precedence.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.rule import Finding, Rule
from tuner_kit.simpletuner.rules.setup import Surroundings, TrainerSetup

_VARIABLES_FILE = "config/config.env"
"""Read into the environment whatever the format of the configuration is."""
_LOOKED_FOR = ("config.json", "config.toml", "config.env")
"""The first that exists is taken, in the working directory and then in `config`."""
_FORMAT_VARIABLES = ("SIMPLETUNER_CONFIG_BACKEND", "CONFIG_BACKEND", "CONFIG_TYPE")
_NAME_VARIABLES = ("SIMPLETUNER_ENVIRONMENT", "SIMPLETUNER_ENV", "ENV")
_DEFAULT_NAME = "default"
_ASSIGNMENT = re.compile(r"(?:export )?\s*([A-Za-z_]\w*)\s*=(.*)")
_ACCELERATE_FILE = Path("accelerate/default_config.yaml")
_ONE_MACHINE = frozenset({"NO", "MULTI_GPU"})
"""Kinds of distribution that need no further settings."""


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable as the trainer sees it."""

    value: str
    file: str | None = None
    """The file that sets it; None where the person's shell does."""


def trainer_environ(around: Surroundings) -> Mapping[str, Variable]:
    """Give the environment of the trainer, with what `config/config.env` puts there."""
    found = {name: Variable(value) for name, value in around.environ.items()}
    for line in _read_lines(around.working_dir / _VARIABLES_FILE):
        assignment = _ASSIGNMENT.match(line.strip())
        value = assignment[2].strip().strip("'\"") if assignment else ""
        if assignment and value:
            found[assignment[1]] = Variable(value, _VARIABLES_FILE)
    return MappingProxyType(found)


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _redirected(setup: TrainerSetup) -> Iterator[Finding]:
    """A10."""
    around, environ = setup.around, trainer_environ(setup.around)
    for redirects in (_other_format, _other_path, _other_name):
        name = redirects(around, environ)
        if name is not None:
            yield from _variable_finding(name, environ[name], around)
    yield from _hidden(around)
    yield from _neighbors(around)


def _other_format(around: Surroundings, environ: Mapping[str, Variable]) -> str | None:
    name = next((name for name in _FORMAT_VARIABLES if name in environ), None)
    written = around.config_name.rpartition(".")[2]
    return name if name and environ[name].value.lower() != written else None


def _other_path(around: Surroundings, environ: Mapping[str, Variable]) -> str | None:
    """CONFIG_PATH names a folder, a file, or a file without its extension; JSON only."""
    variable = environ.get("CONFIG_PATH")
    if variable is None or not around.config_name.endswith(".json"):
        return None
    named = around.working_dir / variable.value
    candidates = (named / "config.json", named, named.with_suffix(".json"))
    read = next((path for path in candidates if path.is_file()), None)
    judged = (around.config_dir / around.config_name).resolve()
    return None if read is None or read.resolve() == judged else "CONFIG_PATH"


def _other_name(around: Surroundings, environ: Mapping[str, Variable]) -> str | None:
    name = next((name for name in _NAME_VARIABLES if name in environ), None)
    value = environ[name].value if name else _DEFAULT_NAME
    if value == _DEFAULT_NAME:
        return None
    places = (around.working_dir / value, around.working_dir / "config" / value)
    is_ours = around.config_dir.resolve() in {place.resolve() for place in places}
    return None if is_ours else name


def _is_found_without_name(around: Surroundings) -> bool:
    """Whether a plain `simpletuner train` looks where the configuration is."""
    working_dir = around.working_dir.resolve()
    config_dir = around.config_dir.resolve()
    return config_dir == working_dir / "config" or working_dir not in config_dir.parents


def _variable_finding(name: str, variable: Variable, around: Surroundings) -> Iterator[Finding]:
    is_plain = _is_found_without_name(around)
    if name == "ENV" and variable.file is None and not is_plain:
        return  # `simpletuner train --env NAME` sets it itself.
    is_heeded = _is_heeded_by_plain_start(name, variable) if is_plain else True
    yield Finding(
        what=f"{name}={variable.value} is set "
        + (f"in {variable.file}" if variable.file else "in the environment")
        + f": SimpleTuner would not read {around.config_name} in {around.config_dir}"
        + ("" if is_heeded else " unless it is started by `simpletuner train`"),
        fix=f"remove the line from {variable.file}" if variable.file else f"type: unset {name}",
        severity=Severity.ERROR if is_heeded else Severity.WARNING,
    )


def _is_heeded_by_plain_start(name: str, variable: Variable) -> bool:
    """`simpletuner train` sets CONFIG_PATH and CONFIG_BACKEND, then the file is read again."""
    by_file = {"CONFIG_PATH", "CONFIG_BACKEND", "SIMPLETUNER_CONFIG_BACKEND"}
    return name in (by_file if variable.file else {"SIMPLETUNER_CONFIG_BACKEND"})


def _hidden(around: Surroundings) -> Iterator[Finding]:
    """A file in the working directory comes before those in its folder `config`."""
    if around.config_dir.resolve() != (around.working_dir / "config").resolve():
        return
    first = next((name for name in _LOOKED_FOR if (around.working_dir / name).is_file()), None)
    if first:
        yield Finding(
            what=f"`simpletuner train` would take {first} beside the folder config, "
            f"not config/{around.config_name}",
            fix=f"rename or remove {around.working_dir / first}",
        )


def _neighbors(around: Surroundings) -> Iterator[Finding]:
    ours = around.config_name
    for name in around.config_names:
        is_first = name in _LOOKED_FOR and ours in _LOOKED_FOR[_LOOKED_FOR.index(name) + 1 :]
        if is_first:
            what, fix = f"SimpleTuner reads {name}, not {ours} beside it", f"rename {name}"
        elif name == "config.env":
            what = (
                f"the options in {name} don't count beside {ours}, but each of its lines "
                "becomes an environment variable"
            )
            fix = f"remove {name}, or move what is needed into {ours}"
        else:
            what, fix = f"{name} does not count beside {ours}", f"keep one of {name} and {ours}"
        yield Finding(what=what, fix=fix, severity=Severity.ERROR if is_first else Severity.WARNING)


def _adopted_by_accelerate(setup: TrainerSetup) -> Iterator[Finding]:
    """A11: the file replaces what the options say about processes and distribution."""
    path = _accelerate_file(setup.around)
    if path is None:
        return
    says = dict(line.split(": ", 1) for line in _read_lines(path) if ": " in line)
    differing = [
        f"{key} {says[key].strip()}"
        for key, is_harmless in (
            ("num_processes", says.get("num_processes", "1").strip() == _processes(setup)),
            ("num_machines", says.get("num_machines", "1").strip() == "1"),
            ("distributed_type", says.get("distributed_type", "NO").strip("'\" ") in _ONE_MACHINE),
            ("use_cpu", says.get("use_cpu", "false").strip().lower() == "false"),
        )
        if not is_harmless
    ]
    if differing:
        yield Finding(
            what=f"SimpleTuner takes over {' and '.join(differing)} from {path}",
            fix=f"remove that file, or set ACCELERATE_CONFIG_PATH to the one that is meant: "
            f"export ACCELERATE_CONFIG_PATH={path}",
        )


def _processes(setup: TrainerSetup) -> str:
    asked = setup.options.number("num_processes") or 1
    return str(max(int(asked), setup.around.num_processes))


def _accelerate_file(around: Surroundings) -> Path | None:
    """Find the file that SimpleTuner finds; None where the person chose one, or there is none."""
    chosen = trainer_environ(around).get("ACCELERATE_CONFIG_PATH")
    if chosen and (around.working_dir / chosen.value).exists():
        return None
    folders = [Path(around.environ["HF_HOME"])] if around.environ.get("HF_HOME") else []
    if around.home_dir is not None:
        folders.append(around.home_dir / ".cache" / "huggingface")
    paths = (folder / _ACCELERATE_FILE for folder in folders)
    return next((path for path in paths if path.is_file()), None)


REDIRECT_RULES = (
    Rule(
        id="A10",
        title="another configuration would be read",
        severity=Severity.ERROR,
        looks_at=("around.environ", "around.config_names", "around.config_dir"),
        source="helpers/configuration/loader.py, json_file.py; cli/train.py run_training",
        check=_redirected,
    ),
    Rule(
        id="A11",
        title="accelerate's own settings are taken over",
        severity=Severity.WARNING,
        looks_at=("around.home_dir", "around.environ", "num_processes"),
        source="cli/train.py find_accelerate_config",
        check=_adopted_by_accelerate,
    ),
)
"""What stands outside of the configuration."""
