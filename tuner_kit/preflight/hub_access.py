"""Whether a gated base model can be had: a token, or the model itself, on this machine."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tuner_kit.catalog.base_models import BASE_MODELS
from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity

_BASE = ("model", "base")


def find_hub_token(environ: Mapping[str, str]) -> str | None:
    """Say where the Hub's token is, never what it is; None where there is none."""
    if environ.get("HF_TOKEN"):
        return "HF_TOKEN"
    path = Path(environ.get("HF_TOKEN_PATH") or _hub_home(environ) / "token")
    return "file" if path.is_file() else None


def check_hub_access(file: ConfigFile, environ: Mapping[str, str]) -> Iterator[Problem]:
    """A01: a gated model is refused only after the trainer's imports, without a token.

    A warning, because a mirror named by HF_ENDPOINT may ask for none.
    """
    base = file.config.model.base
    is_gated = any(model.id == base and model.is_gated for model in BASE_MODELS)
    if not is_gated or not file.is_sound(*_BASE):
        return
    if find_hub_token(environ) is None and not _is_downloaded(base, environ):
        yield Problem(
            id="A01",
            severity=Severity.WARNING,
            what=f"{base} is gated, and no Hugging Face token was found",
            where=file.source.locate(_BASE),
            fix=f"accept the license at huggingface.co/{base}, then log in with `hf auth login`",
        )


def _is_downloaded(base: str, environ: Mapping[str, str]) -> bool:
    cache = Path(environ.get("HF_HUB_CACHE") or _hub_home(environ) / "hub")
    return (cache / f"models--{base.replace('/', '--')}" / "snapshots").is_dir()


def _hub_home(environ: Mapping[str, str]) -> Path:
    cache_home = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(environ.get("HF_HOME") or Path(cache_home) / "huggingface")
