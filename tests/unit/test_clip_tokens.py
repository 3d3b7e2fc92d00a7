import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.data.clip_tokens import (
    MAX_CLIP_TEXT_TOKENS,
    T5_TOKENS_PER_CLIP_TOKEN,
    VOCABULARY_NAME,
    TokenCounter,
    find_vocabulary,
    load_clip_counter,
    load_t5_counter,
    may_exceed,
)


@pytest.fixture(scope="module")
def counter() -> TokenCounter:
    loaded = load_clip_counter()
    assert loaded is not None
    return loaded


@pytest.mark.parametrize(
    ("text", "num_tokens"),
    [
        ("", 0),
        (" \t ", 0),
        # Source: OpenAI's CLIP README counts "a diagram" as two words between start and end.
        ("a diagram", 2),
        ("A  Photo\tof A CAT", 5),
        ("cats", 1),
        ("the cat's", 3),
        ("2024", 4),
        ("cat, dog", 3),
        ("!!!", 1),
        ("e\u0301", 1),
        ("&amp;", 3),
        ("a<|endoftext|>b", 3),
    ],
    ids=ascii,
)
def test_tokens_of_short_texts(counter: TokenCounter, text: str, num_tokens: int) -> None:
    assert counter.count(text) == num_tokens


def test_the_vocabulary_has_the_size_of_clips(counter: TokenCounter) -> None:
    # Source: vocab_size of openai/clip-vit-large-patch14, config.json.
    assert counter.tokenizer.get_vocab_size() == 49_408


def test_many_texts_are_counted_in_their_order(counter: TokenCounter) -> None:
    assert counter.count_many(["a cat", "", "a photo of a cat"]) == [2, 0, 5]
    assert not counter.is_estimate


def test_a_text_of_seventy_five_words_is_as_long_as_a_caption_may_be(counter: TokenCounter) -> None:
    assert counter.count("cat " * 75) == MAX_CLIP_TEXT_TOKENS == 75


@pytest.mark.parametrize(
    ("text", "is_worth_counting"),
    [
        ("a" * 75, False),
        ("a" * 76, True),
        ("\xe4" * 37, False),
        ("\xe4" * 38, True),
        # Small letters and canonical forms that take more bytes than what was written.
        ("\u0130" * 25, False),
        ("\u0130" * 26, True),
        ("\u0958" * 13, True),
        ("", False),
    ],
    ids=ascii,
)
def test_only_texts_with_enough_bytes_are_worth_counting(
    text: str,
    is_worth_counting: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert may_exceed(text, MAX_CLIP_TEXT_TOKENS) is is_worth_counting


def break_header_only(path: Path) -> None:
    path.write_bytes(gzip.compress(b"#version: 0.2\n"))


def break_compression(path: Path) -> None:
    path.write_bytes(b"i n\n")


def break_end(path: Path) -> None:
    found = find_vocabulary()
    assert found is not None
    path.write_bytes(found.read_bytes()[:50_000])


def break_middle(path: Path) -> None:
    found = find_vocabulary()
    assert found is not None
    content = bytearray(found.read_bytes())
    content[1_000:1_100] = bytes(100)
    path.write_bytes(content)


def break_lines(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a b c\n" * 60_000))


@pytest.mark.parametrize(
    "damage",
    [break_header_only, break_compression, break_end, break_middle, break_lines, Path.mkdir],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_vocabulary_gives_no_counter(tmp_path: Path, damage: object) -> None:
    path = tmp_path / VOCABULARY_NAME
    assert callable(damage)
    damage(path)

    assert load_clip_counter(path) is None


def test_a_missing_vocabulary_gives_no_counter(tmp_path: Path) -> None:
    assert load_clip_counter(tmp_path / VOCABULARY_NAME) is None


def test_counting_imports_neither_torch_nor_open_clip() -> None:
    code = (
        "import sys; from tuner_kit.data.clip_tokens import load_clip_counter, load_t5_counter;"
        "load_clip_counter().count('a cat'); load_t5_counter(None).count('a cat');"
        "sys.exit(bool({'torch', 'open_clip', 'numpy', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_local_base_model_is_counted_with_its_own_t5_tokenizer() -> None:
    counter = load_t5_counter(embedded_model_dir("tiny-sd3"))

    assert counter is not None
    assert not counter.is_estimate
    # Its words are whole tokens: it was made for captions such as this one.
    assert counter.count("a red star") == 3


def test_a_limit_that_is_saved_with_a_t5_tokenizer_does_not_end_the_count(tmp_path: Path) -> None:
    shutil.copytree(embedded_model_dir("tiny-sd3") / "tokenizer_3", tmp_path / "tokenizer_3")
    path = tmp_path / "tokenizer_3" / "tokenizer.json"
    settings = json.loads(path.read_text("utf-8"))
    settings["truncation"] = {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    settings["padding"] = {
        "strategy": {"Fixed": 4},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    path.write_text(json.dumps(settings), "utf-8")

    counter = load_t5_counter(tmp_path)

    assert counter is not None
    assert counter.count_many(["a red star " * 5, "a"]) == [15, 1]


@pytest.mark.parametrize("content", [None, "", "{}", "[1]"], ids=ascii)
def test_without_a_t5_tokenizer_the_count_is_estimated_from_clip(
    tmp_path: Path, counter: TokenCounter, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "tokenizer_3").mkdir()
        (tmp_path / "tokenizer_3" / "tokenizer.json").write_text(content, "utf-8")
    text = "a photo of a cat " * 20

    estimate = load_t5_counter(tmp_path)

    assert estimate is not None
    assert estimate.is_estimate
    assert estimate.count(text) == round(counter.count(text) * T5_TOKENS_PER_CLIP_TOKEN) == 118
