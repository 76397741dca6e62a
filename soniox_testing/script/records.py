"""The contents of the fake, as plain records for tests."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - for those who ask for the types at run time
from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - as above
from typing import Literal, TypeAlias

from .progress import TranscriptionStatus  # noqa: TC001 - as above

SessionEnd: TypeAlias = Literal[
    "finished", "error", "idle", "dropped", "client_closed", "abandoned", "stopped", "protocol_error", "message_too_big"
]
"""How a realtime session ended.

``finished``: normally, after the end of the audio. ``error``: by an error message. ``idle``: closed with 1001, as
no start message arrived. ``dropped``: by ``faults.drop`` or a function of ``on_session``. ``client_closed``: the
client sent a close frame before the end. ``abandoned``: the client's connection ended without one. ``stopped``: by
``FakeSoniox.stop``. ``protocol_error``, ``message_too_big``: the client violated the WebSocket protocol, or sent a
message of more than 64 MiB.
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
    """As requested. The API itself shows a mask only."""
    webhook_status_code: int | None
    """HTTP status of the last answer from the webhook's receiver; None: there was no answer yet."""
    client_reference_id: str | None
    """As requested."""
    api_key: str
    """The key that created it, which stands for the project."""
    notes: tuple[str, ...] = ()
    """What differs from all that is known of the service, such as an ``error_type`` that a test has invented."""


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
    """Of the first close frame, sent by either side; None: there was none."""
    notes: tuple[str, ...] = ()
    """What the service will refuse one day, although the fake accepted it."""


@dataclass(frozen=True)
class UsageRecord:
    """One billed request: a job, a realtime session, a stream or a request of text-to-speech.

    Field names are those of the API's usage logs. The prices need not be those of today; sums are exact.
    """

    uuid: str
    """Of this entry."""
    api_key: str
    """The permanent key that stands for the project."""
    client_reference_id: str
    """Empty when there was none."""
    model: str
    """As requested; an alias stays an alias."""
    start_time: str
    """ISO-8601 UTC with ``Z``."""
    end_time: str
    """ISO-8601 UTC with ``Z``. Of a job: when it was first seen completed, which is at the next poll."""
    input_text_tokens: int
    """Of the text to be spoken, or of the context."""
    input_audio_tokens: int
    """Of the audio that was sent to the service."""
    input_audio_duration_ms: int
    """Milliseconds of audio that was sent to the service."""
    output_text_tokens: int
    """Of the transcript."""
    output_audio_tokens: int
    """Of the audio that was made."""
    output_audio_duration_ms: int
    """Milliseconds of audio that was made."""
    input_text_cost_usd: Decimal
    """US dollars."""
    input_audio_cost_usd: Decimal
    """US dollars."""
    output_text_cost_usd: Decimal
    """US dollars."""
    output_audio_cost_usd: Decimal
    """US dollars."""

    @property
    def input_cost_usd(self) -> Decimal:
        """US dollars for input text and audio."""
        return self.input_text_cost_usd + self.input_audio_cost_usd

    @property
    def output_cost_usd(self) -> Decimal:
        """US dollars for output text and audio."""
        return self.output_text_cost_usd + self.output_audio_cost_usd

    @property
    def cost_usd(self) -> Decimal:
        """US dollars for input and output."""
        return self.input_cost_usd + self.output_cost_usd


@dataclass(frozen=True)
class VoiceModelRecord:
    """The state of a cloned voice for one model."""

    model: str
    """Never an alias."""
    status: Literal["not_computed", "processing", "ready", "failed"]
    """``not_computed``: the model was added after the voice, which was not recomputed since."""
    error_type: str | None = None
    """Set when the status is ``failed``."""
    error_message: str | None = None
    """Set when the status is ``failed``."""


@dataclass(frozen=True)
class VoiceRecord:
    """A cloned voice as it stands now."""

    id: str
    """UUID."""
    name: str
    """Unique in its project."""
    filename: str
    """Name from the multipart part."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    models: tuple[VoiceModelRecord, ...]
    """Its state for each model that can clone voices."""
    size: int
    """Bytes of the clip."""
    audio_duration_ms: int
    """Milliseconds of the clip: exact for WAV, else estimated at 16,000 bytes a second."""
    api_key: str
    """The key that created it, which stands for the project."""


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
    """Names are in lower case. An API key is masked."""
    status: int
    """HTTP status of the response."""
    error_type: str | None
    """Of the error; None when the request was not refused."""
    at: str
    """When it arrived: ISO-8601 UTC with ``Z``."""
    route: str | None
    """The operation's path with its variable parts in braces; None when there is no such operation."""
    number: int = 0
    """Its place among all requests, from 1 on, also of those that are not kept any more."""
    body: str = ""
    """The beginning of its body: JSON as sent, or the fields of a form as JSON, with the name and size of its file.
    Secrets are masked. Empty if there was none, if it was not read, or if it was long ago."""
    response: str = ""
    """The beginning of the response, if that was text. Secrets are masked."""


MessageKind: TypeAlias = Literal["received", "sent", "audio", "ended"]


@dataclass(frozen=True)
class MessageRecord:
    """A message of a WebSocket, or several with audio that came one after the other."""

    number: int
    """Its place among all messages, from 1 on, also of those that are not kept any more."""
    connection_id: str
    """The ``id`` of its ``SessionRecord`` or ``SpeechConnectionRecord``."""
    at: str
    """When the first of them came or was sent: ISO-8601 UTC with ``Z``."""
    kind: MessageKind
    """``received``: a text from the client. ``audio``: binary messages from the client. ``sent``: a text to the client.
    ``ended``: how the connection ended."""
    text: str
    """The beginning of the text. Secrets are masked."""
    size: int
    """Bytes of audio, else characters of the whole text."""
    count: int
    """Number of messages."""


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
    """False: nothing was sent, because webhooks to this receiver are not allowed."""


@dataclass(frozen=True)
class WebhookDelivery:
    """A webhook: its content, and its attempts so far."""

    url: str
    """The receiver's URL."""
    transcription_id: str
    """The ``id`` in its body."""
    status: Literal["completed", "error"]
    """The ``status`` in its body."""
    headers: Mapping[str, str]
    """HTTP headers. The value of the receiver's own header is masked."""
    attempts: tuple[WebhookAttempt, ...]
    """In their order."""
    outcome: Outcome
    """``pending``: there will be another attempt. ``delivered``: the last was answered with 2xx. ``failed``: none was,
    and there will be no other. ``refused``: nothing may be sent there."""


SpeechEnd: TypeAlias = Literal[SessionEnd, "cancelled", "terminated"]
"""How a request or a stream of text-to-speech ended.

``finished``: all of it was spoken; over REST, as much as fits into the longest audio. ``cancelled``: by the client.
``terminated``: by ``faults.terminate``. ``error``: by an error message, or refused. All others: as its connection
ended, see ``SessionEnd``; ``abandoned``: also, a REST client closed its connection before the end.
"""


@dataclass(frozen=True)
class SpeechRecord:
    """A text to speak, as it stands now: a REST request, or a stream on a WebSocket.

    Each well-formed request or stream has one, also if it was refused because of a budget or a limit.
    """

    id: str
    """UUID."""
    request_id: str
    """That of its error message: the id, or what a REST client sent as ``X-Request-Id``, which need not be unique."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    connection_id: str | None
    """Of the WebSocket, see ``SpeechConnectionRecord``; None for REST."""
    stream_id: str | None
    """As the client named it; None for REST."""
    api_key: str
    """Permanent or temporary."""
    config: Mapping[str, object]
    """The body or the start message as sent, without key, text and ``stream_id``."""
    client_reference_id: str | None
    """From the temporary key, else as requested."""
    texts: tuple[str, ...]
    """The texts as sent, one for each message; REST has one."""
    text_ended: bool
    """Whether the client has ended the text."""
    audio_bytes: int
    """Bytes of audio sent."""
    audio_duration_ms: int
    """Milliseconds of audio sent."""
    ended: SpeechEnd | None
    """How it ended; None while it runs."""
    error_type: str | None
    """Of the error that ended it."""
    notes: tuple[str, ...]
    """What may be wrong, although the fake accepted it, such as a voice that it does not know."""

    @property
    def text(self) -> str:
        """All of the text."""
        return "".join(self.texts)


@dataclass(frozen=True)
class SpeechConnectionRecord:
    """A WebSocket of text-to-speech as it stands now."""

    id: str
    """UUID, which is also the ``request_id`` of error messages about the connection."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    api_key: str | None
    """None until the client gave one that can be read."""
    auth: Literal["header", "protocol", "start_message"] | None
    """Where the key was given first."""
    keepalives: int
    """Number of ``keep_alive`` messages."""
    ended: SessionEnd | None
    """How it ended; None while it is open."""
    error_type: str | None
    """Of the error message that ended it."""
    close_code: int | None
    """Of the first close frame, sent by either side; None: there was none."""
    notes: tuple[str, ...] = ()
    """What the service will refuse one day, although the fake accepted it."""
