"""D22 and D23: captions longer than the text encoders read."""

from dataclasses import replace
from pathlib import Path

import pytest
from audit_cases import REPAIRED, SMALL, audit_folder, image, judge
from dataset_files import write_photo

from tuner_kit.data.audit.length_rules import LongCaptions, TextEncoderLimit
from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.clip_tokens import TokenCounter, load_clip_counter
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.records import Caption, DatasetPart, ImageRecord
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.text_limits import sd3_limits

CLIP, T5 = sd3_limits(model_dir=None)
FEW = replace(CLIP, max_tokens=4)
"""A limit that short captions are over."""


def words(count: int) -> str:
    """Write a caption of as many tokens: each of these words is one in CLIP's vocabulary."""
    return " ".join(["cat", "dog"] * count)[: 4 * count - 1]


def long_captions(
    *images: ImageRecord, limit: TextEncoderLimit = FEW, policy: AuditPolicy = SMALL
) -> Problem | None:
    return judge(LongCaptions(limit, policy), *images)


@pytest.mark.parametrize(("num_tokens", "is_found"), [(75, False), (76, True)])
def test_a_caption_longer_than_clip_reads_is_found(
    tmp_path: Path, num_tokens: int, *, is_found: bool
) -> None:
    write_photo(tmp_path / "a.png", 1, caption=words(num_tokens))
    write_photo(tmp_path / "b.png", 2, caption="a cat")

    problems = audit_folder(tmp_path, limits=(CLIP, T5))

    assert list(problems) == (["D22"] if is_found else [])
    if is_found:
        assert problems["D22"].severity is Severity.WARNING
        assert problems["D22"].what == (
            "1 caption is longer than the 75 tokens that CLIP reads; the rest is left to T5 "
            "alone: a.png (76 tokens)"
        )


@pytest.mark.parametrize(("num_words", "is_found"), [(129, False), (131, True)])
def test_a_caption_longer_than_t5_reads_is_found_by_an_estimate(
    tmp_path: Path, num_words: int, *, is_found: bool
) -> None:
    write_photo(tmp_path / "a.png", 1, caption=words(num_words))  # 1.18 T5 tokens each

    problems = audit_folder(tmp_path, limits=(CLIP, T5))

    assert ("D23" in problems) is is_found
    if is_found:
        assert problems["D23"].what.startswith(
            "1 caption is probably longer than the 153 tokens that T5 reads; the rest is never"
        )


def test_the_trigger_word_counts() -> None:
    policy = replace(SMALL, trigger_word="sks")
    four = image(text=words(4))
    assert long_captions(four) is None
    assert long_captions(four, policy=policy) is not None


def test_class_images_have_no_trigger_word_to_count() -> None:
    policy = replace(
        SMALL, trigger_word="sks", parts={"class": DatasetPart("class", is_regularization=True)}
    )
    assert long_captions(image(text=words(4), part="class"), policy=policy) is None


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(replace(SMALL, fallback_caption=words(5)), id="fallback caption"),
        pytest.param(replace(SMALL, parts={"": DatasetPart(prompt=words(5))}), id="prompt"),
    ],
)
def test_what_stands_in_for_a_caption_counts(policy: AuditPolicy) -> None:
    assert long_captions(image(text=None), policy=policy) is not None
    assert long_captions(image(text="a cat"), policy=policy) is None


@pytest.mark.parametrize(("policy", "is_found"), [(SMALL, False), (REPAIRED, True)])
def test_a_caption_counts_as_it_will_be_mended(policy: AuditPolicy, *, is_found: bool) -> None:
    mended = Caption(None, "a.txt", problem="is not UTF-8", repaired_text=words(5))
    assert (long_captions(image(caption=mended), policy=policy) is not None) is is_found


def test_an_image_without_caption_is_not_counted() -> None:
    assert long_captions(image(text=None), image(text="")) is None


def test_the_vocabulary_is_loaded_for_a_caption_that_may_be_long_only() -> None:
    num_loaded = 0

    def load() -> TokenCounter | None:
        nonlocal num_loaded
        num_loaded += 1
        return load_clip_counter()

    limit = replace(FEW, load_counter=load)

    assert long_captions(image(text="cat"), limit=limit) is None
    assert num_loaded == 0
    assert long_captions(image(text=words(5)), limit=limit) is not None
    assert num_loaded == 1


def test_without_a_vocabulary_nothing_is_said() -> None:
    limit = replace(FEW, load_counter=lambda: None)
    assert long_captions(image(text=words(50)), limit=limit) is None


def test_more_captions_than_are_counted_at_once_are_all_found() -> None:
    images = [image(f"{number:04}.png", text=words(5)) for number in range(1_001)]
    problem = long_captions(*images)
    assert problem is not None
    assert len(problem.files) == 1_001


def test_one_prompt_for_all_is_found_in_a_real_folder(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1)
    problems = audit_folder(tmp_path, limits=(CLIP,), options=LayoutOptions(words(76)))
    assert list(problems) == ["D22"]
