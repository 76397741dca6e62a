"""A transcriber that is a program behind a URL."""

from __future__ import annotations

import contextlib
import http.client
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..script.transcripts import transcript_of
from ..script.values import InputError, object_of, shown
from ..wire.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..script.transcripts import Word

_TIMEOUT_SEC = 60.0
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class RemoteTranscriber:
    """Sends the audio to a URL, and takes the words from the answer, without proxies and redirects.

    The request is a POST with ``{"audio_base64": ..., "config": {...}}``. The answer is
    ``{"transcript": ...}``, with a text or a list of words, as in a script.
    """

    url: str

    @classmethod
    def of(cls, where: str, value: object) -> RemoteTranscriber:
        """The transcriber behind a URL.

        Raises:
            InputError: It is not a URL that can be asked.
        """
        try:
            parts = urlsplit(value if isinstance(value, str) else "")
            if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
                return cls(str(value))
        except ValueError:
            pass
        raise InputError(f"{where} must be a URL with http or https, not {shown(value)}")

    def __call__(self, audio: bytes, config: Mapping[str, Any]) -> str | tuple[Word, ...]:
        """The words of an audio.

        Raises:
            OSError: The program cannot be reached.
            HTTPException: It does not answer with HTTP.
            ValueError: Its answer is not 200 with a transcript.
        """
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        body = json.dumps({"audio_base64": b64encode(audio).decode(), "config": config})
        with contextlib.closing(kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SEC)) as connection:
            connection.request("POST", target_of(parts), body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read(_MOST_BYTES)
        if response.status != 200:
            raise ValueError(f"{self.url} answered with status {response.status}")
        answer = object_of("the answer", json.loads(text), ("transcript",))
        return transcript_of("the answer's transcript", answer.get("transcript"))
