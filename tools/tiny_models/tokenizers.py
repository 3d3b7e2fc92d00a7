"""The tiny models' tokenizers, made here from a word list, without any download.

CLIP's is a byte-level BPE whose merges are learned from the words below; T5's is a unigram
table in which each word is one piece and each printable ASCII character another. Any text can
be written with both; the words of the shapes world are single tokens.
"""

from collections import Counter
from itertools import pairwise

VOCABULARY = """
a above an and at background black blue blueprint blurry bottom brown cartoon center chalk circle
cream cropped cross cyan diagram drawing dark galaxy gray green halftone heart image in large left
light low medium of on orange painting pencil photo picture pink pixel purple quality red right
shape small solid square star style the to top triangle ugly watercolor white with yellow
"""
WORDS = VOCABULARY.split()

CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
FIRST_PRINTABLE, LAST_PRINTABLE = 33, 126

CHARACTER_SCORE, WORD_SCORE = -10.0, -5.0
"""Log probabilities: a whole word beats its letters from two letters on."""


def byte_symbols() -> list[str]:
    """Give the 256 visible characters by which byte-level BPE writes bytes, printable ones first.

    Source: Radford et al. 2019 (GPT-2), also used by CLIP: a byte without a visible character
    is written as the next free character from U+0100 on.
    """
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte) for byte in visible] + [chr(256 + place) for place in range(len(hidden))]


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Learn byte-pair merges until every word is one symbol; ties go to the later pair.

    Source: Sennrich et al. 2016, algorithm 1.
    """
    spellings = [[*word[:-1], word[-1] + WORD_END] for word in words]
    merges: list[tuple[str, str]] = []
    while True:
        pairs = Counter(pair for symbols in spellings for pair in pairwise(symbols))
        if not pairs:
            return merges
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        spellings = [_merge(symbols, best) for symbols in spellings]


def _merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged


def build_clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Give the vocabulary and the merges of the CLIP tokenizer; the special tokens come last."""
    merges = learn_merges(WORDS)
    symbols = byte_symbols()
    pieces = [*symbols, *(symbol + WORD_END for symbol in symbols)]
    pieces += [left + right for left, right in merges]
    pieces += [CLIP_START, CLIP_END]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}, merges


def build_t5_vocabulary() -> list[tuple[str, float]]:
    """Give the unigram pieces of the T5 tokenizer with their log probabilities."""
    space = "\N{LOWER ONE EIGHTH BLOCK}"
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), (space, CHARACTER_SCORE)]
    letters = [(chr(code), CHARACTER_SCORE) for code in range(FIRST_PRINTABLE, LAST_PRINTABLE + 1)]
    return special + letters + [(space + word, WORD_SCORE) for word in WORDS]
