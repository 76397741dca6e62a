"""Responses and errors that are not made here: of the user's own opener, or of a class in http.client's place."""

from __future__ import annotations

from .._net.redaction import describe_failure, redact, redact_exception
from ..errors import SonioxConnectionError, SonioxError, SonioxTimeoutError, with_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ForeignResponse:
    """Gives a response of an unknown class the interface of :class:`WireResponse`."""

    trailers: tuple[tuple[str, str], ...] = ()

    def __init__(self, raw: Any, name: str) -> None:
        """Takes over a response.

        Args:
            raw: What the opener returned; closed here if it is no HTTP response.
            name: Method and URL of the request, for messages.

        Raises:
            SonioxConnectionError: ``raw`` has no status, or one of an interim response, which http.client, below
                urllib's own opener, takes for a final one.
        """
        status = getattr(raw, "status", None)
        if not isinstance(status, int) or status < 200:
            if raw is not None:
                raw.close()
            raise SonioxConnectionError(f"{name}: the opener returned no HTTP response")
        self._raw = raw
        self.status = status
        self.headers = raw.headers
        url = getattr(raw, "url", None)
        self.url: str | None = url if isinstance(url, str) else None
        self.read = raw.read
        self.read1 = getattr(raw, "read1", raw.read)

    @property
    def length(self) -> int | None:
        """How many bytes of the body are still to come; None if that is not known."""
        length = getattr(self._raw, "length", None)
        # Responses that vcrpy plays back have a text there, and never count down.
        return length if isinstance(length, int) else None

    def abort(self) -> None:
        """Does nothing: another thread cannot interrupt the one that reads such a response."""

    def close(self) -> None:
        self._raw.close()


def error_for(error: Exception, name: str, timeout_sec: float, authorization: str) -> SonioxError:
    """The error to raise for one that an opener raised. It is not known whether the request was sent.

    Args:
        error: The opener's error; text in it that a server sent is removed.
        name: Method and URL of the request, for the message.
        timeout_sec: The timeout that the opener was called with, for the message.
        authorization: Value of the ``Authorization`` header, whose key is removed from the message.
    """
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, BaseException) else error
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        timed_out = SonioxTimeoutError(f"{name}: no response within {timeout_sec:g} s", request_sent=True)
        return with_errno(timed_out, cause)
    problem = redact(describe_failure(cause), authorization)
    redact_exception(cause)
    redact_exception(error)
    return with_errno(SonioxConnectionError(f"{name}: {problem}", request_sent=True), cause)
