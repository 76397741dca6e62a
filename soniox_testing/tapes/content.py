"""What a tape holds of bodies and messages. Keys are removed, and texts and audio where that is asked for. No I/O.

The format is in docs/testing.md. ``soniox_lite`` writes the same, with code of its own.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from ..wire.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HIDDEN = "***"
"""Stands for a key on a tape."""

_SECRETS = frozenset({"api_key", "webhook_auth_header_value", "authorization", "password", "secret", "access_token"})
_URLS = frozenset({"audio_url", "webhook_url"})
_TEXTS = frozenset({"text", "context", "filename", "name", "description", "client_reference_id", "characters"})
"""Fields that hold what people said or wrote, with all that is in them."""
_MARKS = frozenset({"<end>", "<fin>"})
_SHORTEST_SECRET = 16
"""Characters. Shorter keys are made up for tests, and may also be a word. They are hidden only where a key stands."""
_NAMED_SECRET = re.compile(rf"""((?:{"|".join(sorted(_SECRETS))})["']?\s*[:=]\s*["']?)[^"'&\s,}}]+""", re.IGNORECASE)
_PARAMETER = re.compile(r"([^&=]*(?:key|token|secret|signature|password|auth)[^&=]*)=[^&]*", re.IGNORECASE)
_TEXT_PARAMETER = re.compile(rf"\b({'|'.join(sorted(_TEXTS))})=([^&]*)")
_HEADERS = re.compile(r"content-type|user-agent|x-request-id|retry-after|x-ratelimit-.*")


class Cleaner:
    """Removes keys from what is written, and masks texts. May be used from any thread.

    Args:
        masks_text: Whether letters become ``x`` and digits ``0`` in fields that hold texts.
        keeps_audio: Whether audio is kept; otherwise its length in bytes is.
    """

    def __init__(self, *, masks_text: bool, keeps_audio: bool) -> None:
        self.masks_text = masks_text
        self.keeps_audio = keeps_audio
        self._secrets: frozenset[str] = frozenset()

    def learn(self, secret: str) -> None:
        """From now on hides this key wherever it occurs."""
        if len(secret) >= _SHORTEST_SECRET:
            self._secrets |= {secret, json.dumps(secret)[1:-1]}

    def line(self, text: str) -> str:
        """A line of a tape, without the keys that were seen."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def heard(self, content: Mapping[str, Any]) -> Any:
        """A content as a tape of it would have it, to compare it with one that was recorded."""
        return json.loads(self.line(json_text(comparable(content))))

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The headers that a tape keeps, by their names in lower case. Learns the keys in the others."""
        kept: dict[str, str] = {}
        for spelled, value in headers:
            name = spelled.lower()
            if name in {"authorization", "proxy-authorization"}:
                self.learn(value.rpartition(" ")[2])
            elif name == "sec-websocket-protocol":
                for part in value.split(","):
                    if part.strip() != KEY_PROTOCOL:
                        self.learn(part.strip())
            elif _HEADERS.fullmatch(name):
                kept[name] = value.partition("; boundary=")[0]
        return kept

    def target(self, path: str, query: str) -> str:
        """A path with its query."""
        for name, _, value in (part.partition("=") for part in query.split("&")):
            if _PARAMETER.fullmatch(f"{name}=x"):
                self.learn(unquote(value))
        query = _PARAMETER.sub(rf"\1={HIDDEN}", query)
        if self.masks_text:
            query = _TEXT_PARAMETER.sub(lambda found: f"{found[1]}={_masked_part(found[2])}", query)
        return f"{path}?{query}" if query else path

    def text(self, text: str) -> dict[str, Any]:
        """The content of a text message, or of a body that is text."""
        try:
            return {"json": self.json(json.loads(text))}
        except (ValueError, RecursionError):
            shown = _NAMED_SECRET.sub(rf"\1{HIDDEN}", text)
            return {"text": _masked(shown) if self.masks_text else shown}

    def binary(self, data: bytes) -> dict[str, Any]:
        """The content of a binary message, or of a body that is audio."""
        if data.startswith(b"{"):  # Some clients send their start message as a binary one, and so the key.
            found = self.text(data.decode(errors="replace"))
            if "json" in found:
                return {**found, "binary": True}
        return {"bytes": len(data), **({"base64": base64.b64encode(data).decode()} if self.keeps_audio else {})}

    def json(self, value: object, name: str = "", *, in_text: bool = False) -> Any:
        """A JSON value.

        Args:
            value: The value.
            name: Of the field that it is in.
            in_text: Whether an outer field holds texts.
        """
        in_text = in_text or name in _TEXTS
        if name.lower() in _SECRETS and value not in (None, ""):
            self.learn(str(value))
            return HIDDEN
        if isinstance(value, dict):
            fields = cast("Mapping[str, object]", value).items()
            return {key: self.json(inner, key, in_text=in_text) for key, inner in fields}
        if isinstance(value, list):
            return [self.json(inner, name, in_text=in_text) for inner in cast("list[object]", value)]
        if not isinstance(value, str):
            return value
        if name in _URLS:
            value = _without_secrets(value, masks_text=self.masks_text)
        if name == "audio" and value and not self.keeps_audio:
            return {"bytes": len(value) * 3 // 4 - value[-2:].count("=")}
        return _masked(value) if self.masks_text and in_text and value not in _MARKS else value


KEY_PROTOCOL = "soniox-api-key"
"""The sub-protocol that stands in the client's list beside the key."""


def _masked(text: str) -> str:
    """The same number of characters, of which only marks and spaces are as they were."""
    return "".join(
        ("X" if letter.isupper() else "x") if letter.isalpha() else "0" if letter.isdigit() else letter
        for letter in text
    )


def _masked_part(quoted: str) -> str:
    """A part of a URL, masked."""
    return quote(_masked(unquote_plus(quoted)))


def _without_secrets(url: str, *, masks_text: bool) -> str:
    """A URL without credentials, and without its query, which may be a signature. Its path may name people."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    hidden = f"?{HIDDEN}" if parts.query else ""
    path = _masked_part(parts.path) if masks_text else parts.path
    return f"{parts.scheme}://{host}{path}{hidden}" if host else url


def comparable(content: Mapping[str, Any]) -> object:
    """A content of a tape without what is optional, to compare it with that of a client."""
    if "json" in content:
        return _without_audio(content["json"])
    if "form" in content:
        return {part["name"]: comparable(part) for part in content["form"]}
    return {name: content[name] for name in ("text", "filename", "bytes") if name in content}


def _without_audio(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {name: _audio_bytes(inner) if name == "audio" else _without_audio(inner) for name, inner in fields}
    return [_without_audio(inner) for inner in cast("list[object]", value)] if isinstance(value, list) else value


def _audio_bytes(value: Any) -> Any:
    return {"bytes": len(value) * 3 // 4 - value[-2:].count("=")} if isinstance(value, str) and value else value


def bytes_of(content: Mapping[str, Any]) -> bytes:
    """A content as bytes. Audio that was left out is zeros, of the same length."""
    if "json" in content:
        return json_text(_with_audio(content["json"])).encode()
    if "text" in content:
        return str(content["text"]).encode()
    if "base64" in content:
        return base64.b64decode(content["base64"])
    return bytes(content.get("bytes", 0))


def _with_audio(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _audio_of(inner) if name == "audio" else _with_audio(inner) for name, inner in fields.items()}
    return [_with_audio(inner) for inner in cast("list[object]", value)] if isinstance(value, list) else value


def _audio_of(value: object) -> Any:
    count = cast("dict[str, object]", value).get("bytes") if isinstance(value, dict) else None
    return base64.b64encode(bytes(count)).decode() if isinstance(count, int) else cast("Any", value)
