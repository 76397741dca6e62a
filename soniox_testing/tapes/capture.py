"""Bodies of HTTP, captured for a tape while they pass through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

if TYPE_CHECKING:
    from .content import Cleaner

_MAX_KEPT_BYTES = 64 * 1024 * 1024


def capture_of(content_type: str | None, cleaner: Cleaner) -> Capture:
    """Captures a body of this type."""
    kind, options = parse_options_header(content_type)
    if kind == "multipart/form-data" and options.get("boundary"):
        return _FormCapture(cleaner, options["boundary"])
    is_text = kind.startswith("text/") or kind.endswith("json") or kind == "application/x-www-form-urlencoded"
    return Capture(cleaner, is_text=is_text)


class Capture:
    """A body in one piece.

    Args:
        cleaner: Removes keys.
        is_text: Whether it is text; audio is only counted unless it is to be kept.
    """

    def __init__(self, cleaner: Cleaner, *, is_text: bool) -> None:
        self._cleaner = cleaner
        self._is_text = is_text
        self._keeps = is_text or cleaner.keeps_audio
        self._size: int = 0
        self._kept = bytearray()

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        self._keeps &= self._size <= _MAX_KEPT_BYTES
        if self._keeps:
            self._kept += data

    @property
    def kept_text(self) -> str:
        """What was kept, as text."""
        return self._kept.decode(errors="replace")

    def content(self) -> dict[str, Any]:
        """The body as a tape has it; empty if there was none."""
        if not self._size:
            return {}
        if not self._keeps:
            return {"bytes": self._size}
        if self._is_text:
            return self._cleaner.text(self.kept_text)
        return self._cleaner.binary(bytes(self._kept))


class _FormCapture(Capture):
    """The parts of a multipart/form-data body, each on its own."""

    def __init__(self, cleaner: Cleaner, boundary: str) -> None:
        super().__init__(cleaner, is_text=False)
        self._decoder: MultipartDecoder | None = MultipartDecoder(boundary.encode("latin-1"))
        self._parts: list[tuple[dict[str, Any], Capture]] = []

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        if self._decoder is None:
            return
        try:
            self._decoder.receive_data(data)
            while not isinstance(event := self._decoder.next_event(), (NeedData, Epilogue)):
                self._take(event)
        except (ValueError, AttributeError, AssertionError):
            self._decoder = None  # Malformed: only its length is written.

    def _take(self, event: object) -> None:
        if isinstance(event, (Field, File)):
            part = {"name": cast("str | None", event.name) or ""}
            if isinstance(event, File):
                part |= cast("dict[str, str]", self._cleaner.json({"filename": event.filename or ""}))
            self._parts.append((part, Capture(self._cleaner, is_text=isinstance(event, Field))))
        elif isinstance(event, Data):
            self._parts[-1][1].feed(event.data)

    def content(self) -> dict[str, Any]:
        """The parts as a tape has them."""
        if self._decoder is None:
            return {"bytes": self._size}
        return {"form": [{**part, **self._content_of(part, capture)} for part, capture in self._parts]}

    def _content_of(self, part: dict[str, Any], capture: Capture) -> dict[str, Any]:
        if "filename" in part:
            return capture.content() or {"bytes": 0}
        # As a field of a JSON body, so that the same fields are hidden.
        return {"text": self._cleaner.json(capture.kept_text, part["name"])}
