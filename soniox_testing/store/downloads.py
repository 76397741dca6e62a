"""The audio of jobs: whether it can be audio, and what is behind a URL."""

from __future__ import annotations

import contextlib
import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..script.transcripts import Download, Failure
from ..wire.loopback import is_loopback
from ..wire.targets import target_of

if TYPE_CHECKING:
    from ..wire.uploaded_audio import Audio

_TIMEOUT_SEC = 5.0
_ANY = 'FakeSoniox(audio="any") accepts any bytes, and add_transcript says what they hold.'


def refusal_of(audio: Audio, name: str) -> Failure | None:
    """Why a job on this audio fails; None when it can be audio."""
    if audio.is_audio:
        return None
    return Failure("invalid_audio_file", f"Invalid audio file: {name!r} has no known audio header. {_ANY}")


def is_fetched(url: str) -> bool:
    """Whether a URL is on this machine, so that its audio is fetched."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def fetch(url: str, max_bytes: int) -> Download:
    """Downloads audio, without proxies and redirects.

    Raises:
        OSError: It cannot be downloaded.
        HTTPException: The answer is not HTTP.
        ValueError: The URL cannot be asked for.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SEC)
    with contextlib.closing(connection):
        connection.request("GET", target_of(parts))
        response = connection.getresponse()
        return Download(response.read(max_bytes), response.status)


def not_downloaded(url: str, why: object) -> Failure:
    """The failure of a job whose audio cannot be had. The type that the service has for it is not known."""
    return Failure("invalid_audio_file", f"Invalid audio file: {url} could not be downloaded: {why}")
