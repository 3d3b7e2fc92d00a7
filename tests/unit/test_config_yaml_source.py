"""YAML text that is damaged, malicious, or not plain data."""

import pytest
from config_files import ids_of

from tuner_kit.config.yaml_source import format_key_path, parse_yaml


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        pytest.param("a:\n\tb: 1\n", "t.yaml:2, column 1", "'\\t'", id="tab"),
        pytest.param("a: [1, 2\nb: 3\n", "t.yaml:2, column 2", "expected", id="open-list"),
        pytest.param("a: 'x\n", "t.yaml:2, column 1", "end of stream", id="open-quote"),
        pytest.param("a: b: c\n", "t.yaml:1, column 5", "not allowed", id="two-colons"),
        pytest.param("x: *y\n", "t.yaml:1, column 4", "undefined alias", id="unknown-anchor"),
        pytest.param("a: 1\n---\nb: 2\n", "t.yaml:2, column 1", "another", id="two-documents"),
        pytest.param("a: \x01\n", "t.yaml", "special characters", id="control-character"),
        pytest.param("a: !foo 1\n", "t.yaml:1, column 4", "tag '!foo'", id="unknown-tag"),
        pytest.param(
            "a: !!python/object:os.system {}\n", "t.yaml:1, column 4", "tag", id="python-object"
        ),
        pytest.param("a: !!int abc\n", "t.yaml:1, column 4", "can't be read", id="int-of-text"),
        pytest.param("a: !!bool maybe\n", "t.yaml:1, column 4", "can't be read", id="bool-of-text"),
        pytest.param("a: 1" + "0" * 5000, "t.yaml:1, column 4", "limit", id="5000-digits"),
        pytest.param('a: "x\\0"\n', "t.yaml:1, column 4", "no file can hold", id="nul"),
        pytest.param('a: "\\ud800"\n', "t.yaml:1, column 4", "no file can hold", id="surrogate"),
        pytest.param("a: &a [*a]\n", "t.yaml:1, column 4", "inside itself", id="anchor-in-list"),
        pytest.param("a: &a\n  b: *a\n", "t.yaml:1, column 4", "itself", id="anchor-in-section"),
        pytest.param("a: " + "[" * 70 + "]" * 70, "t.yaml:1, column 68", "deeply", id="70-deep"),
        pytest.param("a: " + "[" * 500 + "]" * 500, "t.yaml", "deeply", id="500-deep"),
    ],
)
def test_what_is_not_yaml_is_one_problem_with_its_place(text: str, where: str, reason: str) -> None:
    source = parse_yaml(text, name="t.yaml")
    assert source.data is None
    assert [(found.id, found.where) for found in source.problems] == [("C02", where)]
    assert reason in source.problems[0].what
    assert "\n" not in source.problems[0].what


def test_anchors_that_stand_for_billions_of_values_are_refused_at_once() -> None:
    rows = ["a0: &a0 [x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    source = parse_yaml("\n".join(rows), name="t.yaml")
    assert ids_of(source.problems) == ["C02"]
    assert "too many values" in source.problems[0].what


def test_an_anchor_may_be_used_twice() -> None:
    source = parse_yaml("a: &a [1]\nb: *a\nc: *a\n", name="t.yaml")
    assert source.problems == ()
    assert source.data == {"a": [1], "b": [1], "c": [1]}


def test_a_value_is_found_at_its_line_or_at_that_of_its_section() -> None:
    source = parse_yaml("a: 1\nb:\n  - x: 1\n  - y:\n      z: 2\n", name="t.yaml")
    assert source.locate(("b", 1, "y", "z")) == "t.yaml:5  b[1].y.z"
    assert source.locate(("b", 1, "missing")) == "t.yaml:4  b[1].missing"
    assert source.locate(("missing",)) == "t.yaml  missing"
    assert source.locate(()) == "t.yaml"


def test_a_path_is_written_as_people_do() -> None:
    assert format_key_path(("datasets", 0, "resolution_px")) == "datasets[0].resolution_px"
    assert format_key_path(()) == ""
