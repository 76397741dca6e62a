"""Iterating over what a program gives a session to send."""

from __future__ import annotations

from .._data.json_values import is_buffer, kind_of
from ..errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Any


def chunks_of(chunks: Any) -> Generator[Any, None, None]:
    """The chunks of an iterable; bytes, and other buffers such as an array of samples, are one chunk."""
    if is_buffer(chunks):
        yield chunks
    elif hasattr(chunks, "__iter__") and not isinstance(chunks, str):
        # A loop and not `yield from`, which would close the caller's generator together with this one.
        for chunk in chunks:
            yield chunk
    else:
        raise SonioxValidationError(f"chunks must be bytes or an iterable of bytes, got {kind_of(chunks)}")


def texts_of(chunks: Iterable[str]) -> Generator[str, None, None]:
    """The texts of an iterable."""
    if not hasattr(chunks, "__iter__") or isinstance(chunks, (bytes, bytearray)):
        raise SonioxValidationError(f"chunks must be a str or an iterable of str, got {kind_of(chunks)}")
    # As above.
    for chunk in chunks:
        yield chunk
