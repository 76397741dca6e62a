"""What went wrong, told without what nobody else may know."""

from __future__ import annotations

import socket

from .._net.answers import AnswerError
from .._net.proxies import ProxyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AnyStr, TypeVar

    ErrorT = TypeVar("ErrorT", bound=BaseException)

# Shorter keys are made up for tests, and may well be a word of the reply.
_MIN_SECRET_LENGTH = 16


def masked(text: AnyStr, authorization: str) -> AnyStr:
    """The text without the key, should the server repeat it: it ends up in our errors and in logs."""
    secret = authorization.rpartition(" ")[2]
    if len(secret) < _MIN_SECRET_LENGTH:
        return text
    return text.replace(secret.encode(), b"***") if isinstance(text, bytes) else text.replace(secret, "***")


def scrubbed(error: ErrorT) -> ErrorT:
    """The error without what the server said, which may be our own request with the key."""
    import http.client  # noqa: PLC0415 - realtime, where nothing fails, does without it and saves 8 ms

    if isinstance(error, (http.client.HTTPException, ValueError)) and not isinstance(error, OSError):
        error.args = ()
        error.__cause__ = error.__context__ = None
        for name, value in vars(error).items():
            if isinstance(value, (str, bytes)):
                setattr(error, name, type(value)())
    return error


def describe_failure(error: BaseException) -> str:
    """What went wrong on the network, in a few words."""
    if isinstance(error, socket.gaierror):
        return f"the host's name cannot be resolved ({error.strerror})"
    if isinstance(error, (ProxyError, AnswerError)):
        return str(error)
    import http.client  # noqa: PLC0415 - as above

    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection without an answer"
    if isinstance(error, http.client.IncompleteRead):
        return f"the reply was cut off after {len(error.partial)} bytes"
    if isinstance(error, http.client.HTTPException):
        return f"the server's answer is not HTTP ({type(error).__name__})"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}"
