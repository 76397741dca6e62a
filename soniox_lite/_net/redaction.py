"""Error descriptions and texts with the API key removed."""

from __future__ import annotations

import functools
import re
import socket

from .proxies import ProxyError
from .response_heads import ResponseHeadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AnyStr, TypeVar

    ErrorT = TypeVar("ErrorT", bound=BaseException)

# Shorter keys are made up for tests, and may also be a word of the response.
_MIN_SECRET_LENGTH = 16
# How escapes begin. Searching for the single byte first is much faster than the pattern alone.
_ESCAPES = ((b"\\", rb"\\[ux/]"), (b"%", b"%[2-7]"), (b"&", b"&#"))


def redact(text: AnyStr, authorization: str, *, escaped: bool = True) -> AnyStr:
    r"""The text with ``***`` in place of the key: a server may repeat it, and the text gets into errors and logs.

    Args:
        text: Text or bytes that the server sent.
        authorization: Value of the ``Authorization`` header, which ends with the key.
        escaped: Whether to look also for a key whose characters are escaped, as JSON (``\u0041``), URLs (``%41``) and
            HTML (``&#65;``) have it. In a large body this takes a tenth of the time that parsing takes.
    """
    secret = authorization.rpartition(" ")[2]
    if len(secret) < _MIN_SECRET_LENGTH:
        return text
    if isinstance(text, str):
        plain = text.replace(secret, "***")
        has_escapes = escaped and ("\\" in plain or "%" in plain or "&#" in plain)
        return _spellings_of(secret)[0].sub("***", plain) if has_escapes else plain
    body = text.replace(secret.encode(), b"***")
    has_escapes = escaped and any(mark in body and re.search(escape, body) for mark, escape in _ESCAPES)
    return _spellings_of(secret)[1].sub(b"***", body) if has_escapes else body


@functools.lru_cache(maxsize=16)
def _spellings_of(secret: str) -> tuple[re.Pattern[str], re.Pattern[bytes]]:
    """Patterns that find a secret in any mixture of plain and escaped characters. Escapes may be escaped again."""
    pattern = ""
    for character in secret:
        code, plain = ord(character), re.escape(character)
        json = rf"\\{{1,8}}(?:u00|x){code:02x}"
        url = rf"%(?:25){{0,4}}{code:02x}"
        html = rf"&#(?:x0{{0,8}}{code:x}|0{{0,8}}{code});?"
        pattern += rf"(?:\\{{0,8}}{plain}|(?i:{json}|{url}|{html}))"
    return re.compile(pattern), re.compile(pattern.encode())


def redact_exception(error: ErrorT) -> ErrorT:
    """The same error without the text that the server sent, which may be our own request with the key."""
    import http.client  # noqa: PLC0415 - a realtime session without errors does not need it and saves 8 ms

    if isinstance(error, (http.client.HTTPException, ValueError)) and not isinstance(error, OSError):
        error.args = ()
        error.__cause__ = error.__context__ = None
        for name, value in vars(error).items():
            if isinstance(value, (str, bytes)):
                setattr(error, name, type(value)())
    return error


def describe_failure(error: BaseException) -> str:
    """A short description of a network error, without the text that the server sent."""
    if isinstance(error, socket.gaierror):
        return f"the host's name cannot be resolved ({error.strerror})"
    if isinstance(error, (ProxyError, ResponseHeadError)):
        return str(error)
    import http.client  # noqa: PLC0415 - as above

    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection without a response"
    if isinstance(error, http.client.IncompleteRead):
        return f"the response was cut off after {len(error.partial)} bytes"
    if isinstance(error, http.client.HTTPException):
        return f"the server's response is not HTTP ({type(error).__name__})"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}"
