import subprocess
import sys

import pytest

from tuner_kit.data.text_encoding import Reading, read_foreign_text

RUSSIAN = "\u0440\u044b\u0436\u0438\u0439 \u043a\u043e\u0442 \u043d\u0430 \u043e\u043a\u043d\u0435"
GREEK = "\u03bc\u03b9\u03b1 \u03b3\u03ac\u03c4\u03b1 \u03c3\u03c4\u03bf \u03c0\u03b1\u03c1\u03ac\u03b8\u03c5\u03c1\u03bf"
JAPANESE = "\u7a93\u8fba\u306b\u5ea7\u308b\u732b\u306e\u5199\u771f"
CHINESE = "\u6cb3\u8fb9\u7684\u8001\u623f\u5b50\uff0c\u65e9\u6668\uff0c\u6709\u96fe"
TAIWANESE = "\u7a97\u908a\u7684\u4e00\u96bb\u8c93\uff0c\u6cb9\u756b"
KOREAN = "\ucc3d\uac00\uc5d0 \uc549\uc740 \uace0\uc591\uc774"
LONG_RUSSIAN = (
    "\u043d\u043e\u0447\u043d\u043e\u0439 \u0433\u043e\u0440\u043e\u0434 \u043f\u043e\u0434 \u0434\u043e\u0436\u0434\u0435\u043c, "
    "\u043d\u0435\u043e\u043d\u043e\u0432\u044b\u0435 \u0432\u044b\u0432\u0435\u0441\u043a\u0438 "
    "\u043e\u0442\u0440\u0430\u0436\u0430\u044e\u0442\u0441\u044f \u0432 \u043b\u0443\u0436\u0430\u0445"
)


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [
        ("a cat", "utf-16", "UTF-16"),
        ("\ufeffa cat", "utf-16-be", "UTF-16"),
        (RUSSIAN, "utf-16", "UTF-16"),
        ("a cat", "utf-16-le", "UTF-16"),
        ("a cat", "utf-16-be", "UTF-16"),
        ("a cat", "utf-32", "UTF-32"),
        ("\ufeffa cat", "utf-32-be", "UTF-32"),
    ],
)
def test_utf16_and_utf32_are_known_by_their_mark_or_their_nul_bytes(
    text: str, codec: str, encoding: str
) -> None:
    assert read_foreign_text(text.encode(codec)) == Reading(text.removeprefix("\ufeff"), encoding)


@pytest.mark.parametrize(
    "text",
    [
        *("ein K\xe4tzchen", "caf\xe9", "\xdcber den D\xe4chern", "una ni\xf1a", "na\xefve art"),
        *(
            "it\u2019s a \u201cportrait\u201d \u2013 oil",
            "une fen\xeatre, \xe0 l\u2019aube",
            "hyv\xe4\xe4 y\xf6t\xe4",
        ),
        *(
            "\xbfqu\xe9 hora?",
            "portrait d'une \xe9l\xe8ve",
            "\xa92024 M\xfcller",
            "20 m\xb2 gro\xdf",
        ),
    ],
    ids=ascii,
)
def test_western_text_is_read_as_windows_1252(text: str) -> None:
    assert read_foreign_text(text.encode("cp1252")) == Reading(text, "windows-1252")


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [
        (RUSSIAN, "cp1251", "windows-1251"),
        (f"sks, {RUSSIAN}", "cp1251", "windows-1251"),
        (LONG_RUSSIAN, "koi8_r", "KOI8-R"),
        (GREEK, "cp1253", "windows-1253"),
        (JAPANESE, "cp932", "Shift JIS"),
        (CHINESE, "gb2312", "GB2312"),
        (TAIWANESE, "big5", "Big5"),
        (KOREAN, "euc_kr", "EUC-KR"),
    ],
    ids=["russian", "trigger", "koi8", "greek", "japanese", "chinese", "taiwanese", "korean"],
)
def test_text_in_one_script_is_read_in_its_encoding(text: str, codec: str, encoding: str) -> None:
    assert read_foreign_text(text.encode(codec)) == Reading(text, encoding)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(RUSSIAN.encode("koi8_r"), id="koi8 that reads as japanese"),
        pytest.param("\u6c34\u58a8\u753b\u3001\u5c71".encode("cp932"), id="japanese without kana"),
        pytest.param("\u4e00\u53ea\u732b".encode("gb2312"), id="three chinese characters"),
        pytest.param("\u732b".encode("cp932"), id="one japanese character"),
        pytest.param(
            "a photo of a cat, \u4e00\u53ea\u732b".encode("gb2312"),
            id="a word of chinese in english",
        ),
        pytest.param("\u0433\u043e\u0434".encode("cp1251"), id="three russian letters"),
        pytest.param(JAPANESE.encode("euc_jp"), id="japanese that reads as korean"),
        pytest.param("stary dom nad rzek\u0105, mg\u0142a".encode("cp1250"), id="polish"),
        pytest.param("a caf\xe9 at night".encode("mac_roman"), id="old mac"),
        pytest.param("a cat".encode("utf-16")[:-1], id="utf-16 cut in a character"),
        pytest.param(bytes(range(256)) * 4, id="binary"),
        pytest.param(b"\xe4" * 100_000, id="one byte again and again"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_guess_that_is_not_sure_is_no_guess(content: bytes) -> None:
    assert read_foreign_text(content) is None


def test_the_detector_is_not_imported_for_what_is_clear_without_it() -> None:
    code = (
        "import sys; from tuner_kit.data.text_encoding import read_foreign_text as read;"
        r"read(b'caf\xe9'); read('a cat'.encode('utf-16'));"
        "sys.exit('charset_normalizer' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
