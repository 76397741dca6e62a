"""Responses whose body is read while it arrives, over threads."""

from __future__ import annotations

import http.client
import threading

from ..errors import SonioxAPIError, SonioxError
from .wire_response import MAX_WIRE_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .foreign_opener import ForeignResponse
    from .messages import Response
    from .wire_response import WireResponse

# The size of a response's read buffer. A block is handed out as soon as any bytes have arrived.
_BLOCK_SIZE = 64 * 1024
_CLOSED = "the response was closed while it was read"


class ResponseStream:
    """A response and the unread rest of its body. It closes itself when it is garbage collected.

    One thread reads; any thread may close it, which ends the transfer at once.

    Attributes:
        response: The head of the response; the whole response if it was read before.
    """

    _wire: Any = None  # So that __del__ works when __init__ raised.

    def __init__(
        self,
        response: Response,
        wire: WireResponse | ForeignResponse | None = None,
        *,
        failure: Callable[[Exception], Exception] = Exception,
        authorization: str = "",
    ) -> None:
        """Takes over a response.

        Args:
            response: Its head, or the whole response.
            wire: The connection's side of the response, from which the body is read; None for a whole response. If
                that was successful, its content is the stream's only block.
            failure: Returns the error to raise for one that reading from ``wire`` raised.
            authorization: Value of the ``Authorization`` header, whose key is removed from what the service sent.
        """
        self.response = response
        self._wire = wire
        self._failure = failure
        self._authorization = authorization
        self._count = 0
        # Held while a thread reads.
        self._reading = threading.Lock()
        self._closed = wire is None and not response.is_success

    def __del__(self) -> None:
        # The caller may stop iterating anywhere, and the pool refers to connections that are in use.
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to read."""
        return self._closed

    def read(self) -> bytes:
        """The next bytes as soon as there are any; empty at the end, and after ``close()``.

        Raises:
            SonioxConnectionError: The response was cut off.
            SonioxTimeoutError: The response stopped, or came in too slowly.
            SonioxAPIError: The response is too large, or reports an error after its body.
            SonioxError: The stream, or the client, was closed meanwhile.
        """
        if self._closed:
            return b""
        if self._wire is None:
            self._closed = True
            return self.response.content
        with self._reading:
            try:
                block = self._read()
            except BaseException:
                self._closed = True
                self._wire.close()
                raise
        if self._closed:
            self.close()
            raise SonioxError(_CLOSED)
        if not block:
            self.close()
        return block

    def copy_to(self, write: Callable[[bytes], object]) -> None:
        """Passes the rest of the body to ``write``, block by block as it arrives. Raises as :meth:`read`."""
        while block := self.read():
            write(block)

    def close(self) -> None:
        """Ends the transfer; a connection with unread bytes is closed. Later calls do nothing."""
        self._closed = True
        if self._wire is None:
            return
        if not self._reading.acquire(blocking=False):
            # This ends the read of the other thread, which then closes the response.
            self._wire.abort()
            return
        try:
            self._wire.close()
        finally:
            self._reading.release()

    def _read(self) -> bytes:
        try:
            block: bytes = self._wire.read1(_BLOCK_SIZE)
            if not block:
                # http.client counts the missing bytes here, but raises nothing.
                if missing := self._wire.length:
                    raise http.client.IncompleteRead(b"", missing)
                # Not every Python version notices the end of the body in read1().
                self._wire.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if self._closed:
                raise SonioxError(_CLOSED) from None
            raise self._failure(error) from error
        self._count += len(block)
        if self._count > MAX_WIRE_BYTES:
            raise SonioxAPIError(f"the response is larger than {MAX_WIRE_BYTES} bytes", response=self.response)
        if not block and self._wire.trailers:
            from .error_responses import error_of_trailers  # noqa: PLC0415 - rare

            if (late_error := error_of_trailers(self._wire.trailers, self._authorization)) is not None:
                raise late_error
        return block
