"""JSON with places: where values stand, what is wrong, and changes that leave the rest alone."""

import json

import pytest

from tuner_kit.config.json_source import Change, change_json, parse_json

TEXT = """\
{
    "model_family":   "sd3",
    "prompt": "\\ud83d\\udfeb a \\"quoted\\" word",
\t"layers": [7, 8, 9],
    "nested": {"a": 1, "b": 2},
    "last": true
}
"""


def test_places_are_right_beside_escapes_and_tabs() -> None:
    source = parse_json(TEXT, name="config.json")

    span = source.spans["layers",]
    assert source.data == json.loads(TEXT)
    assert TEXT[span.value_start : span.value_end] == "[7, 8, 9]"
    assert source.locate(("nested", "b")) == "config.json:5  nested.b"
    assert source.locate(("layers", 2)) == "config.json:4  layers[2]"


@pytest.mark.parametrize(
    ("changes", "line", "expected"),
    [
        pytest.param([Change(("layers",), "[7, 8, 9]")], 3, '\t"layers": "[7, 8, 9]",', id="value"),
        pytest.param([Change(("last",), value=False)], 5, '    "last": false', id="last"),
        pytest.param(
            [Change(("prompt",), is_removal=True)], 2, '\t"layers": [7, 8, 9],', id="removal"
        ),
        pytest.param(
            [Change(("last",), is_removal=True)],
            4,
            '    "nested": {"a": 1, "b": 2}',
            id="last-gone",
        ),
        pytest.param([Change(("seed",), 42)], 6, '    "seed": 42', id="added"),
        pytest.param(
            [Change(("nested", "c"), "x")],
            4,
            '    "nested": {"a": 1, "b": 2, "c": "x"},',
            id="deep",
        ),
        pytest.param(
            [Change(("nested", "a"), is_removal=True)], 4, '    "nested": {"b": 2},', id="deep-gone"
        ),
    ],
)
def test_a_change_touches_its_own_line_only(
    changes: list[Change], line: int, expected: str
) -> None:
    changed = change_json(parse_json(TEXT, name="x"), changes)

    lines = changed.splitlines()
    untouched = [each for each in TEXT.splitlines() if each.strip(" ,") in changed]
    json.loads(changed)
    assert lines[line] == expected
    assert len(untouched) >= len(TEXT.splitlines()) - 2


def test_several_changes_at_once_are_all_made() -> None:
    changes = [
        Change(("last",), is_removal=True),
        Change(("seed",), 1),
        Change(("model_family",), "sd1x"),
        Change(("epochs",), 0),
    ]

    data = json.loads(change_json(parse_json(TEXT, name="x"), changes))

    assert "last" not in data
    assert (data["seed"], data["epochs"], data["model_family"]) == (1, 0, "sd1x")


@pytest.mark.parametrize("text", ["{}", '{"a": 1}', "{\n}"], ids=["empty", "one-line", "two-lines"])
def test_a_key_is_added_to_an_object_of_any_shape(text: str) -> None:
    changed = change_json(parse_json(text, name="x"), [Change(("b",), 2)])

    assert json.loads(changed)["b"] == 2


def test_the_last_of_two_equal_keys_is_the_one_that_counts() -> None:
    source = parse_json('{"a": 1,\n "a": 2}', name="x.json")

    (problem,) = source.problems
    assert (problem.id, problem.where) == ("C03", "x.json:2  a")
    assert json.loads(change_json(source, [Change(("a",), 3)]))["a"] == 3


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param('{"a" 1}', "x.json:1, column 6", id="colon"),
        pytest.param('{"a": 1,\n}', "x.json:2, column 1", id="comma"),
        pytest.param("{'a': 1}", "x.json:1", id="quotes"),
        pytest.param("[" * 100_000, "x.json", id="deep"),
    ],
)
def test_a_syntax_error_is_named_with_its_place(text: str, where: str) -> None:
    source = parse_json(text, name="x.json")

    (problem,) = source.problems
    assert source.data is None
    assert problem.id == "C02"
    assert problem.where.startswith(where)
