"""Rules about what options say in text: placeholders, files, trackers, sizes (A09-A19)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.redirect_rules import trainer_environ
from tuner_kit.simpletuner.rules.rule import Finding, Rule, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_FROM_ENVIRONMENT = "env:"
_DATASET_WORDS = frozenset({"model_family", "output_dir", "id"})
"""What SimpleTuner puts in the place of such words in the data backend file."""
_PATH_ENDINGS = ("_dir", "_path", "_config", "_library", "_script", "_vae", "_text")
_EXAMPLES = "config/examples/"
"""Such a path leads into the installed package."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?")
_BINARY_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])IB")
_TRACKER_PACKAGES = {"tensorboard": "tensorboard", "swanlab": "swanlab", "comet_ml": "comet-ml"}
_TRACKERS_WITHOUT_LOGIN = frozenset({"offline", "disabled", "dryrun"})


def _placeholders(setup: TrainerSetup) -> Iterator[Finding]:
    """A09."""
    environ = trainer_environ(setup.around)
    places: list[tuple[Mapping[str, JsonValue], int | None, frozenset[str]]]
    places = [(setup.options.written, None, frozenset())]
    places += [(entry.written, entry.index, _DATASET_WORDS) for entry in setup.datasets]
    for written, dataset, words in places:
        for key, token in _tokens(written):
            name = token.removeprefix(_FROM_ENVIRONMENT)
            if token == name and token not in words and key.endswith(_PATH_ENDINGS):
                yield Finding(
                    what=f"{key} contains {{{token}}}, which stays in the path as it is",
                    fix="write the value itself"
                    + (f", or one of {', '.join(sorted(words))} in braces" if words else ""),
                    key=key,
                    dataset=dataset,
                )
            elif token != name and name not in environ:
                yield Finding(
                    what=f"{key} takes {name} from the environment, where it is not set: "
                    "nothing stands in its place",
                    fix=f"type: export {name}=VALUE, or write the value into the file",
                    key=key,
                    dataset=dataset,
                )


def _tokens(written: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    for key, value in written.items():
        if isinstance(value, str) and not value.lstrip().startswith(('{"', "{'", "[")):
            yield from ((key, token) for token in _PLACEHOLDER.findall(value))


def _prompt_library(setup: TrainerSetup) -> Iterator[Finding]:
    """A16: it is looked for when the trainer has started its accelerator."""
    named = setup.options.text("user_prompt_library")
    if named is None or named.startswith(_EXAMPLES) or _PLACEHOLDER.search(named):
        return
    if not (setup.around.working_dir / named).exists():
        yield Finding(
            what=f"user_prompt_library names {named}, which does not exist",
            fix="correct its path; a relative one begins where the trainer is started",
            key="user_prompt_library",
        )


def _trackers(setup: TrainerSetup) -> Iterator[Finding]:
    """A17."""
    asked = _asked_trackers(setup.options.get("report_to"))
    option = setup.table["report_to"]
    unknown = [name for name in asked if name not in (option.choices or ())]
    if unknown:
        yield _about_trackers(
            f"report_to names {unknown[0]}, which SimpleTuner doesn't know",
            f"use one of {', '.join(map(str, option.choices or ()))}",
        )
    if "none" in asked and len(asked) > 1:
        yield _about_trackers(
            f"report_to asks for none and for {next(name for name in asked if name != 'none')}",
            "write none alone, or leave it out",
        )
    if "custom-tracker" in asked and not setup.options.has("custom_tracker"):
        yield _about_trackers(
            "report_to asks for custom-tracker, but custom_tracker does not name it",
            "write custom_tracker: the name of its module, or report_to: simpletuner",
        )
    yield from _missing_packages(asked, setup)
    if "wandb" in asked:
        yield from _wandb_login(setup)


def _asked_trackers(report_to: JsonValue) -> tuple[str, ...]:
    values = report_to if isinstance(report_to, list) else [report_to]
    names = (name for value in values if isinstance(value, str) for name in value.split(","))
    return tuple(dict.fromkeys(name.strip().lower() for name in names if name.strip()))


def _about_trackers(what: str, fix: str) -> Finding:
    return Finding(what=what, fix=fix, key="report_to")


def _missing_packages(asked: tuple[str, ...], setup: TrainerSetup) -> Iterator[Finding]:
    packages = setup.around.packages
    for tracker, package in (*_TRACKER_PACKAGES.items(), ("wandb", "wandb")):
        if tracker in asked and packages is not None and package not in packages:
            yield _about_trackers(
                f"report_to asks for {tracker}, but {package} is not installed",
                f"type: pip install {package}, or write report_to: simpletuner",
            )


def _wandb_login(setup: TrainerSetup) -> Iterator[Finding]:
    """The trainer logs in after every image and caption was encoded."""
    environ, home = trainer_environ(setup.around), setup.around.home_dir
    mode = environ["WANDB_MODE"].value if "WANDB_MODE" in environ else ""
    if "WANDB_API_KEY" in environ or "WANDB_BASE_URL" in environ or home is None:
        return
    if mode in _TRACKERS_WITHOUT_LOGIN:
        return
    files = [home / ".netrc", home / "_netrc"]
    if "NETRC" in environ:
        files.append(Path(environ["NETRC"].value))
    if not any("api.wandb.ai" in _read(path) for path in files):
        yield _about_trackers(
            "report_to asks for wandb, but nobody is logged in to it here: the trainer would "
            "stop after its caches are made",
            "type: wandb login, or export WANDB_MODE=offline, or write report_to: simpletuner",
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _disk_guard(setup: TrainerSetup) -> Iterator[Finding]:
    """A19."""
    written = setup.options.get("disk_low_threshold")
    if isinstance(written, str | int | float) and not isinstance(written, bool) and written != "":
        yield from _disk_threshold(str(written))
        if setup.options.text("disk_low_action") == "script":
            yield from _disk_script(setup)
    elif setup.options.has("disk_low_action") or setup.options.has("disk_low_script"):
        yield Finding(
            what="disk_low_action has no effect without disk_low_threshold",
            fix="write for instance disk_low_threshold: 10G (twice the size of a checkpoint)",
            key="disk_low_threshold",
            severity=Severity.WARNING,
        )


def _disk_threshold(written: str) -> Iterator[Finding]:
    size = written.strip().upper()
    if _SIZE.fullmatch(size):
        return
    binary = _BINARY_SIZE.fullmatch(size)
    right = f"{binary[1]}{binary[2]}" if binary else None
    yield Finding(
        what=f"disk_low_threshold is {written}, which SimpleTuner can't read",
        fix=f"write disk_low_threshold: {right or '10G'}",
        key="disk_low_threshold",
        # Its G is 1024 to the third, so that GiB means the same.
        edits=(write("disk_low_threshold", right),) if right else (),
    )


def _disk_script(setup: TrainerSetup) -> Iterator[Finding]:
    script = setup.options.text("disk_low_script")
    if script is None:
        yield Finding(
            what="disk_low_action is script, but disk_low_script names none",
            fix="write disk_low_action: stop, or disk_low_script: the path of a program",
            key="disk_low_action",
            edits=(write("disk_low_action", "stop"),),
        )
    elif not script.startswith("~") and not (setup.around.working_dir / script).is_file():
        yield Finding(
            what=f"disk_low_script names {script}, which does not exist",
            fix="correct its path; a relative one begins where the trainer is started",
            key="disk_low_script",
        )


TEXT_RULES = (
    Rule(
        id="A09",
        title="a placeholder that nothing replaces",
        severity=Severity.WARNING,
        looks_at=("output_dir", "dataset.instance_data_dir", "around.environ"),
        source="helpers/configuration/template_vars.py; data_backend/factory.py:1180",
        check=_placeholders,
    ),
    Rule(
        id="A16",
        title="the prompt library is missing",
        severity=Severity.ERROR,
        looks_at=("user_prompt_library",),
        source="helpers/training/default_settings/safety_check.py",
        check=_prompt_library,
    ),
    Rule(
        id="A17",
        title="a tracker that can't be used",
        severity=Severity.ERROR,
        looks_at=("report_to", "custom_tracker", "around.packages", "around.environ"),
        source="helpers/training/reporting.py; trainer.py:5405",
        check=_trackers,
    ),
    Rule(
        id="A19",
        title="the guard of the disk is misconfigured",
        severity=Severity.ERROR,
        looks_at=("disk_low_threshold", "disk_low_action", "disk_low_script"),
        source="helpers/training/disk_space.py; helpers/configuration/cmd_args.py",
        check=_disk_guard,
    ),
)
"""What is written in text."""
