"""What the fake holds, as plain records a test can look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .progress import TranscriptionStatus


SessionEnd: TypeAlias = Literal[
    "finished", "error", "idle", "dropped", "client_closed", "abandoned", "stopped", "protocol_error", "message_too_big"
]
"""How a realtime session ended.

``finished``: as it should, after the end of the audio. ``error``: by an error message. ``idle``: closed with 1001,
because no start message came. ``dropped``: by ``faults.drop`` or a function of ``on_session``. ``client_closed``: the
client sent a close frame before the end. ``abandoned``: the client's connection ended without one. ``stopped``: by
``FakeSoniox.stop``. ``protocol_error``, ``message_too_big``: the client broke the rules of WebSocket, or sent more than
64 MiB at once.
"""


@dataclass(frozen=True)
class FileRecord:
    """An uploaded file."""

    id: str
    """UUID."""
    filename: str
    """Name from the multipart part."""
    size: int
    """Bytes."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    client_reference_id: str | None
    """As sent; None when the upload had none."""
    api_key: str
    """The key that uploaded it, which stands for the project."""
    sha256: str
    """Of the content, in hexadecimal digits."""


@dataclass(frozen=True)
class TranscriptionRecord:
    """A transcription job as it stands now. Field names are those of the API's ``Transcription`` object."""

    id: str
    """UUID."""
    status: TranscriptionStatus
    """Where the job is now."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    model: str
    """As requested; an alias stays an alias."""
    audio_url: str | None
    """None for a job on an uploaded file."""
    file_id: str | None
    """None for a job on a URL."""
    filename: str
    """Name of the uploaded file, or the last part of the URL's path."""
    language_hints: tuple[str, ...] | None
    """None when the request had none."""
    language_hints_strict: bool
    """As requested; False when unset."""
    enable_speaker_diarization: bool
    """As requested; False when unset."""
    enable_language_identification: bool
    """As requested; False when unset."""
    translation: Mapping[str, str] | None
    """The translation settings without their nulls; None when no translation was asked for."""
    context: str | Mapping[str, object] | None
    """The context as sent."""
    audio_duration_ms: int
    """Milliseconds; 0 until processing began."""
    error_type: str | None
    """Set when the status is ``error``."""
    error_message: str | None
    """Set when the status is ``error``."""
    webhook_url: str | None
    """As requested."""
    webhook_auth_header_name: str | None
    """As requested."""
    webhook_auth_header_value: str | None
    """As requested. The API itself only ever shows a mask."""
    webhook_status_code: int | None
    """What the receiver of the webhook answered last; None until it did."""
    client_reference_id: str | None
    """As requested."""
    api_key: str
    """The key that created it, which stands for the project."""


@dataclass(frozen=True)
class SessionRecord:
    """A realtime speech-to-text session as it stands now, from the moment its WebSocket was opened."""

    id: str
    """UUID, which is also the ``request_id`` of its error message."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    api_key: str | None
    """None until the client gave one that can be read."""
    auth: Literal["header", "protocol", "start_message"] | None
    """Where the key was given first."""
    config: Mapping[str, object] | None
    """The start message as sent, without its ``api_key``; None until one was accepted."""
    client_reference_id: str | None
    """From the temporary key, else from the start message."""
    controls: tuple[str, ...]
    """The messages that are not audio, in order: ``keepalive``, ``finalize``, and ``end`` for the end of the audio."""
    control_messages: tuple[str, ...]
    """The same, as sent."""
    audio_bytes: int
    """Bytes of audio received."""
    audio_duration_ms: int
    """Milliseconds of audio received: exact for raw formats and WAV, else estimated at 16,000 bytes a second."""
    ended: SessionEnd | None
    """How it ended; None while it runs."""
    error_type: str | None
    """Of the error message that ended it."""
    close_code: int | None
    """Of the close frame that ended it, whoever sent it first; None when there was none."""


@dataclass(frozen=True)
class RequestRecord:
    """A REST request that was answered."""

    method: str
    """In capitals."""
    path: str
    """Without the query."""
    query: str
    """As sent, without the question mark; empty when there was none."""
    headers: Mapping[str, str]
    """By their names in lower case. An API key is masked."""
    status: int
    """HTTP status of the response."""
    error_type: str | None
    """Of the refusal; None when the request was not refused."""
    at: str
    """When it arrived: ISO-8601 UTC with ``Z``."""
    route: str | None
    """The operation's path with its variable parts in braces; None when there is no such operation."""


Outcome: TypeAlias = Literal["pending", "delivered", "failed", "refused"]


@dataclass(frozen=True)
class WebhookAttempt:
    """One attempt to deliver a webhook."""

    at: str
    """ISO-8601 UTC with ``Z``."""
    status_code: int | None
    """HTTP status of the receiver's answer; None when there was none."""
    error: str | None
    """Why there was no answer; None when there was one."""
    made: bool
    """False for a receiver that no webhook may go to: nothing was sent then."""


@dataclass(frozen=True)
class WebhookDelivery:
    """A webhook: what it says, and what became of it so far."""

    url: str
    """Where it goes."""
    transcription_id: str
    """The ``id`` in its body."""
    status: Literal["completed", "error"]
    """The ``status`` in its body."""
    headers: Mapping[str, str]
    """What it carries. The value of the receiver's own header is masked."""
    attempts: tuple[WebhookAttempt, ...]
    """In their order."""
    outcome: Outcome
    """``pending``: there will be another attempt. ``delivered``: the last was answered with 2xx. ``failed``: none was,
    and there will be no other. ``refused``: nothing may be sent there."""
