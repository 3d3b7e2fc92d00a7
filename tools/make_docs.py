"""Write the pages and the JSON Schema that follow from the code.

.venv/bin/python tools/make_docs.py            rewrite the files
.venv/bin/python tools/make_docs.py --check    compare; exit 1 where they differ
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner_kit.catalog.problems import PROBLEM_TITLES
from tuner_kit.config.answers import Answers
from tuner_kit.config.run_config import RunConfig
from tuner_kit.errors import ERROR_OF_KIND
from tuner_kit.simpletuner.rules.elsewhere import ELSEWHERE
from tuner_kit.simpletuner.rules.rule import Rule, SaidElsewhere
from tuner_kit.simpletuner.rules.table import RULES

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

type Json = dict[str, Any]

KIND_TITLES: Mapping[str, str] = {
    "C": "configuration",
    "D": "dataset",
    "M": "machine",
    "A": "access",
    "T": "trainer",
    "W": "worker",
    "G": "quality gate",
    "R": "run state",
}

PROBLEMS_HEAD = """\
# Problems

Everything that tuner-kit finds wrong has an id that never changes its meaning. The letter
names the kind, and the kind decides the exit code of a command that was stopped by it.
Other exit codes: 0 done, 1 a bug (the details are in a file that is named), 2 a wrong
command line, 130 stopped by Ctrl-C.

This page is written by `tools/make_docs.py`.
"""

RULES_HEAD = """\
# Rules about SimpleTuner's configuration

What `tuner-kit check` says about a `config.json`, `config.toml` or `config.env` that was written
for SimpleTuner by hand, with the data backend file that it names; and about the same files
where a `tuner.yaml` leads to them. An error stops a training, spoils it, or costs you files; a
warning is true, but may be meant. Where something else of tuner-kit says it already, its id is
named instead ([problems](problems.md)). With `--fix`, what surely was meant is written.

This page is written by `tools/make_docs.py`.
"""

GROUP_TITLES: Mapping[str, str] = {
    "A": "The shape of the configuration",
    "B": "Model and hardware",
    "C": "Captions",
    "D": "Sizes and cropping",
    "E": "Counts",
    "F": "Schedule and stability",
    "G": "Subjects, class images, masks, preferences",
    "H": "Caches, paths and ids",
    "I": "Resuming, output and publishing",
}

TUNER_YAML_HEAD = """\
# tuner.yaml

Every key, with its type, its default, and what it does. A value that is not written comes
from the preset named by `preset`, then from the default here. YAML 1.2: `1e-4` is a number
and `no` is text. Editors complete and check the file with `tuner_kit/config/tuner.schema.json`.

This page is written by `tools/make_docs.py`.
"""


ANSWERS_HEAD = """\
# Answers

What `tuner-kit init --answers FILE` reads instead of asking: YAML or JSON, one answer per line.
What is not answered takes the suggestion that fits the images and the GPU; with `--yes` nothing
is asked at all. Options of the command line win over the file.

```
data: photos/cats
purpose: subject
method: dreambooth-class
instance_prompt: a photo of a sks cat
class_images: photos/other-cats
class_prompt: a photo of a cat
gpu: 12 GB
```

This page is written by `tools/make_docs.py`.
"""


def render_answers() -> str:
    """Write the page of every answer."""
    schema: Json = Answers.model_json_schema()
    _tidy(schema)
    return "\n".join([ANSWERS_HEAD, *_render_table("Every answer", schema, schema)])


def render_problems() -> str:
    """Write the page of problem ids, grouped by kind."""
    parts = [PROBLEMS_HEAD]
    for letter, kind in ERROR_OF_KIND.items():
        rows = [(found, title) for found, title in PROBLEM_TITLES.items() if found[0] == letter]
        if rows:
            parts.append(f"## {letter}: {KIND_TITLES[letter]} (exit code {kind.exit_code})\n")
            parts.append("| id | what |\n|---|---|")
            parts.append("\n".join(f"| {found} | {title} |" for found, title in rows) + "\n")
    return "\n".join(parts)


def render_rules() -> str:
    """Write the page of rules, grouped by letter."""
    parts = [RULES_HEAD]
    for letter, title in GROUP_TITLES.items():
        rows = {rule.id: _rule_row(rule) for rule in RULES if rule.id[0] == letter}
        rows |= {
            rule_id: _elsewhere_row(rule_id, said)
            for rule_id, said in ELSEWHERE.items()
            if rule_id[0] == letter
        }
        parts.append(f"## {letter}: {title}\n")
        parts.append("| id | what is wrong | kind | looks at | upstream |\n|---|---|---|---|---|")
        parts.append("\n".join(rows[rule_id] for rule_id in sorted(rows)) + "\n")
    return "\n".join(parts)


def _rule_row(rule: Rule) -> str:
    families = f" ({', '.join(rule.families)})" if rule.families is not None else ""
    looks_at = ", ".join(f"`{name}`" for name in rule.looks_at)
    cells = (f"ST-{rule.id}", rule.title, f"{rule.severity}{families}", looks_at, rule.source)
    return f"| {' | '.join(cells)} |"


def _elsewhere_row(rule_id: str, said: SaidElsewhere) -> str:
    ids = ", ".join(said.ids)
    return f"| {rule_id} | {said.title} | {f'said by {ids}' if ids else ''} | | {said.source} |"


def build_schema() -> Json:
    """Build the JSON Schema of tuner.yaml, as a person may write it.

    Nothing but `datasets` and `name` is required, because presets supply the rest.
    """
    schema: Json = RunConfig.model_json_schema()
    model: Json = schema["$defs"]["ModelConfig"]
    model.pop("required", None)
    schema["required"] = [name for name in schema["required"] if name != "model"]
    for section in (schema, *schema["$defs"].values()):
        _tidy(section)
    title = {"$schema": SCHEMA_DIALECT, "title": "tuner.yaml"}
    return title | {key: value for key, value in schema.items() if key != "title"}


def _tidy(section: Json) -> None:
    """Make descriptions one line; let a section be empty, as YAML's `lora:` is."""
    if "description" in section:
        section["description"] = _one_line(section["description"])
    for field in section.get("properties", {}).values():
        field.pop("title", None)
        if "description" in field:
            field["description"] = _one_line(field["description"])
        if "$ref" in field:  # a section's own defaults say what it is without a line of it
            field.pop("default", None)
            field["anyOf"] = [{"$ref": field.pop("$ref")}, {"type": "null"}]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def render_tuner_yaml(schema: Json) -> str:
    """Write the page of every key."""
    parts = [TUNER_YAML_HEAD, *_render_table("At the top", schema, schema)]
    for name, field in schema["properties"].items():
        section = _section_of(field, schema)
        if section is not None:
            parts += _render_table(f"{name}:", section, schema)
    return "\n".join(parts)


def _section_of(field: Json, schema: Json) -> Json | None:
    """Find the section that a key opens, or that each item of its list is."""
    for part in (field, field.get("items", {}), *field.get("anyOf", ())):
        if "$ref" in part:
            section: Json = schema["$defs"][part["$ref"].rpartition("/")[2]]
            return section
    return None


def _render_table(title: str, section: Json, schema: Json) -> Iterator[str]:
    code = f"`{title}`" if title.endswith(":") else title
    yield f"## {code}\n"
    if title.endswith(":"):
        yield section["description"] + "\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    required = section.get("required", ())
    rows = (
        (name, _type_in_words(field), _default_of(name, field, required), field)
        for name, field in section["properties"].items()
    )
    yield (
        "\n".join(
            f"| `{name}` | {kind} | {default} | {_meaning(field, schema)} |"
            for name, kind, default, field in rows
        )
        + "\n"
    )


def _meaning(field: Json, schema: Json) -> str:
    section = _section_of(field, schema) or {}
    return str(field.get("description") or section.get("description", ""))


def _default_of(name: str, field: Json, required: object) -> str:
    if isinstance(required, list) and name in required:
        return "required"
    if "default" not in field:
        return "the preset's" if name == "base" else ""
    value = field["default"]
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def _type_in_words(field: Json) -> str:
    options = field.get("anyOf", [field])
    if any("$ref" in option for option in options):
        return "section"
    return " or ".join(_one_type(option) for option in options)


def _one_type(field: Json) -> str:
    if "const" in field or "enum" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        items = field["items"]
        return "list of sections" if "$ref" in items else f"list of {_one_type(items)}"
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "path" if field.get("format") == "path" else "text",
        "boolean": "`true` or `false`",
        "null": "`null`",
    }
    return words.get(field.get("type", ""), "section") + _limits_in_words(field)


def _limits_in_words(field: Json) -> str:
    limits = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
        "multipleOf": "a multiple of {}",
        "maxLength": "at most {} characters",
    }
    found = [
        words.format(f"{field[key]:g}" if field[key] < 10**6 else field[key])
        for key, words in limits.items()
        if key in field
    ]
    return f", {', '.join(found)}" if found else ""


def build_files() -> Mapping[Path, str]:
    """Build every generated file, by its path."""
    schema = build_schema()
    return {
        REPOSITORY / "docs" / "answers.md": render_answers(),
        REPOSITORY / "docs" / "problems.md": render_problems(),
        REPOSITORY / "docs" / "rules.md": render_rules(),
        REPOSITORY / "docs" / "tuner-yaml.md": render_tuner_yaml(schema),
        REPOSITORY / "tuner_kit" / "config" / "tuner.schema.json": json.dumps(schema, indent=2)
        + "\n",
    }


def outdated_files() -> tuple[Path, ...]:
    """Name the files whose content no longer follows from the code."""
    return tuple(
        path
        for path, text in build_files().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    )


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description="Write what follows from the code.")
    parser.add_argument("--check", action="store_true", help="compare; write nothing")
    outdated = outdated_files()
    if parser.parse_args().check:
        for path in outdated:
            print(f"{path.relative_to(REPOSITORY)} is outdated: run tools/make_docs.py")
        return 1 if outdated else 0
    for path, text in build_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
