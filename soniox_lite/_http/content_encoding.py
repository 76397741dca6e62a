"""Decoding compressed bodies. Requests ask for none, but some servers and proxies compress all the same."""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A small compressed body may become a thousand times as large, so this limit counts the decompressed bytes.
MAX_DECODED_BYTES = 16 * 1024 * 1024


class UnreadableBodyError(Exception):
    """A body that is too large or cannot be decoded.

    Attributes:
        beginning: The usable part of the body.
    """

    def __init__(self, problem: str, beginning: bytes = b"") -> None:
        super().__init__(problem)
        self.beginning = beginning


def encoding_of(headers: Any) -> str:
    """The content coding of a body in lower case; empty if it is not compressed."""
    encoding: str = headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def decompress(content: bytes, encoding: str) -> bytes:
    """The decompressed body.

    Raises:
        UnreadableBodyError: The coding is unknown, or the body is damaged, cut off or too large.
    """
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise UnreadableBodyError("the response is compressed in a way that was not asked for")
    # 32 accepts a gzip or a zlib header. Some servers send "deflate" without either.
    is_raw = encoding == "deflate" and content[:1] and content[0] & 0x0F != 8
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS if is_raw else zlib.MAX_WBITS | 32)
    try:
        result = decompressor.decompress(content, MAX_DECODED_BYTES + 1)
    except zlib.error:
        raise UnreadableBodyError(f"the response claims to be {encoding} but is not") from None
    if len(result) > MAX_DECODED_BYTES:
        raise UnreadableBodyError(f"the response, decompressed, is larger than {MAX_DECODED_BYTES} bytes")
    if not decompressor.eof:
        raise UnreadableBodyError("the response's compressed body is cut off")
    if decompressor.unused_data:
        raise UnreadableBodyError("the response's compressed body is followed by something else")
    return result
