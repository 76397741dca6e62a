"""What is logged of realtime sessions: connections, errors of the service, breaks. No audio, no text, no key."""

from __future__ import annotations

from .._data.logs import INFO, WARNING, is_logged, log
from ..errors import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..errors import SonioxRealtimeError
    from ..types.realtime import RealtimeEvent
    from ..types.realtime_tts import RealtimeTTSEvent


def log_refusal(url: str, event: RealtimeEvent | RealtimeTTSEvent) -> None:
    """Logs an error message of the service, at INFO.

    Args:
        url: Without the query.
        event: The message. Its text may quote what was sent, and so is left out.
    """
    if is_logged(INFO):
        facts = [str(event.error_code), event.error_type, event.request_id and f"request id {event.request_id}"]
        log(INFO, "%s: the service reports an error: %s", url, one_line(", ".join(filter(None, facts))))


def log_notice(url: str, notice: Any) -> None:
    """Logs a break, at INFO, or that something was lost by it, at WARNING.

    Args:
        url: Without the query.
        notice: The payload of a ``reconnecting``, ``resumed`` or ``lost`` event.
    """
    if notice.type == "reconnecting":
        reason = _reason(notice.error)
        log(INFO, "%s: connection lost (%s); attempt %d in %.3f s", url, reason, notice.attempt, notice.delay_sec)
    elif notice.type == "resumed":
        log(INFO, "%s: resumed after %.3f s, by attempt %d", url, notice.down_sec, notice.attempt)
    elif hasattr(notice, "audio_bytes"):
        what = "a stream was cut off after %d bytes of audio"
        log(WARNING, f"%s: {what} (%s; %s)", url, notice.audio_bytes, notice.reason, _reason(notice.error))
    else:
        level = INFO if notice.reason == "closed" else WARNING
        log(level, "%s: %d to %d ms of audio are lost (%s)", url, notice.start_ms, notice.end_ms, notice.reason)


def _reason(error: SonioxRealtimeError) -> str:
    """An error without the words of the service, which may quote what was sent."""
    facts = [error.error_code, error.error_type, error.close_code and f"close code {error.close_code}"]
    if error.request_id:
        facts.append(f"request id {error.request_id}")
    return one_line(", ".join(str(fact) for fact in facts if fact)) or type(error).__name__
