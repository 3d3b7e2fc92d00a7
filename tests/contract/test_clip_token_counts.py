"""Our counts of tokens against the tokenizers that the trainer and open_clip really use."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.data.clip_tokens import TokenCounter, load_clip_counter, load_t5_counter, may_exceed

if TYPE_CHECKING:
    from open_clip.tokenizer import SimpleTokenizer  # type: ignore[import-untyped] # it has no types

pytestmark = pytest.mark.contract

ENGLISH = (
    *("a photo of the cat's owner", "don't", "they're", "we'd", "I'M", "it'll", "'s", "''s"),
    *("O'Neill", "rock'n'roll", "sks", "ohwx", "zxqvkjwpzxqv", "A Painting, In The STYLE Of"),
    *("donaudampfschifffahrtsgesellschaft", "pneumonoultramicroscopicsilicovolcanoconiosis"),
    *("a" * 60, "supercalifragilisticexpialidocious", "x", ""),
)
NUMBERS = ("3.14159", "1,000,000", "2024-05-06", "00000", "50%", "$5", "1girl", "4k", "x2", "16:9")
PUNCTUATION = (
    *("...", "!!!???", "-->", ":-)", ";;;", "(((masterpiece:1.3)))", "[[x]]", "{a|b}", "^_^", "~"),
    *("<lora:x:1>", "C++", "#1", "@user", "a_b_c", "__init__", "a/b\\c", "`", '"quoted"', "*****"),
    *("https://example.org/a?b=c&d=e", "a  b", "a\tb", "  a ", "a\nb"),
)
LATIN = (
    *("na\xefve caf\xe9", "\xc5ngstr\xf6m", "Stra\xdfe", "\u0130stanbul", "e\u0301te\u0301"),
    *("\u0141\xf3d\u017a", "sm\xf8rrebr\xf8d", "Ti\u1ebfng Vi\u1ec7t", "ma\xf1ana", "\xbfqu\xe9?"),
    *(
        "it\u2014is",
        "1\u20132",
        "a \xd7 b",
        "\u20ac100",
        "\xb5m",
        "\xb0C",
        "x\xb2",
        "\xbd",
        "\u212bm",
    ),
)
SCRIPTS = (
    *("\u732b", "\u7a93\u8fba\u306b\u5ea7\u308b\u732b", "\u4e00\u53ea\u732b\u3001\u6cb9\u753b"),
    *("\uace0\uc591\uc774", "\u043a\u043e\u0442 \u0432 \u0448\u043b\u044f\u043f\u0435"),
    *("\u0401\u0436", "\u0642\u0637\u0629", "\u05d7\u05ea\u05d5\u05dc", "\u0e41\u0e21\u0e27"),
    *("\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3", "\u0928\u092e\u0938\u094d\u0924\u0947"),
    *("\u0915\u093c", "\u0663", "\u0967", "\U0001d49c\U0001d4c3", "\U00010400", "\u2460"),
)
EMOJI = (
    *("\U0001f431", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea"),
    *("\u2764\ufe0f", "\U0001f44d\U0001f3fd", "\u2605\u2605\u2605", "\u2192", "\xa9", "\u200b"),
)
REPAIRED_BY_OPEN_CLIP = (
    *("&amp;", "&lt;b&gt;", "&eacute;", "&#39;s", "&nbsp;", "\xc3\xa9", "\xe2\u20ac\u2122"),
    *(
        "it\u2019s",
        "\u201cquoted\u201d",
        "\ufb01ne",
        "\uff11\uff12\uff13",
        "\uff71\uff72",
        "\ufeff",
    ),
)
"""HTML and mojibake: open_clip replaces them before it counts, the trainer doesn't."""
MARKS = ("<|startoftext|>", "<|endoftext|>", "a<|endoftext|>b", "<|ENDOFTEXT|>")
"""One token each to the trainer, plain text to open_clip, which spells its own otherwise."""

SAME_EVERYWHERE = (*ENGLISH, *NUMBERS, *PUNCTUATION, *LATIN, *SCRIPTS, *EMOJI)
NUM_MIXED = 400


def mix(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Give the parts, and texts of several of them."""
    choose = random.Random(7)
    mixed = (
        choose.choice((" ", ", ", ". ")).join(choose.choices(parts, k=choose.randint(2, 12)))
        for _ in range(NUM_MIXED)
    )
    return (*parts, *mixed)


@pytest.fixture(scope="module")
def counter() -> TokenCounter:
    loaded = load_clip_counter()
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def open_clip_tokenizer() -> "SimpleTokenizer":
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


@pytest.fixture(scope="module")
def trainer_count(open_clip_tokenizer: "SimpleTokenizer") -> Callable[[str], int]:
    """Count with the class that the trainer uses, on the vocabulary as open_clip read it."""
    from transformers import CLIPTokenizer

    marks = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {
        marks.get(token, token): index for token, index in open_clip_tokenizer.encoder.items()
    }
    merges = list(open_clip_tokenizer.bpe_ranks)
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
    return lambda text: len(tokenizer(text, add_special_tokens=False).input_ids)


def test_counts_are_those_of_the_trainer(
    counter: TokenCounter, trainer_count: Callable[[str], int]
) -> None:
    texts = mix((*SAME_EVERYWHERE, *REPAIRED_BY_OPEN_CLIP, *MARKS))

    counts = dict(zip(texts, counter.count_many(texts), strict=True))

    assert len(counts) >= 500
    assert counts == {text: trainer_count(text) for text in texts}


def test_counts_are_those_of_open_clip_where_it_repairs_nothing(
    counter: TokenCounter, open_clip_tokenizer: "SimpleTokenizer"
) -> None:
    from open_clip.tokenizer import basic_clean

    texts = [text for text in mix(SAME_EVERYWHERE) if basic_clean(text) == text.strip()]

    counts = dict(zip(texts, counter.count_many(texts), strict=True))

    assert len(counts) >= 300
    assert counts == {text: len(open_clip_tokenizer.encode(text)) for text in texts}


@pytest.mark.parametrize("text", REPAIRED_BY_OPEN_CLIP, ids=ascii)
def test_the_trainer_counts_what_open_clip_would_have_repaired(
    text: str,
    counter: TokenCounter,
    trainer_count: Callable[[str], int],
    open_clip_tokenizer: "SimpleTokenizer",
) -> None:
    assert counter.count(text) == trainer_count(text) > len(open_clip_tokenizer.encode(text))


def test_a_text_that_is_not_worth_counting_is_never_longer(
    trainer_count: Callable[[str], int],
) -> None:
    growing = [text * 9 for text in ("\u0130", "\u0958", "\u2adc", "\U0001d160", "\u023a")]

    for text in (*mix((*SAME_EVERYWHERE, *REPAIRED_BY_OPEN_CLIP)), *growing):
        assert may_exceed(text, trainer_count(text) - 1)


def test_t5_counts_are_those_of_the_trainer() -> None:
    from transformers import T5TokenizerFast

    model_dir = embedded_model_dir("tiny-sd3")
    counter = load_t5_counter(model_dir)
    tokenizer = T5TokenizerFast.from_pretrained(model_dir / "tokenizer_3")
    texts = mix((*SAME_EVERYWHERE, *REPAIRED_BY_OPEN_CLIP))

    assert counter is not None
    assert not counter.is_estimate
    for text in texts:
        expected = len(tokenizer(text, add_special_tokens=False, truncation=False).input_ids)
        assert counter.count(text) == expected, text
