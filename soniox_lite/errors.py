"""The exceptions of this package, all derived from :class:`SonioxError`.

::

    SonioxError
    ├── SonioxValidationError        invalid argument; nothing was sent (also a ValueError)
    │   └── SonioxFileTypeError           an argument is not a file (also a TypeError)
    ├── SonioxFileError              a file cannot be written any more (also an OSError)
    │   └── SonioxInvalidFileError        a file cannot be opened or read (also a SonioxValidationError)
    │       ├── SonioxFileNotFoundError       (also a FileNotFoundError)
    │       ├── SonioxIsADirectoryError       (also an IsADirectoryError)
    │       └── SonioxFilePermissionError     (also a PermissionError)
    ├── SonioxConnectionError        no usable reply: DNS, TCP, TLS, proxy, reset, cut off (also a ConnectionError)
    ├── SonioxTimeoutError           a time limit was exceeded (also a TimeoutError)
    ├── SonioxCancelledError         the program has cancelled the call
    ├── SonioxAPIError               the service answered with an error
    │   ├── SonioxDecodeError             the body of a response is not JSON (also a ValueError)
    │   ├── SonioxInvalidRequestError     400
    │   ├── SonioxAuthenticationError     401, 403
    │   ├── SonioxPermissionDeniedError   403 with ``permission_denied``
    │   ├── SonioxNotFoundError           404
    │   ├── SonioxConflictError           409
    │   ├── SonioxRateLimitError          429
    │   ├── SonioxServerError             5xx
    │   ├── SonioxTranscriptionError      a job that ended in status ``error``
    │   └── SonioxVoiceError              a voice that cannot be used with a model
    ├── SonioxRealtimeError          a realtime session failed
    │   ├── SonioxRealtimeConnectionError the connection failed or was lost (also a SonioxConnectionError)
    │   │   ├── SonioxRealtimeResumeError     and a session that should be resumed could not be
    │   │   └── SonioxRealtimeSpeechError     and a text cannot be spoken from its beginning again
    │   └── SonioxRealtimeTimeoutError    a time limit was exceeded (also a SonioxTimeoutError)
    └── InvalidWebhookSignatureError a webhook call that is not from Soniox

An error that is also an ``OSError`` has the ``errno`` and ``strerror`` of its cause, as far as there are any, and the
error of a file has its ``filename``.

Branch on the class or on ``error_type``, never on the text: the service does not promise its messages. ``str()`` of an
error is one line that is safe to print: what a service or a proxy says may hold line breaks and control characters. The
attributes keep them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar

    from typing_extensions import Self

    from ._http.messages import Request, Response
    from .types.api import ApiError, ApiErrorValidationError, Transcription, Voice

    ErrorT = TypeVar("ErrorT", bound=BaseException)

__all__ = [
    "InvalidField",
    "InvalidFields",
    "InvalidWebhookSignatureError",
    "SonioxAPIError",
    "SonioxAuthenticationError",
    "SonioxCancelledError",
    "SonioxConflictError",
    "SonioxConnectionError",
    "SonioxDecodeError",
    "SonioxError",
    "SonioxFileError",
    "SonioxFileNotFoundError",
    "SonioxFilePermissionError",
    "SonioxFileTypeError",
    "SonioxInvalidFileError",
    "SonioxInvalidRequestError",
    "SonioxIsADirectoryError",
    "SonioxNotFoundError",
    "SonioxPermissionDeniedError",
    "SonioxRateLimitError",
    "SonioxRealtimeConnectionError",
    "SonioxRealtimeError",
    "SonioxRealtimeResumeError",
    "SonioxRealtimeSpeechError",
    "SonioxRealtimeTimeoutError",
    "SonioxServerError",
    "SonioxTimeoutError",
    "SonioxTranscriptionError",
    "SonioxValidationError",
    "SonioxVoiceError",
]


def one_line(text: object) -> str:
    """A text of unknown origin, fit for a message, a log and a terminal.

    White space of any kind becomes blanks; control characters (ESC, C1), invisible ones (such as those that turn the
    direction of writing) and halves of surrogate pairs become question marks.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))


_OS_FIELDS = ("errno", "strerror", "filename")


class SonioxError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: The description of the error, without the status and ids that ``str()`` adds.
        response: The response with the error; None when there was none.
    """

    def __init__(self, message: str, *, response: Response | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.response = response

    def __str__(self) -> str:
        return one_line(self.message)

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...], dict[str, Any]]:
        # OSError keeps these outside the instance's dict, and by itself pickles them only as its arguments.
        own: tuple[str, ...] = _OS_FIELDS if isinstance(self, OSError) else ()
        return type(self), self.args, {**vars(self), **{name: getattr(self, name) for name in own}}


class InvalidField:
    """One invalid field of an argument or payload.

    Attributes:
        field: Where, as a path: ``language_hints[2]``, ``translation.target_language``.
        rule: What the field must be: ``must be at most 256 characters``.
        got: The type and length of the value, or a number that is out of bounds. Never a text, which may be a secret.
    """

    __slots__ = ("field", "got", "rule")

    def __init__(self, field: str, rule: str, got: str) -> None:
        self.field: str = field
        self.rule: str = rule
        self.got: str = got

    def __repr__(self) -> str:
        return f"InvalidField(field={self.field!r}, rule={self.rule!r}, got={self.got!r})"

    def __str__(self) -> str:
        return f"{self.field} {self.rule}, got {self.got}"


class InvalidFields(list[InvalidField]):
    """The invalid fields of an argument or payload; its methods are those that pydantic's ``ValidationError`` has."""

    def errors(self) -> list[dict[str, Any]]:
        """A dict for each field: ``loc`` (its path, a tuple of names and indexes), ``msg`` (the rule) and ``type``."""
        return [{"type": "value_error", "loc": _steps_of(invalid.field), "msg": invalid.rule} for invalid in self]

    __call__ = errors

    def error_count(self) -> int:
        """How many fields are invalid."""
        return len(self)


class SonioxValidationError(SonioxError, ValueError):
    """Invalid arguments. Nothing was sent.

    Attributes:
        errors: All invalid fields; empty when the message is complete without them.
    """

    def __init__(
        self, message: str, *, errors: Iterable[InvalidField] | None = None, response: Response | None = None
    ) -> None:
        super().__init__(message, response=response)
        self.errors: InvalidFields = InvalidFields(errors or ())


class SonioxFileError(SonioxError, OSError):
    """A file or stream of this machine failed. By itself: an output that cannot be written any more (a full disk).

    Attributes:
        errno: The system's number for the failure; None if the system has not reported it.
        strerror: The system's text for it; None as above.
        filename: The path, as it was given; None for a stream.
    """


class SonioxInvalidFileError(SonioxFileError, SonioxValidationError):
    """A file that was given cannot be opened or read."""


class SonioxFileNotFoundError(SonioxInvalidFileError, FileNotFoundError):
    """There is no such file, or no such folder for an output."""


class SonioxIsADirectoryError(SonioxInvalidFileError, IsADirectoryError):
    """The path is that of a folder."""


class SonioxFilePermissionError(SonioxInvalidFileError, PermissionError):
    """The system does not allow this process to open the file."""


class SonioxFileTypeError(SonioxValidationError, TypeError):
    """An argument that should be a file is something else."""


def file_error(message: str, cause: BaseException, path: object = None) -> SonioxValidationError:
    """The error for a file that cannot be opened or read: of the class that belongs to its cause."""
    if not isinstance(cause, OSError):
        return SonioxValidationError(message)
    error_class: type[SonioxInvalidFileError] = SonioxInvalidFileError
    for candidate in (SonioxFileNotFoundError, SonioxIsADirectoryError, SonioxFilePermissionError):
        if isinstance(cause, candidate.__bases__[1]):
            error_class = candidate
    return with_errno(error_class(message), cause, path)


def with_errno(error: ErrorT, cause: BaseException | None, path: object = None) -> ErrorT:
    """The same error with ``errno`` and ``strerror`` of its cause, if both are an ``OSError``, and a ``filename``."""
    if isinstance(error, OSError) and isinstance(cause, OSError):
        error.errno, error.strerror = cause.errno, cause.strerror
        error.filename = path
    return error


class SonioxConnectionError(SonioxError, ConnectionError):
    """No usable reply: name not found, refused, TLS or proxy failure, reset, or a reply cut off or garbled.

    Attributes:
        request_sent: False when not a byte of the request left this machine, so that repeating it is safe;
            True when the service may have received it.
        request: The request; None for a realtime session.
        errno: The system's number for the failure; None if the system has not reported it.
        strerror: The system's text for it; None as above.
    """

    def __init__(self, message: str, *, request_sent: bool = False, response: Response | None = None) -> None:
        super().__init__(message, response=response)
        self.request: Request | None = None
        self.request_sent: bool = request_sent


class SonioxTimeoutError(SonioxError, TimeoutError):
    """A request, or waiting for a job, exceeded its time limit.

    Attributes:
        request_sent: As in :class:`SonioxConnectionError`.
        request: The request that took too long; None if it was no single request.
        transcription_id: The job that was waited for, which goes on at the service; None for a request.
        voice_id: The same for a voice.
    """

    def __init__(
        self,
        message: str,
        *,
        request_sent: bool = False,
        transcription_id: str | None = None,
        voice_id: str | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message, response=response)
        self.request: Request | None = None
        self.request_sent: bool = request_sent
        self.transcription_id = transcription_id
        self.voice_id = voice_id


class SonioxCancelledError(SonioxError):
    """The program has abandoned the call with a :class:`CancelToken`."""


class SonioxAPIError(SonioxError):
    """The service answered with an error, or with something that is not a reply to the request.

    Attributes:
        api_error: The error body, parsed; None when the body was not of the documented shape.
        status_code: HTTP status; None when the error is not one reply's (a failed job).
        error_type: Machine-readable category such as ``invalid_request``; None when not given.
        validation_errors: Per-field problems that the service found; empty when none were given.
        request_id: Id for questions to Soniox support; None when not given.
        more_info: URL of a page about the error; None when not given.
    """

    def __init__(self, message: str, *, api_error: ApiError | None = None, response: Response | None = None) -> None:
        super().__init__(message, response=response)
        self.api_error = api_error
        self.status_code: int | None = response.status_code if response is not None else None
        self.error_type: str | None = None
        self.validation_errors: list[ApiErrorValidationError] = []
        self.request_id: str | None = None
        self.more_info: str | None = None
        if api_error is not None:
            if self.status_code is None:
                self.status_code = api_error.status_code
            self.error_type = api_error.error_type
            self.validation_errors = api_error.validation_errors
            self.request_id = api_error.request_id
            self.more_info = api_error.more_info

    @classmethod
    def from_response(cls, response: Response) -> SonioxAPIError:
        """The error for a response, of the class that belongs to its status and error type."""
        return response.as_error()

    @property
    def retry_after_sec(self) -> float | None:
        """Seconds that the service asked to wait; None when it did not say."""
        return self.response.retry_after_sec if self.response is not None else None

    def __str__(self) -> str:
        facts: list[str] = []
        if self.status_code is not None:
            facts.append(f"HTTP {self.status_code}")
        if self.error_type:
            facts.append(self.error_type)
        text = self.message
        if facts:
            text += f" ({', '.join(facts)})"
        for problem in self.validation_errors:
            text += f"; {problem.location}: {problem.message} [{problem.error_type}]"
        return _with_request_id(one_line(text), self.request_id)


class SonioxDecodeError(SonioxAPIError, ValueError):
    """The body of a response is not JSON, or not valid UTF-8."""


class SonioxAuthenticationError(SonioxAPIError):
    """The key is missing, unknown or expired, or is not of the kind that this call needs (401, 403)."""


class SonioxPermissionDeniedError(SonioxAPIError):
    """The key is known but lacks the permission for this call (403 with ``permission_denied``)."""


class SonioxInvalidRequestError(SonioxAPIError):
    """The service refused the request as invalid (400); ``validation_errors`` says which fields."""


class SonioxNotFoundError(SonioxAPIError):
    """No such file, job or voice in this key's project (404)."""


class SonioxConflictError(SonioxAPIError):
    """The state of the job, file or voice does not allow this call, such as deleting a job in progress (409)."""


class SonioxRateLimitError(SonioxAPIError):
    """Too many requests, or a quota of the project is used up (429)."""


class SonioxServerError(SonioxAPIError):
    """The service failed (5xx)."""


class SonioxTranscriptionError(SonioxAPIError):
    """A transcription job ended in status ``error``.

    ``error_type`` and ``message`` are the job's own.

    Attributes:
        transcription: The failed job.
    """

    def __init__(
        self,
        message: str,
        *,
        transcription: Transcription | None = None,
        api_error: ApiError | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message, api_error=api_error, response=response)
        self.transcription = transcription
        if transcription is not None:
            self.error_type: str | None = transcription.error_type


class SonioxVoiceError(SonioxAPIError):
    """A voice that was waited for will not become ready for the model: preparing it failed, or was never begun.

    ``error_type`` is the reason that the service gives for the model, such as ``voice_audio_too_long``; None if
    preparing was never begun.

    Attributes:
        voice: The voice in its last state.
    """

    def __init__(
        self,
        message: str,
        *,
        voice: Voice | None = None,
        error_type: str | None = None,
        api_error: ApiError | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message, api_error=api_error, response=response)
        self.voice = voice
        if error_type is not None:
            self.error_type: str | None = error_type


class SonioxRealtimeError(SonioxError):
    """A realtime session could not be opened, broke, or was ended by the service with an error.

    Attributes:
        error_code: The service's code, a number like an HTTP status (401, 402, 408, 429, 503); None without one.
        error_type: The service's machine-readable category; None without one.
        request_id: Id for questions to Soniox support; None without one.
        close_code: WebSocket close code (RFC 6455, section 7.4); 1006 if the connection broke; None if the error is not
            about the end of a connection.
        retry_after_sec: Seconds to wait according to the ``Retry-After`` header of a server that refused the
            connection; None without one.
    """

    def __init__(
        self,
        message: str,
        *,
        error_code: int | None = None,
        error_type: str | None = None,
        request_id: str | None = None,
        close_code: int | None = None,
        retry_after_sec: float | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message, response=response)
        self.retry_after_sec = retry_after_sec
        self.error_code = error_code
        self.error_type = error_type
        self.request_id = request_id
        self.close_code = close_code

    def __str__(self) -> str:
        facts = [str(fact) for fact in (self.error_code, self.error_type) if fact]
        text = f"{self.message} ({', '.join(facts)})" if facts else self.message
        return _with_request_id(one_line(text), self.request_id)


class SonioxRealtimeConnectionError(SonioxRealtimeError, SonioxConnectionError):
    """The connection of a realtime session could not be opened, or it ended before the session was finished."""


class SonioxRealtimeTimeoutError(SonioxRealtimeError, SonioxTimeoutError):
    """Opening a realtime session, or waiting for its next event, exceeded its time limit (also a TimeoutError)."""


class SonioxRealtimeResumeError(SonioxRealtimeConnectionError):
    """A realtime session lost its connection and could not be resumed; ``__cause__`` is the last reason.

    Attributes:
        from_ms: Up to where the audio has been transcribed, in milliseconds.
        lost_ms: How many milliseconds of the audio that was given after that are lost.
    """

    def __init__(self, message: str, *, from_ms: int = 0, lost_ms: int = 0, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.from_ms = from_ms
        self.lost_ms = lost_ms


class SonioxRealtimeSpeechError(SonioxRealtimeConnectionError):
    """A text-to-speech stream with ``resume`` was cut off, and its text is not sent again; ``__cause__`` is the reason.

    Attributes:
        stream_id: Your name for the stream.
        audio_bytes: How many bytes of its audio had arrived; all of them can be received before this error.
        audio_ms: The same in milliseconds, of raw audio and WAV; None for compressed audio.
        text: All text that was sent.
        spoken_text: The text whose audio had arrived, as the service prepared it, which may differ from ``text``: in
            numbers, for example. None without ``return_timestamps``.
    """

    def __init__(
        self,
        message: str,
        *,
        stream_id: str = "",
        audio_bytes: int = 0,
        audio_ms: int | None = None,
        text: str = "",
        spoken_text: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.stream_id = stream_id
        self.audio_bytes = audio_bytes
        self.audio_ms = audio_ms
        self.text = text
        self.spoken_text = spoken_text


class InvalidWebhookSignatureError(SonioxError):
    """The secret header of a webhook call is missing or wrong, or no secret is configured to compare it with."""


def _steps_of(path: str) -> tuple[str | int, ...]:
    """``("terms", 3, "text")`` for ``terms[3].text``."""
    steps = path.replace("]", "").replace("[", ".").split(".")
    return tuple(int(step) if step.isdecimal() else step for step in steps)


def _with_request_id(text: str, request_id: str | None) -> str:
    # The service puts the id into some of its messages itself.
    shown = one_line(request_id or "")
    return text if shown in text else f"{text} [request id {shown}]"


_CLASS_OF_STATUS: dict[int, type[SonioxAPIError]] = {
    400: SonioxInvalidRequestError,
    401: SonioxAuthenticationError,
    403: SonioxAuthenticationError,
    404: SonioxNotFoundError,
    409: SonioxConflictError,
    429: SonioxRateLimitError,
}


def error_class_for(status_code: int, error_type: str | None) -> type[SonioxAPIError]:
    """The class for a reply: by status, and for 403 by error type, since 403 has two meanings."""
    if status_code == 403 and error_type == "permission_denied":
        return SonioxPermissionDeniedError
    if status_code >= 500:
        return SonioxServerError
    return _CLASS_OF_STATUS.get(status_code, SonioxAPIError)
