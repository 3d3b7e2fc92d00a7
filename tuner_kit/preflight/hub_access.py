"""Whether the base model can be had: on this machine already, or from the Hub."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tuner_kit.catalog.base_models import BASE_MODELS, EMBEDDED_PREFIX, PIPELINE_PARTS
from tuner_kit.config.load import ConfigFile
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.hub_cache import CachedModel, look_into_cache
from tuner_kit.preflight.hub_questions import LIMIT_S, ask, may_read
from tuner_kit.preflight.hub_refusals import (
    HubModel,
    explain_refusal,
    invalid_token,
    is_possible_name,
    no_token,
)
from tuner_kit.preflight.hub_settings import HubSettings, read_hub_settings
from tuner_kit.preflight.model_rules import is_local_folder

_BASE = ("model", "base")


def find_hub_token(environ: Mapping[str, str]) -> str | None:
    """Say where the Hub's token is, never what it is; None where there is none."""
    token = read_hub_settings(environ).token
    return token.source if token else None


def check_hub_access(
    file: ConfigFile, environ: Mapping[str, str], *, limit_s: float = LIMIT_S
) -> Iterator[Problem]:
    """Find out whether training can get its base model; the Hub is asked, in seconds.

    Nothing is asked of a model that is here: embedded, a folder, or downloaded with all its
    parts. Nothing either where HF_HUB_OFFLINE is set.
    """
    if (model := _model_on_hub(file)) is not None:
        yield from check_model_repository(model, environ, limit_s=limit_s)


def check_hub_access_offline(file: ConfigFile, environ: Mapping[str, str]) -> Iterator[Problem]:
    """A01: a gated model is refused only after the trainer's imports, without a token.

    A warning, because a mirror named by HF_ENDPOINT may ask for none. Nothing is asked.
    """
    model = _model_on_hub(file)
    is_gated = any(known.is_gated for known in BASE_MODELS if model and known.id == model.repo_id)
    if model is None or not is_gated:
        return
    hub = read_hub_settings(environ)
    if hub.token is None and _look_for(model, hub).missing:
        problem = no_token(model.repo_id, model.where)
        yield replace(problem, id="A01", severity=Severity.WARNING)


def check_model_repository(
    model: HubModel, environ: Mapping[str, str], *, limit_s: float = LIMIT_S
) -> Iterator[Problem]:
    """Find out whether a model can be had: the same for a name from any file.

    Args:
        model: its name on the Hub (not a folder), and where that is written.
        environ: the environment that training gets.
        limit_s: how long the question may take.
    """
    if not is_possible_name(model.repo_id):
        yield _impossible_name(model)
        return
    hub = read_hub_settings(environ)
    cached = _look_for(model, hub)
    if not cached.missing:
        return
    if hub.is_offline:
        yield _not_downloaded(model, cached)
    elif hub.token is not None and not hub.token.is_plausible:
        yield invalid_token(hub.token, hub, model.where)
    else:
        yield from _ask_for(model, hub, limit_s)


def _ask_for(model: HubModel, hub: HubSettings, limit_s: float) -> Iterator[Problem]:
    (answer,) = ask([may_read(model.repo_id, model.revision)], hub, limit_s=limit_s)
    if (problem := explain_refusal(answer, model, hub)) is not None:
        yield problem
    if hub.is_mirror:
        yield _mirror(hub)


def _model_on_hub(file: ConfigFile) -> HubModel | None:
    """Give `model.base` if it names a model of the Hub, as far as the disk can tell."""
    config = file.config.model
    is_here = config.base.startswith(EMBEDDED_PREFIX) or is_local_folder(config.base, file)
    # What has another number of parts is no hub id: that is rule C10's to say.
    if not file.is_sound(*_BASE) or is_here or config.base.count("/") != 1:
        return None
    parts = PIPELINE_PARTS.get(config.family, ())
    return HubModel(config.base, file.source.locate(_BASE), config.revision, parts)


def _look_for(model: HubModel, hub: HubSettings) -> CachedModel:
    return look_into_cache(
        model.repo_id, model.revision, parts=model.parts, cache_dir=hub.cache_dir
    )


def _impossible_name(model: HubModel) -> Problem:
    return Problem(
        id="A07",
        what=f"{model.repo_id} is not a name that a model on the Hub can have",
        where=model.where,
        fix="copy it from the model's page: user/model",
    )


def _not_downloaded(model: HubModel, cached: CachedModel) -> Problem:
    """A09: certain to stop training, unless it is not known what the model consists of."""
    lacking = f"only in part (it lacks {', '.join(cached.missing)})"
    state = f"downloaded {lacking}" if cached.has_some else "not downloaded"
    revision = f" --revision {model.revision}" if model.revision else ""
    return Problem(
        id="A09",
        severity=Severity.ERROR if cached.is_certain else Severity.WARNING,
        what=f"{model.repo_id} is {state}, and HF_HUB_OFFLINE forbids downloading it",
        where=model.where,
        fix=f"unset HF_HUB_OFFLINE, or run `hf download {model.repo_id}{revision}` once without it",
    )


def _mirror(hub: HubSettings) -> Problem:
    sent = "; your token is sent there" if hub.token else ""
    return Problem(
        id="A13",
        severity=Severity.NOTICE,
        what=f"models come from {hub.shown_endpoint} instead of huggingface.co{sent}",
        where="HF_ENDPOINT",
        fix="nothing needs to be done if you trust it; unset HF_ENDPOINT to use the Hub itself",
    )
