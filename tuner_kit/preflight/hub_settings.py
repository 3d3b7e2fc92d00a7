"""How the Hugging Face Hub is set up on this machine: address, token, cache, offline.

The same variables as `huggingface_hub.constants` reads when it is imported, but from the
environment that training gets, which is not always that of this process.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HUB_ADDRESS = "https://huggingface.co"

_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")
_TRUE = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True, slots=True)
class HubToken:
    """A token and where it comes from; its text appears in no `repr`."""

    text: str = field(repr=False)
    source: str
    """`HF_TOKEN`, or `file`."""
    is_renewable: bool = False
    """A login by browser: huggingface_hub renews it by itself when it has run out."""

    @property
    def is_plausible(self) -> bool:
        """Whether it can be sent at all: visible ASCII characters without a space."""
        return self.text.isascii() and self.text.isprintable() and " " not in self.text


@dataclass(frozen=True, slots=True)
class HubSettings:
    """What huggingface_hub would do in a given environment."""

    endpoint: str
    """Address without a slash at its end; may hold a password (see `shown_endpoint`)."""
    token: HubToken | None
    cache_dir: Path
    """Where downloaded models are."""
    is_offline: bool

    @property
    def is_mirror(self) -> bool:
        """Whether another address stands in for the Hub (HF_ENDPOINT)."""
        return self.endpoint != HUB_ADDRESS

    @property
    def shown_endpoint(self) -> str:
        """The address without a user name and password."""
        return without_credentials(self.endpoint)

    @property
    def name(self) -> str:
        """How to call it in a sentence."""
        return f"the mirror {self.shown_endpoint}" if self.is_mirror else "the Hugging Face Hub"


def read_hub_settings(environ: Mapping[str, str]) -> HubSettings:
    """Read the settings; a token that can't be read counts as none."""
    home_dir = _hub_home(environ)
    cache = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    offline = environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or ""
    return HubSettings(
        endpoint=(environ.get("HF_ENDPOINT") or HUB_ADDRESS).strip().rstrip("/"),
        token=_find_token(environ, home_dir),
        cache_dir=_expand(cache, environ) if cache else home_dir / "hub",
        is_offline=offline.lower() in _TRUE,
    )


def without_credentials(address: str) -> str:
    """Leave the user name and password out of an address."""
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets without an IPv6 address in them
        return address.rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _find_token(environ: Mapping[str, str], home_dir: Path) -> HubToken | None:
    text = _clean(environ.get("HF_TOKEN") or environ.get("HUGGING_FACE_HUB_TOKEN") or "")
    if text:
        return HubToken(text, "HF_TOKEN")
    written = environ.get("HF_TOKEN_PATH")
    path = _expand(written, environ) if written else home_dir / "token"
    try:
        text = _clean(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return HubToken(text, "file", _is_renewable(text, path.parent)) if text else None


def _clean(token: str) -> str:
    """Drop the line ends that come with copying, as huggingface_hub does."""
    return token.replace("\r", "").replace("\n", "").strip()


def _is_renewable(token: str, folder: Path) -> bool:
    """Whether the login that left this token also left the means to renew it."""
    stored = configparser.ConfigParser(interpolation=None)
    try:
        stored.read(folder / "stored_tokens", encoding="utf-8")
    except (OSError, configparser.Error, UnicodeDecodeError):
        return False
    logins = [stored[name] for name in stored.sections()]
    return any(one.get("hf_token") == token and "refresh_token" in one for one in logins)


def _hub_home(environ: Mapping[str, str]) -> Path:
    if environ.get("HF_HOME"):
        return _expand(environ["HF_HOME"], environ)
    return _expand(environ.get("XDG_CACHE_HOME") or "~/.cache", environ) / "huggingface"


def _expand(written: str, environ: Mapping[str, str]) -> Path:
    """Replace `~` and `$NAME` by what the given environment says."""
    written = _VARIABLE.sub(lambda found: environ.get(found[1] or found[2], found[0]), written)
    home = environ.get("HOME") or str(Path.home())
    if written == "~" or written.startswith("~/"):
        written = home + written[1:]
    return Path(written)
