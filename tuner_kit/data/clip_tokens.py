"""How many tokens a caption takes, counted as the trainer's tokenizers count.

SD1 and SD3 cut a caption after 77 CLIP tokens, SD3's third text encoder (T5) after 154: what
comes later is never learned. Counting needs no model, only a vocabulary: CLIP's is shipped by
open_clip, T5's lies in the folder of a local base model. What is counted is what transformers
sees, not what open_clip sees: open_clip alone repairs mojibake and unescapes HTML first.
"""

import gzip
import unicodedata
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

# Source: SimpleTuner 4.10.1, helpers/models/sd3/model.py (_encode_sd3_prompt_with_clip: 77,
# check_user_config: 154).
MAX_CLIP_TOKENS = 77
"""Of SD1 and SD3, with the start and the end."""
MAX_T5_TOKENS = 154
"""Of SD3, with the end; the trainer's option tokenizer_max_length lowers it."""
MAX_CLIP_TEXT_TOKENS = MAX_CLIP_TOKENS - 2
"""What is left for the text."""
NUM_T5_END_TOKENS = 1
"""T5 marks the end of a text only."""

T5_TOKENS_PER_CLIP_TOKEN = 1.18
"""Median over the 1,065 prompts of DPG-Bench (82 CLIP tokens on average), counted with the
tokenizers of SD3.5 Large; 90 percent of them lie within 1.09 and 1.29. T5 knows English,
German, French and Romanian only, so other languages are far off."""

VOCABULARY_NAME = "bpe_simple_vocab_16e6.txt.gz"
"""In open_clip's package: a header, then one merge a line, the most frequent first."""
_NUM_MERGES = 49_152 - 256 - 2
"""The rest of the file isn't used; source: open_clip 3.3, tokenizer.py (SimpleTokenizer)."""

# As transformers 5.18, models/clip/tokenization_clip.py (CLIPTokenizer) has them.
_START, _END = "<|startoftext|>", "<|endoftext|>"
_END_OF_WORD = "</w>"
_PIECES = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d"
    r"|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts the tokens of texts for one text encoder, without start and end."""

    tokenizer: "Tokenizer"
    tokens_per_token: float = 1.0
    """What to multiply with when the tokenizer is another one than the encoder's."""

    @property
    def is_estimate(self) -> bool:
        """Whether the counts are about right only."""
        return self.tokens_per_token != 1.0

    def count(self, text: str) -> int:
        """Count the tokens of one text."""
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        return round(len(encoding) * self.tokens_per_token)

    def count_many(self, texts: Iterable[str]) -> list[int]:
        """Count the tokens of each text, in their order."""
        # One by one: the library's own batches start threads, and a process that forks
        # after that gets a warning printed into its output.
        return [self.count(text) for text in texts]


def may_exceed(text: str, num_tokens: int) -> bool:
    """Tell whether counting is worth it: False when a text has too few bytes to be longer.

    Each CLIP token stands for a byte or more of the text in the form that is tokenized. The
    same holds for T5's but for a few symbols that stand for whole words.
    """
    if len(text) > num_tokens:
        return True
    return len(unicodedata.normalize("NFC", text).lower().encode()) > num_tokens


def load_clip_counter(vocabulary_path: Path | None = None) -> TokenCounter | None:
    """Load CLIP's vocabulary (0.1 s), for the text encoders of SD1 and the first two of SD3.

    Args:
        vocabulary_path: the file of merges; open_clip's own when left out.

    Returns:
        None where open_clip or its file is missing or not what it was.
    """
    path = vocabulary_path or find_vocabulary()
    if path is None:
        return None
    try:
        merges = _read_merges(path)
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return TokenCounter(_build_clip_tokenizer(merges))


def load_t5_counter(model_dir: Path | None) -> TokenCounter | None:
    """Load the T5 tokenizer of a base model, or estimate from CLIP's count without one.

    Args:
        model_dir: a local folder in the format of diffusers, if the base model is one.

    Returns:
        None where neither tokenizer is there.
    """
    tokenizer = None if model_dir is None else _load_t5_tokenizer(model_dir)
    if tokenizer is not None:
        return TokenCounter(tokenizer)
    clip = load_clip_counter()
    return None if clip is None else TokenCounter(clip.tokenizer, T5_TOKENS_PER_CLIP_TOKEN)


def find_vocabulary() -> Path | None:
    """Find CLIP's vocabulary without importing open_clip, which would import torch."""
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(VOCABULARY_NAME)
    return path if path.is_file() else None


def _read_merges(path: Path) -> list[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        pairs = [line.split() for line in islice(lines, 1, 1 + _NUM_MERGES)]
    if len(pairs) < _NUM_MERGES:
        raise ValueError(f"{path} has {len(pairs)} merges instead of {_NUM_MERGES}")
    return [(first, second) for first, second in pairs]


def _build_clip_tokenizer(merges: list[tuple[str, str]]) -> "Tokenizer":
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

    tokenizer = Tokenizer(_build_bpe(merges))
    tokenizer.add_special_tokens([_START, _END])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True)
    bytes_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_level])
    return tokenizer


def _build_bpe(merges: list[tuple[str, str]]) -> "BPE":
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel

    byte_tokens = ByteLevel.alphabet()
    tokens = [*byte_tokens, *(token + _END_OF_WORD for token in byte_tokens)]
    tokens += [first + second for first, second in merges]
    # The numbers are not those of the models: only how many tokens there are is of interest.
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=_END_OF_WORD)


def _load_t5_tokenizer(model_dir: Path) -> "Tokenizer | None":
    from tokenizers import Tokenizer

    path = model_dir / "tokenizer_3" / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception:  # missing or broken: the library raises nothing narrower
        return None
    # A limit saved with the tokenizer would end the count there.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
