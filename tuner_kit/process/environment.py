"""The environment that a child gets: what it needs by name, nothing that redirects it.

SimpleTuner reads dozens of variables (CONFIG_PATH, ENV, SIMPLETUNER_*, ACCELERATE_*,
TRAINER_*); one that lingers in a shell would silently change a run. So a child starts
from the few names here, and what we set ourselves comes on top.
"""

import os
from collections.abc import Mapping
from pathlib import Path

_NAMES = frozenset(
    {
        "ALL_PROXY",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "HUGGINGFACE_HUB_CACHE",
        "HUGGING_FACE_HUB_TOKEN",
        "LANG",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "NETRC",
        "NO_PROXY",
        "OMP_NUM_THREADS",
        "PATH",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SYSTEMROOT",
        "TMPDIR",
        "TRANSFORMERS_OFFLINE",
        "TZ",
        "USER",
    }
)
_PREFIXES = (
    "CUDA_",
    "HF_",
    "HIP_",
    "LC_",
    "MKL_",
    "NCCL_",
    "NVIDIA_",
    "PYTORCH_",
    "ROCR_",
    "TORCH_",
    "TRITON_",
    "WANDB_",
    "XDG_",
)
_PERSONAL = frozenset({"HOME", "LOGNAME", "PATH", "TMPDIR", "USER"})
_SECRET_WORDS = ("TOKEN", "KEY", "SECRET", "PASSWORD", "PROXY")


def child_environment() -> dict[str, str]:
    """Return what a child gets of this process's environment.

    Besides the command line this is the only place that reads it.
    """
    return scrub(os.environ)


def own_environment() -> Mapping[str, str]:
    """Return the person's whole environment, as a program started by hand would get it."""
    return dict(os.environ)


def cache_dir() -> Path:
    """Return the folder for what can be measured again; `XDG_CACHE_HOME` moves it on Linux."""
    # Only commands that look at images need it.
    from platformdirs import user_cache_path

    return user_cache_path("tuner_kit", appauthor=False)


def scrub(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep of `environ` what a child needs: paths, locale, proxies, GPU and hub settings."""
    return {
        name: value
        for name, value in environ.items()
        if name.upper() in _NAMES or name.startswith(_PREFIXES)
    }


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep what may be written to disk: no tokens, keys, proxies (they carry passwords), homes."""
    return {
        name: value
        for name, value in sorted(environ.items())
        if name not in _PERSONAL and not any(word in name.upper() for word in _SECRET_WORDS)
    }
