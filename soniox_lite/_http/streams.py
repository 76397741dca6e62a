"""Replies that are handed out as they come in, over threads."""

from __future__ import annotations

import http.client
import threading

from ..errors import SonioxAPIError, SonioxError, error_class_for
from .wire_response import MAX_WIRE_BYTES, length_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .messages import Response

# As much as a reply's buffer holds. Less is handed out whenever less has come.
_BLOCK_SIZE = 64 * 1024
_CLOSED = "the reply was closed while it was read"
_STATUSES = frozenset(map(str, range(400, 600)))
_ERROR_FIELDS = ("error_code", "error_type", "error_message", "request_id")


class ReplyStream:
    """A reply, and what is still to come of its body.

    One thread reads; any thread may close it, which ends the transfer at once.

    Attributes:
        response: The whole reply where nothing is to come, else its head.
    """

    def __init__(
        self,
        response: Response,
        reply: Any = None,
        *,
        failure: Callable[[Exception], Exception] = Exception,
        mask: Callable[[str], str] = str,
    ) -> None:
        """Takes over a reply whose head was read.

        Args:
            response: What is known of it.
            reply: Where the body comes from; None where ``response`` is all.
            failure: The error for what reading from ``reply`` raises.
            mask: Removes the key from what the service says.
        """
        self.response = response
        self._reply = reply
        self._failure = failure
        self._mask = mask
        self._count = 0
        # Held by whoever reads.
        self._reading = threading.Lock()
        self._closed = reply is None

    @property
    def is_closed(self) -> bool:
        """Whether nothing is to come any more."""
        return self._closed

    def read(self) -> bytes:
        """The next bytes as soon as there are any; empty at the end, and after ``close()``.

        Raises:
            SonioxConnectionError: The reply breaks off.
            SonioxTimeoutError: It stops, or comes in too slowly.
            SonioxAPIError: It has no end, or says after its body that it failed.
            SonioxError: It, or the client, was closed meanwhile.
        """
        if self._closed:
            return b""
        with self._reading:
            try:
                block = self._read()
            except BaseException:
                self._closed = True
                self._reply.close()
                raise
        if self._closed:
            self.close()
            raise SonioxError(_CLOSED)
        if not block:
            self.close()
        return block

    def copy_to(self, write: Callable[[bytes], object]) -> None:
        """Hands everything that is still to come to ``write``, as it comes in. Raises as :meth:`read`."""
        while block := self.read():
            write(block)

    def close(self) -> None:
        """Ends the transfer; a connection with something left on it is closed. Later calls do nothing."""
        self._closed = True
        if self._reply is None:
            return
        if not self._reading.acquire(blocking=False):
            # Who reads is stopped by this, and closes. A reply of a user's own opener has to come to its end.
            abort = getattr(self._reply, "abort", None)
            if abort is not None:
                abort()
            return
        try:
            self._reply.close()
        finally:
            self._reading.release()

    def _read(self) -> bytes:
        try:
            block: bytes = getattr(self._reply, "read1", self._reply.read)(_BLOCK_SIZE)
            if not block:
                # http.client only counts here.
                if missing := length_left(self._reply):
                    raise http.client.IncompleteRead(b"", missing)
                # Not every version of it sees the end while it reads like this.
                self._reply.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if self._closed:
                raise SonioxError(_CLOSED) from None
            raise self._failure(error) from error
        self._count += len(block)
        if self._count > MAX_WIRE_BYTES:
            raise SonioxAPIError(f"the reply is larger than {MAX_WIRE_BYTES} bytes", response=self.response)
        if not block:
            self._check_trailers()
        return block

    def _check_trailers(self) -> None:
        """Raises what the service says after a body that its status could not know of.

        That it does is documented, the names are not: anything that looks like a field of an error counts.
        """
        found: dict[str, str] = {}
        for name, value in getattr(self._reply, "trailers", ()):
            plain = name.lower().replace("-", "_")
            for field in _ERROR_FIELDS:
                if plain.endswith(field):
                    found[field] = value
        if found.keys() - {"request_id"}:
            raise _error_of({name: self._mask(value) for name, value in found.items()})


class OpenReplyStream(ReplyStream):
    """One with something to come, which closes itself when it is forgotten."""

    # A class of its own, because Python loses a Ctrl-C that comes while any finalizer runs, and here nearly all
    # replies come whole.
    _reply: Any = None  # Should __init__ not come to its end.

    def __del__(self) -> None:
        # Iterating may end anywhere, and the pool knows connections that are in use.
        self.close()


def _error_of(fields: dict[str, str]) -> SonioxAPIError:
    from ..types.errors import ApiError  # noqa: PLC0415 - as rare as a failure that comes this late

    code = fields.get("error_code", "")
    status = int(code) if code in _STATUSES else 500
    error = ApiError(
        status_code=status,
        error_type=fields.get("error_type") or "api_error",
        message=fields.get("error_message") or "the service failed while it answered",
        request_id=fields.get("request_id"),
    )
    # Without the reply, whose status says that all is well.
    return error_class_for(status, error.error_type)(error.message, api_error=error)
