"""Write down what the installed SimpleTuner accepts, as data that the fast side can read.

    .venv/bin/python tools/make_trainer_facts.py            rewrite the three files
    .venv/bin/python tools/make_trainer_facts.py --check    compare; exit 1 where they differ

Names, types, choices and defaults are taken from the installed parser and dataset classes;
no help texts. The files are the same on every machine with the same packages.
"""

import argparse
import ast
import contextlib
import dataclasses
import enum
import importlib.metadata
import json
import re
import sys
import tempfile
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FACTS_DIR = Path(__file__).parents[1] / "tuner_kit" / "simpletuner"
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

TYPE_NAMES = {
    "int": "int",
    "float": "float",
    "str": "str",
    "_parse_bool_flag": "bool",
    "_parse_validation_prompt_library_flag": "bool_or_str",
    "_parse_report_to_arg": "str",
}
"""What argparse calls to read a value, and our name for the kind of value."""

JSON_TYPES: Mapping[str, list[str]] = {
    "int": ["integer", "null"],
    "float": ["number", "null"],
    "str": ["string", "number", "null"],  # SimpleTuner reads 1024 like "1024" here.
    "bool": ["boolean", "null"],
    "bool_or_str": ["boolean", "string", "null"],
}

DATASET_VARIABLES = frozenset({"backend", "backend_dict", "backend_config"})
"""What SimpleTuner's code calls an entry of the dataset file."""

DATASET_KEYS_NOT_FOR_PEOPLE = frozenset(
    {"auto_generated", "disable_vae_cache", "metadata_clone_source_id"}
)
"""Set by SimpleTuner itself, or refused by it."""

TYPES_OUTSIDE_CLASSES: Mapping[str, str | list[str]] = {
    "cache_dir": "string",
    "cache_dir_vae": "string",
    "cache_dir_conditioning_image_embeds": "string",
    "cache_file_suffix": "string",
    "caption_filter_list": "string",
    "conditioning_data": ["string", "array", "null"],  # its class says text, its reader takes both
    "default": "boolean",
    "delete_nsfw_images": "boolean",
    "delete_problematic_images": "boolean",
    "delete_unwanted_images": "boolean",
    "disable": "boolean",
    "image_embeds": "string",
    "image_processing_batch_size": "integer",
    "instance_prompt": "string",
    "max_workers": "integer",
    "metadata_update_interval": "integer",
    "only_instance_prompt": "boolean",
    "prepend_instance_prompt": "boolean",
    "preserve_data_backend_cache": "boolean",
    "read_batch_size": "integer",
    "scan_for_errors": "boolean",
    "shuffle": "boolean",
    "skip_file_discovery": "string",
    "text_embeds": "string",
    "type": "string",
    "vae_batch_size": "integer",
    "write_batch_size": "integer",
}
"""Keys that SimpleTuner reads straight from the file, so that no class states their type truly."""


# --------------------------------------------------------------------------- options of config.json


def collect_options() -> dict[str, Any]:
    """Everything that SimpleTuner's own parser knows about its options."""
    from simpletuner.helpers.configuration.cmd_args import get_argument_parser

    parser = get_argument_parser()
    actions = sorted(
        (action for action in parser._actions if action.dest != "help"),  # noqa: SLF001 - argparse has no other list
        key=lambda action: action.dest,
    )
    return {
        "schema_version": 1,
        "simpletuner_version": importlib.metadata.version("simpletuner"),
        "ignored_keys": sorted(collect_ignored_keys()),
        "legacy_keys": collect_legacy_keys(),
        "environment": collect_environment_names(),
        "options": {action.dest: describe_option(action) for action in actions},
    }


def collect_ignored_keys() -> set[str]:
    """Keys of config.json that SimpleTuner takes and never hands to its parser."""
    from simpletuner.helpers.configuration import cli_utils
    from simpletuner.simpletuner_sdk.server.services.field_registry import field_registry

    without_option = {
        name
        for name, field in field_registry._fields.items()
        if getattr(field, "arg_name", "") is None
    }
    candidates = without_option | set(cli_utils._LEGACY_ARG_HANDLERS)  # noqa: SLF001 - the same
    return {name for name in candidates if not options_from(name)}


def collect_legacy_keys() -> dict[str, str]:
    """The option that each former key of config.json is translated to."""
    from simpletuner.helpers.configuration.cli_utils import _LEGACY_ARG_HANDLERS

    found = {name: options_from(name) for name in sorted(_LEGACY_ARG_HANDLERS)}
    return {name: options[0] for name, options in found.items() if options}


def options_from(name: str) -> list[str]:
    """The options that SimpleTuner makes of a key, with one value or another."""
    from simpletuner.helpers.configuration.cli_utils import mapping_to_cli_args

    made = [*mapping_to_cli_args({name: "1"}), *mapping_to_cli_args({name: "0"})]
    return [argument.removeprefix("--").partition("=")[0] for argument in made]


def collect_environment_names() -> dict[str, str]:
    """The option that each variable of a config.env stands for."""
    from simpletuner.helpers.configuration.env_file import env_to_args_map

    return {
        name: option.removeprefix("--")
        for name, option in sorted(env_to_args_map.items())
        if "=" not in option and option != "--dynamo_backend"
    }


def describe_option(action: argparse.Action) -> dict[str, Any]:
    """One option as data; the optimizers' names are those of the packages installed here."""
    from simpletuner.helpers.training.optimizer_param import optimizer_choices

    choices = list(action.choices) if action.choices else None
    is_optimizer = action.dest == "optimizer"
    if is_optimizer:
        choices = sorted(optimizer_choices)
    elif action.dest == "report_to":
        choices = str(action.metavar).strip("{}").split(",")
    return {
        "flags": list(action.option_strings),
        "type": TYPE_NAMES[typing.cast(type, action.type).__name__],
        "choices": choices,
        "choices_depend_on_packages": is_optimizer,
        "default": action.default,
        "required": action.required,
        "accepts_list": reaches_parser_whole(action.dest, ["a", "b"]),
        "accepts_object": reaches_parser_whole(action.dest, {"a": 1}),
    }


def reaches_parser_whole(name: str, value: object) -> bool:
    """Whether SimpleTuner hands such a value to its parser as one, by trying it."""
    from simpletuner.helpers.configuration.cli_utils import mapping_to_cli_args

    return len(mapping_to_cli_args({name: value})) == 1


def build_config_schema(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of config.json; keys as the trainer's options are called."""
    options: Mapping[str, Any] = facts["options"]
    properties = {
        flag.removeprefix("--"): option_schema(option)
        for option in options.values()
        for flag in option["flags"]
    }
    return {
        "$schema": SCHEMA_DIALECT,
        "title": f"config.json of SimpleTuner {facts['simpletuner_version']}",
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, option in options.items() if option["required"]],
        "properties": dict(sorted(properties.items())),
    }


def option_schema(option: Mapping[str, Any]) -> dict[str, Any]:
    """What one option takes in config.json."""
    if option["accepts_list"]:
        containers = ["array", "object"] if option["accepts_object"] else ["array"]
        return {"type": [*JSON_TYPES[option["type"]], *containers]}
    if option["choices"] is None:
        return {"type": JSON_TYPES[option["type"]]}
    # SimpleTuner reads the number 8 like the choice "8".
    numbers = [
        int(choice) for choice in option["choices"] if isinstance(choice, str) and choice.isdigit()
    ]
    return {"enum": [*option["choices"], *numbers, None]}


# --------------------------------------------------------------- entries of the dataset file


def build_dataset_schema(version: str) -> dict[str, Any]:
    """The JSON Schema of the dataset file: a list of entries with known keys and strict types."""
    names, defaults = scan_dataset_keys()
    types_of_fields = collect_field_types()
    enumerations = collect_enumerations()
    properties: dict[str, Any] = {}
    for name in sorted(names - DATASET_KEYS_NOT_FOR_PEOPLE):
        if name in enumerations:
            properties[name] = {"enum": enumerations[name]}
        elif name in TYPES_OUTSIDE_CLASSES:
            properties[name] = {"type": TYPES_OUTSIDE_CLASSES[name]}
        elif name in types_of_fields:
            properties[name] = types_of_fields[name]
        else:
            properties[name] = {"type": "boolean"} if name in defaults else {}
    return {
        "$schema": SCHEMA_DIALECT,
        "title": f"Dataset file of SimpleTuner {version}",
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["id"],
            "additionalProperties": False,
            "properties": properties,
        },
    }


def dataset_sources() -> Iterator[ast.AST]:
    """The code that reads the dataset file."""
    import simpletuner

    folder = Path(str(simpletuner.__file__)).parent / "helpers"
    for path in [*sorted((folder / "data_backend").rglob("*.py")), folder / "prompts.py"]:
        yield ast.parse(path.read_text(encoding="utf-8"))


def scan_dataset_keys() -> tuple[set[str], set[str]]:
    """Keys that the code reads from an entry, and those among them with a boolean default."""
    found = [
        read for source in dataset_sources() for read in map(read_of, ast.walk(source)) if read
    ]
    public = [(key, default) for key, default in found if not key.startswith("_")]
    return {key for key, _ in public}, {key for key, default in public if isinstance(default, bool)}


def read_of(node: ast.AST) -> tuple[str, object] | None:
    """The key and the literal default, where this is code that reads from an entry."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=variable), attr="get"),
            args=[ast.Constant(value=str(key)), *rest],
        ) if variable in DATASET_VARIABLES:
            default = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
            return key, default
        case ast.Subscript(value=ast.Name(id=variable), slice=ast.Constant(value=str(key))) if (
            variable in DATASET_VARIABLES
        ):
            return key, None
        case _:
            return None


def collect_field_types() -> dict[str, dict[str, Any]]:
    """JSON types of the fields of SimpleTuner's dataset classes."""
    from simpletuner.helpers.data_backend import config

    types_of_fields: dict[str, dict[str, Any]] = {}
    for name in sorted(vars(config)):
        candidate = getattr(config, name)
        if isinstance(candidate, type) and dataclasses.is_dataclass(candidate):
            for field, hint in typing.get_type_hints(candidate).items():
                types_of_fields.setdefault(field, json_type(hint))
    return types_of_fields


def json_type(hint: object) -> dict[str, Any]:  # noqa: PLR0911 - one line per kind of type
    """The JSON Schema of a Python type; an empty one allows anything."""
    plain = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    if isinstance(hint, type) and hint in plain:
        return {"type": plain[hint]}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"type": "array", "items": json_type(arguments[0])}
    if origin is dict:
        return {"type": "object"}
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [json_type(argument) for argument in arguments]}
    return {}


def collect_enumerations() -> dict[str, list[str]]:
    """The values that the code compares a key with, or lists as valid for it."""
    from simpletuner.helpers.data_backend.dataset_types import DatasetType

    listed: dict[str, list[str]] = {"dataset_type": [member.value for member in DatasetType]}
    compared: dict[str, set[str]] = {}
    for source in dataset_sources():
        for node in ast.walk(source):
            match node:
                case ast.Assign(targets=[ast.Name(id=variable)], value=ast.List(elts=values)) if (
                    found := re.fullmatch(
                        r"valid_(crop_aspect|crop_style|resolution_type)s", variable
                    )
                ):
                    listed[found[1]] = [str(ast.literal_eval(value)) for value in values]
                case ast.Compare(
                    left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=str(value))]
                ):
                    compared.setdefault(ast.unparse(left), set()).add(value)
                case _:
                    pass
    listed["caption_strategy"] = sorted(compared["caption_strategy"])
    listed["metadata_backend"] = sorted(compared["metadata_backend"] - {"filesystem"})
    listed["type"] = sorted(compared["backend['type']"] | compared["backend_type"])
    return listed


# ---------------------------------------------------------------------------------------- files


def collect_facts() -> dict[str, str]:
    """The text of every file, by its name."""
    facts = collect_options()
    documents = {
        "options.json": facts,
        "config.schema.json": build_config_schema(facts),
        "multibackend.schema.json": build_dataset_schema(facts["simpletuner_version"]),
    }
    return {name: render(document) + "\n" for name, document in documents.items()}


def render(value: object, indent: str = "") -> str:
    """JSON with one line per option, so that a new version reads well as a difference."""
    if not isinstance(value, Mapping) or not any(
        isinstance(part, Mapping) for part in value.values()
    ):
        return json.dumps(value, allow_nan=False)
    deeper = indent + " "
    lines = (f"{deeper}{json.dumps(name)}: {render(part, deeper)}" for name, part in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def main() -> int:
    """Rewrite or compare the files; returns the exit code."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare, write nothing")
    is_check = arguments.parse_args().check
    # SimpleTuner writes debug.log where it is imported, prints, and reads sys.argv.
    sys.argv[1:] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(sys.stderr),
    ):
        facts = collect_facts()
    differing = [
        name
        for name, text in facts.items()
        if not (FACTS_DIR / name).is_file()
        or (FACTS_DIR / name).read_text(encoding="utf-8") != text
    ]
    if not is_check:
        for name in differing:
            (FACTS_DIR / name).write_text(facts[name], encoding="utf-8")
    print(f"{'differ' if is_check else 'rewritten'}: {', '.join(differing) or 'none'}")
    return 1 if is_check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
