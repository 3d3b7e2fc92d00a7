"""Whether Weights & Biases can be written to; wandb itself is too slow to ask.

The order in which wandb 0.31 looks for a login: WANDB_API_KEY or WANDB_IDENTITY_TOKEN_FILE,
the netrc file, its own settings file. Training has no terminal, so where there is none
wandb stops it instead of asking.
"""

import configparser
import netrc
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.suggest import did_you_mean
from tuner_kit.errors import Problem

_TRACKER = ("tracking", "tracker")
_SILENT_MODES = frozenset({"offline", "dryrun", "disabled"})
_MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")
_DEFAULT_ADDRESS = "https://api.forge.coreweave.com"
_ALIASES = (
    frozenset({"api.forge.coreweave.com", "forge.coreweave.com", "api.wandb.ai"}),
    frozenset({"api.qa.forge.coreweave.com", "qa.forge.coreweave.com", "api.qa.wandb.ai"}),
)
"""Names of one and the same server (wandb/sdk/lib/urls.py): a login at one counts for all."""

_MIN_KEY_LENGTH = 40
_KEY = re.compile(r"[\w-]+")
_SIGNED_KEY = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


@dataclass(frozen=True, slots=True)
class _Wandb:
    """wandb's settings, from the environment and the files of a home folder."""

    environ: Mapping[str, str]
    home_dir: Path
    settings: Mapping[str, str]
    """The `[default]` section of its settings file."""

    def get(self, name: str) -> str:
        """Give a setting; the environment wins over the file."""
        return self.environ.get(f"WANDB_{name.upper()}") or self.settings.get(name, "")

    @property
    def host(self) -> str:
        """Name of the server, with its port if that is not the usual one."""
        return _host_of(self.get("base_url") or _DEFAULT_ADDRESS)


def check_tracker_access(
    file: ConfigFile, environ: Mapping[str, str], home_dir: Path
) -> Iterator[Problem]:
    """A10: the tracker W&B needs a login, or to be told that it works offline."""
    if file.config.tracking.tracker == "wandb" and file.is_sound(*_TRACKER):
        yield from check_wandb_login(environ, home_dir, where=file.source.locate(_TRACKER))


def check_wandb_login(
    environ: Mapping[str, str], home_dir: Path, *, where: str
) -> Iterator[Problem]:
    """Find out whether wandb would start; the server itself is not asked.

    Args:
        environ: the environment that training gets.
        home_dir: the person's home folder.
        where: place in the file that asks for W&B.
    """
    wandb = _Wandb(environ, home_dir, _read_settings(environ, home_dir))
    mode = wandb.get("mode") or "online"
    if mode not in _MODES:
        yield Problem(
            id="A10",
            what=f"W&B has no mode {mode} (WANDB_MODE)",
            where=where,
            fix=did_you_mean(mode.lower(), _MODES, otherwise="use online, offline or disabled"),
        )
    elif mode not in _SILENT_MODES and (why := _why_no_login(wandb)):
        yield Problem(
            id="A10",
            what=f"Weights & Biases can't be used: {why}",
            where=where,
            fix="run `wandb login`, or set WANDB_MODE=offline to send the curves later, "
            "or set tracking.tracker to tensorboard",
        )


def _why_no_login(wandb: _Wandb) -> str:
    """Say in half a sentence why there is no login; empty if there is one."""
    key = wandb.environ.get("WANDB_API_KEY")
    token_path = wandb.environ.get("WANDB_IDENTITY_TOKEN_FILE")
    if key and token_path:
        return "WANDB_API_KEY and WANDB_IDENTITY_TOKEN_FILE are both set, and only one may be"
    if key:
        return "" if _is_possible_key(key) else "what is in WANDB_API_KEY is not an API key"
    if token_path:
        return "" if Path(token_path).is_file() else f"there is no file {token_path}"
    return _why_none_on_disk(wandb)


def _why_none_on_disk(wandb: _Wandb) -> str:
    path = _netrc_path(wandb)
    try:
        key = _key_in_netrc(path, wandb.host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        key, unread = "", f"{path} can't be read"
    else:
        unread = f"no login for {wandb.host} was found"
    if key:
        return "" if _is_possible_key(key) else f"what {path} has for {wandb.host} is no API key"
    return "" if _is_possible_key(wandb.settings.get("api_key", "")) else unread


def _key_in_netrc(path: Path, host: str) -> str:
    """Give the password for the server under any of its names; empty if there is none."""
    if not path.exists():
        return ""
    logins = netrc.netrc(path)
    names = next((names for names in _ALIASES if host in names), frozenset())
    for name in (host, *sorted(names - {host})):
        if found := logins.authenticators(name):
            return found[2] or ""
    return ""


def _netrc_path(wandb: _Wandb) -> Path:
    if written := wandb.environ.get("NETRC"):
        return _in_home(written, wandb.home_dir)
    usual, windows = wandb.home_dir / ".netrc", wandb.home_dir / "_netrc"
    return windows if windows.exists() and not usual.exists() else usual


def _read_settings(environ: Mapping[str, str], home_dir: Path) -> Mapping[str, str]:
    """Read wandb's settings file; one that can't be read is empty, as wandb has it."""
    folder = _in_home(environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb", home_dir)
    parser = configparser.ConfigParser()
    try:
        parser.read(folder / "settings", encoding="utf-8")
        return dict(parser.items("default"))
    except (OSError, configparser.Error, UnicodeDecodeError):
        return {}


def _in_home(written: str, home_dir: Path) -> Path:
    return home_dir / written.removeprefix("~/")


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).netloc.rpartition("@")[2]
    except ValueError:  # no address at all
        return address


def _is_possible_key(key: str) -> bool:
    """Whether wandb 0.31 would send it: 40 characters and more, since 2025 about 86.

    Keys of a company's own server have a prefix that ends with a dash.
    """
    if _SIGNED_KEY.fullmatch(key):
        return True
    start, dash, rest = key.partition("-")
    secret = rest if dash else start
    return bool(_KEY.fullmatch(secret)) and len(secret) >= _MIN_KEY_LENGTH
