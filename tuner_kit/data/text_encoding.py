"""Reading text that is not UTF-8, but only where the guess can be trusted.

A caption is too short for the statistics of a detector: of 122 captions in eleven encodings,
charset-normalizer alone read 48 right and the others as something else. So a reading counts only
if it looks like text of the script that its encoding is for. Of those captions, with which these
rules were made, 79 are read right, 39 are left to the person, and 4 are misread (3 in Czech).
"""

import codecs
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes as text, and the encoding that they were read with."""

    text: str
    encoding: str
    """As people call it, such as `windows-1252`."""


# UTF-32's mark in little-endian order begins with UTF-16's, so it comes first.
_MARKED = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

# None of the encodings below uses these.
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

_LATIN = r"A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff\u0152\u0153\u0160\u0161\u0178\u017d\u017e"
# What Polish, Czech and old Mac files look like when they are read as windows-1252.
_MISREAD_LATIN = re.compile(
    r"[a-z\xdf-\xff][\xc0-\xde\u0152\u0160\u0178\u017d]"
    rf"|[\xa3\xa5\xa7\xb3\xb9\xbc\xbe][{_LATIN}]|[{_LATIN}][\xb9\xbc\xbf]"
)
_MIN_LATIN_LETTERS = 3
_MAX_FOREIGN_BYTES_IN_A_ROW = 2

_PUNCTUATION = r"\u3000-\u303f\uff01-\uff5e"
_QUOTES = r"\xab\xbb\u2013\u2014\u2018-\u201e\u2026\u2116"
_CYRILLIC = rf"[\u0401-\u040f\u0410-\u045f\u0490\u0491{_QUOTES}]{{4,}}"
_JAPANESE = rf"(?=.*[\u3041-\u30fa])[\u3041-\u30fe\u4e00-\u9fff{_PUNCTUATION}]+"
_CHINESE = rf"(?:[{_QUOTES}{_PUNCTUATION}]*[\u4e00-\u9fff]){{6,}}[{_QUOTES}{_PUNCTUATION}]*"

# By Python's codec: the name, and what the characters beyond ASCII are in a real text.
_SCRIPTS = {
    "cp1251": ("windows-1251", _CYRILLIC),
    "koi8_r": ("KOI8-R", _CYRILLIC),
    "cp1253": ("windows-1253", rf"[\u0384-\u03ce{_QUOTES}]{{4,}}"),
    "cp932": ("Shift JIS", _JAPANESE),
    "euc_jp": ("EUC-JP", _JAPANESE),
    "euc_kr": ("EUC-KR", rf"[\uac00-\ud7a3{_PUNCTUATION}]{{4,}}"),
    "big5": ("Big5", _CHINESE),
    "gb2312": ("GB2312", _CHINESE),
}


def read_foreign_text(content: bytes) -> Reading | None:
    """Read bytes that aren't UTF-8, or that are UTF-16 although they look like UTF-8.

    Returns:
        None unless the encoding is marked, or the text reads as one script in it.
    """
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            return _decode(content, encoding.lower(), encoding)
    reading = _read_utf16(content)
    if reading is not None or _CONTROL_BYTES.search(content):
        return reading
    return _read_latin(content) or _read_script(content)


def _read_utf16(content: bytes) -> Reading | None:
    """Read UTF-16 without a mark: every second byte of Latin text is NUL."""
    min_nuls = len(content) // 4 + 1
    even_nuls, odd_nuls = content[0::2].count(0), content[1::2].count(0)
    if odd_nuls >= min_nuls and even_nuls == 0:
        return _decode(content, "utf-16-le", "UTF-16")
    if even_nuls >= min_nuls and odd_nuls == 0:
        return _decode(content, "utf-16-be", "UTF-16")
    return None


def _read_latin(content: bytes) -> Reading | None:
    """Read what Windows editors of Western Europe and America write: few accents in ASCII."""
    foreign = re.findall(rb"[\x80-\xff]+", content)
    num_letters = len(re.findall(rb"[A-Za-z]", content))
    if num_letters < max(_MIN_LATIN_LETTERS, sum(map(len, foreign))):
        return None
    if any(len(run) > _MAX_FOREIGN_BYTES_IN_A_ROW for run in foreign):
        return None
    reading = _decode(content, "cp1252", "windows-1252")
    return None if reading is None or _MISREAD_LATIN.search(reading.text) else reading


def _read_script(content: bytes) -> Reading | None:
    # Takes 30 ms to import, which only a foreign text is worth.
    from charset_normalizer import from_bytes

    best = from_bytes(content, cp_isolation=list(_SCRIPTS)).best()
    if best is None or best.encoding not in _SCRIPTS:
        return None
    encoding, pattern = _SCRIPTS[best.encoding]
    reading = _decode(content, best.encoding, encoding)
    if reading is None:
        return None
    foreign = "".join(character for character in reading.text if not character.isascii())
    return reading if re.fullmatch(pattern, foreign) else None


def _decode(content: bytes, codec: str, encoding: str) -> Reading | None:
    try:
        return Reading(content.decode(codec), encoding)
    except UnicodeDecodeError:
        return None
