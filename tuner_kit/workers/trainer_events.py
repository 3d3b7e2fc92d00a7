"""SimpleTuner's announcements, written to a file as they happen.

SimpleTuner announces what it is doing (caching, loading, saving, validating) only to
webhooks, and only when one is configured. Here its own webhook handler is given no
address, and each announcement becomes one JSON line:

    {"time": "2026-01-31T12:00:00.000000+00:00", "type": "lifecycle.stage",
     "key": "init_vae_cache", "label": "...", "status": "running", "current": 3, "total": 8}

Written: stages, checkpoints, validations, failures and how the training ended. Not written:
log records (they are in the trainer's log), the status of single steps (in its metrics
file), harmless notifications (one per image among them), images, complete settings.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FIELDS_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "lifecycle.stage": ("key", "label", "status", "current", "total"),
    "training.checkpoint": ("path", "is_final"),
    "training.validation": ("message",),
    "training.status": ("status",),
    "notification": ("title", "message"),
    "error": ("title", "message"),
    "gpu.fault": ("title", "message"),
}
"""What is kept of an announcement, by its type; other types are not written."""
_LONGEST_TEXT = 500


def write_events_to(events_path: Path) -> None:
    """Append every announcement of the trainer in this process to `events_path`.

    Must run before SimpleTuner's `Trainer` is built: errors in its configuration are
    then announced as well.
    """
    from simpletuner.helpers.training.state_tracker import StateTracker
    from simpletuner.helpers.training.trainer import Trainer
    from simpletuner.helpers.webhooks.handler import WebhookHandler

    WebhookHandler.send_raw = _recorded(WebhookHandler.send_raw, events_path)
    StateTracker.set_webhook_handler(WebhookHandler(None, "tuner-kit", webhook_config=None))
    Trainer.configure_webhook = _never_without_handler(
        Trainer.configure_webhook, StateTracker.get_webhook_handler
    )


def _recorded(send_raw: Callable[..., None], events_path: Path) -> Callable[..., None]:
    # Unbuffered and appending: one write per line, also from a forked child.
    events_file = events_path.open("ab", buffering=0)

    def send_and_record(
        handler: object,
        structured_data: Mapping[str, Any],
        message_type: str | None = None,
        *args: object,
        **kwargs: object,
    ) -> None:
        event = summarize_event(structured_data, message_type, now=datetime.now(UTC))
        if event is not None:
            events_file.write(json.dumps(event).encode() + b"\n")
        send_raw(handler, structured_data, message_type, *args, **kwargs)

    return send_and_record


def _never_without_handler(
    configure_webhook: Callable[..., None], find_handler: Callable[[], object]
) -> Callable[..., None]:
    # The trainer says nothing at all while its own handler is None, which it is without webhooks.
    def configure_and_keep_handler(trainer: Any, *args: object, **kwargs: object) -> None:  # noqa: ANN401 - foreign class
        configure_webhook(trainer, *args, **kwargs)
        if trainer.webhook_handler is None:
            trainer.webhook_handler = find_handler()

    return configure_and_keep_handler


def summarize_event(
    announcement: Mapping[str, Any], announced_type: str | None, *, now: datetime
) -> dict[str, object] | None:
    """What is kept of one announcement; None for those that are written elsewhere.

    Args:
        announcement: what SimpleTuner hands to its webhooks.
        announced_type: its type, where the announcement itself has none.
        now: when it was announced.
    """
    event_type = announcement.get("type") or announced_type or ""
    values = _flatten(announcement)
    if _is_chatter(event_type, values):
        return None
    kept = {
        name: _shorten(name, values[name])
        for name in _FIELDS_OF_TYPE.get(event_type, ())
        if values.get(name) is not None
    }
    return {"time": now.isoformat(timespec="microseconds"), "type": event_type, **kept}


def _is_chatter(event_type: str, values: Mapping[str, object]) -> bool:
    if event_type == "notification":
        return values.get("severity") not in {"warning", "error", "critical"}
    if event_type == "training.status":
        return values.get("status") == "running"
    return event_type not in _FIELDS_OF_TYPE


def _flatten(announcement: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the fields that SimpleTuner nests; the outermost wins."""
    stage = announcement.get("stage") or {}
    data = announcement.get("data") or {}
    return {
        **(stage.get("progress") or announcement.get("progress") or {}),
        **stage,
        **(announcement.get("checkpoint") or {}),
        **({"status": data["status"]} if "status" in data else {}),
        **announcement,
    }


def _shorten(name: str, value: object) -> object:
    if name == "path":
        # The name alone: an absolute path would be wrong once the run is moved.
        return Path(str(value)).name
    # The end, because some messages are a whole traceback and name the cause last.
    return value[-_LONGEST_TEXT:] if isinstance(value, str) else value
