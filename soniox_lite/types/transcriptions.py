"""Types of the ``stt`` (``transcriptions``) namespace."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject
from .common import Token  # noqa: TC001 - the decoder looks names up here
from .stt_options import SttOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.rules import FieldErrors
    from .aliases import TranscriptionStatus
else:
    # For typing.get_type_hints: values that this name does not list are allowed, too.
    TranscriptionStatus = str


class Transcription(ServiceObject):
    """A transcription job.

    The types of fields that may be None are not checked, because listings have hundreds of jobs.

    Attributes:
        id: UUID.
        status: ``queued``, ``processing``, ``completed`` or ``error``.
        created_at: In UTC.
        model: As requested.
        audio_url: Where the audio came from; None for an uploaded file.
        file_id: The uploaded file; None for a URL.
        filename: The file's name, or the last part of the URL's path.
        language_hints: As requested; None for none.
        enable_speaker_diarization: As requested.
        enable_language_identification: As requested.
        audio_duration_ms: Length of the audio; None or 0 until processing began.
        error_type: Why the job failed, machine-readable; None unless ``status`` is ``error``.
        error_message: The same in words.
        webhook_url: URL that is called when the job ends; None for none.
        webhook_auth_header_name: Header that proves the call; None for none.
        webhook_auth_header_value: Always asterisks: the service does not send the secret back.
        webhook_status_code: HTTP status with which the receiver answered; None until it was called.
        client_reference_id: The identifier given with the request; None when there is none.
    """

    _checks_optional = False

    id: str
    status: TranscriptionStatus
    created_at: datetime
    model: str
    audio_url: str | None = None
    file_id: str | None = None
    filename: str
    language_hints: list[str] | None = None
    # Required by the service's schema, yet absent from its own examples.
    enable_speaker_diarization: bool = False
    enable_language_identification: bool = False
    audio_duration_ms: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    webhook_url: str | None = None
    webhook_auth_header_name: str | None = None
    webhook_auth_header_value: str | None = None
    webhook_status_code: int | None = None
    client_reference_id: str | None = None


class TranscriptionTranscript(ServiceObject):
    """The text of a completed job.

    Attributes:
        id: The transcription's id.
        text: All of it.
        tokens: The same in pieces, with times; translations stand among the originals.
    """

    id: str
    text: str
    tokens: list[Token]


class GetTranscriptionsResponse(ServiceObject):
    """One page of jobs.

    Attributes:
        transcriptions: Up to ``limit`` jobs, in the service's order.
        next_page_cursor: What the next call takes as ``cursor``; None on the last page.
    """

    transcriptions: list[Transcription]
    next_page_cursor: str | None = None


class GetTranscriptionsCountResponse(ServiceObject):
    """How many jobs the project holds.

    Attributes:
        total: All of them.
        public_api: Those created through the API.
        playground: Those created in the console's playground.
    """

    total: int
    public_api: int
    playground: int


class GetTranscriptionsPayload(Payload):
    """Parameters of a page of jobs.

    Attributes:
        limit: Jobs on the page, 1 to 1000.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    limit: int = 1000
    cursor: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.page(self.limit, self.cursor)


class _TranscriptionOptions(SttOptions):
    """The options of a job, without its audio."""

    _secret_fields = frozenset({"webhook_auth_header_value"})

    _field_order = "model ... client_reference_id"

    model: str | None = None
    webhook_url: str | None = None
    webhook_auth_header_name: str | None = None
    webhook_auth_header_value: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.text("model", self.model, min_length=1, max_length=32)
        super()._check(check)
        check.http_url("webhook_url", self.webhook_url, max_length=256)
        check.header_name("webhook_auth_header_name", self.webhook_auth_header_name)
        check.header_value("webhook_auth_header_value", self.webhook_auth_header_value)
        # With only one of the two, the service would call the webhook without the header.
        if (self.webhook_auth_header_name is None) != (self.webhook_auth_header_value is None):
            missing, given = ("name", "value") if self.webhook_auth_header_name is None else ("value", "name")
            check.add(
                f"webhook_auth_header_{missing}", f"must be given together with webhook_auth_header_{given}", None
            )


class CreateTranscriptionConfig(_TranscriptionOptions):
    """Options of a job. Each one that is given wins over the argument of the same name.

    Attributes:
        model: Async model, at most 32 characters; None for the argument's.
        language_hints: Two-letter codes of the languages to expect, at most 100; None to detect them.
        language_hints_strict: Whether to recognize only those languages; None for no.
        enable_speaker_diarization: Whether tokens have speakers; None for no.
        enable_language_identification: Whether tokens have languages; None for no.
        translation: What to translate; None for nothing.
        context: Background that helps recognition, structured or (legacy) as one string; None for none.
        webhook_url: URL to call when the job ends, at most 256 characters; None for none.
        webhook_auth_header_name: Header that proves the call; needs the value too.
        webhook_auth_header_value: Its secret value, not shown by ``repr()``; needs the name too.
        client_reference_id: Your own identifier, at most 256 characters; None for the argument's.
    """


class CreateTranscriptionPayload(_TranscriptionOptions):
    """The whole request for a job: the options of :class:`CreateTranscriptionConfig`, and the audio.

    Attributes:
        audio_url: http(s) URL of the audio, at most 4096 characters; or
        file_id: Id of an uploaded file. Exactly one of the two is needed.
    """

    _field_order = "model audio_url file_id ... client_reference_id"

    model: str | None = "stt-async-v5"
    audio_url: str | None = None
    file_id: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.required("model", self.model)
        super()._check(check)
        check.http_url("audio_url", self.audio_url, max_length=4096)
        check.text("file_id", self.file_id, min_length=1, max_length=256)
        if self.audio_url is None and self.file_id is None:
            check.add("audio_url", "or file_id must be given, or file to a call that uploads", None)
        elif self.audio_url is not None and self.file_id is not None:
            check.add("audio_url", "and file_id exclude each other", self.audio_url)
