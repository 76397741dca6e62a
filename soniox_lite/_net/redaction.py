"""What went wrong, told without what nobody else may know."""

from __future__ import annotations

import functools
import re
import socket

from .answers import AnswerError
from .proxies import ProxyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AnyStr, TypeVar

    ErrorT = TypeVar("ErrorT", bound=BaseException)

# Shorter keys are made up for tests, and may well be a word of the reply.
_MIN_SECRET_LENGTH = 16
# How escapes begin. Patterns that begin with a certain byte are found fastest, and single bytes much faster still.
_ESCAPES = ((b"\\", rb"\\[ux/]"), (b"%", b"%[2-7]"), (b"&", b"&#"))


def masked(text: AnyStr, authorization: str, *, escaped: bool = True) -> AnyStr:
    r"""The text without the key, should the server repeat it: it ends up in our errors and in logs.

    Args:
        text: What the server said.
        authorization: Ends with the key.
        escaped: Whether to look also for a key whose characters are escaped, as JSON (``\u0041``), URLs (``%41``) and
            HTML (``&#65;``) have it. In a large body that takes a tenth of the time of parsing it.
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
    """Find a secret in any mixture of plain and escaped characters. An escape may be escaped itself."""
    pattern = ""
    for character in secret:
        code, plain = ord(character), re.escape(character)
        json = rf"\\{{1,8}}(?:u00|x){code:02x}"
        url = rf"%(?:25){{0,4}}{code:02x}"
        html = rf"&#(?:x0{{0,8}}{code:x}|0{{0,8}}{code});?"
        pattern += rf"(?:\\{{0,8}}{plain}|(?i:{json}|{url}|{html}))"
    return re.compile(pattern), re.compile(pattern.encode())


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
