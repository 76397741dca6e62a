"""TLS over a connection, and inside the TLS of a proxy."""

from __future__ import annotations

import contextlib
import ssl

from .._data.clock import time
from .network import certificate_was_refused
from .tcp import remaining_sec

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

_READ_SIZE = 64 * 1024


def start_tls(
    sock: socket.socket,
    host: str,
    context: ssl.SSLContext,
    deadline: float,
    opened: Callable[[socket.socket], object] | None = None,
) -> ssl.SSLSocket:
    """Takes over a connection and makes it speak TLS, whose server must prove that it is the host.

    Args:
        sock: Connected. If TLS is spoken on it already, the new one is inside of that.
        host: A dot at its end, which makes a name absolute for the resolver, is no part of the name here.
        context: Says whom to trust.
        deadline: When to give up, as ``time.monotonic()`` counts.
        opened: As for :func:`open_socket`.

    Raises:
        OSError: The handshake failed; the connection is closed.
    """
    # For a str, Python loads the tables of international names.
    name = host.removesuffix(".").encode("ascii") if host.isascii() else host.removesuffix(".")
    if isinstance(sock, ssl.SSLSocket):
        secured: ssl.SSLSocket = _nested(sock, name, context)
    else:
        # In two steps, so that a handshake that hangs can be broken.
        secured = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    try:
        if opened is not None:
            opened(secured)
        secured.settimeout(remaining_sec(deadline))
        secured.do_handshake()
    except ssl.SSLCertVerificationError as error:
        secured.close()
        certificate_was_refused(context, error)
        raise
    except BaseException:
        secured.close()
        raise
    return secured


class _NestedTls(ssl.SSLSocket):
    """TLS inside the TLS of a proxy. What is inherited speaks to the proxy; what is here, to the server behind it.

    Python's own ``wrap_socket`` takes the descriptor of what it is given, and so would pass by the TLS on it.
    """

    _inner: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    # Of what the inner TLS has to say, the part that the outer one did not take yet.
    _unsent = b""
    # How many bytes of the caller's are in there.
    _accepted = 0

    def do_handshake(self, block: bool = False) -> None:  # noqa: ARG002 - as inherited
        self._until_done(self._inner.do_handshake)
        self._flush()

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:  # noqa: ARG002 - as inherited
        try:
            return self._until_done(self._inner.read, buflen)
        except ssl.SSLEOFError:
            return b""  # As TLS sockets of Python's own.

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: ARG002 - as inherited
        try:
            # Typed as giving bytes, but with a buffer it gives their number.
            count: Any = self._until_done(self._inner.read, nbytes or len(buffer), buffer)
        except ssl.SSLEOFError:
            return 0
        return int(count)

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: ARG002 - as inherited
        # As with any TLS socket that does not block: after SSLWantWriteError, the call is to be repeated with the same
        # bytes, which are encrypted already.
        if not self._accepted:
            self._accepted = self._until_done(self._inner.write, data)
        self._flush()
        accepted, self._accepted = self._accepted, 0
        return accepted

    def pending(self) -> int:
        return self._inner.pending() + self._incoming.pending + super().pending()

    def _until_done(self, step: Callable[..., T], *args: Any) -> T:
        timeout = self.gettimeout()
        # One time for all that the outer TLS has to bring; none where the socket does not block.
        deadline = time.monotonic() + timeout if timeout else None
        try:
            while True:
                try:
                    return step(*args)
                except ssl.SSLWantReadError:
                    # What cannot be sent now must not keep this side from reading.
                    with contextlib.suppress(ssl.SSLWantWriteError):
                        self._flush()
                if deadline is not None:
                    self.settimeout(remaining_sec(deadline))
                data = super().recv(_READ_SIZE)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
        finally:
            if deadline is not None:
                self.settimeout(timeout)

    def _flush(self) -> None:
        while self._unsent or self._outgoing.pending:
            self._unsent = self._unsent or self._outgoing.read()
            self._unsent = self._unsent[super().send(self._unsent) :]


def _nested(sock: ssl.SSLSocket, name: str | bytes, context: ssl.SSLContext) -> _NestedTls:
    nested: Any = sock
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inner = context.wrap_bio(incoming, outgoing, server_hostname=name)
    # The object stays what it is, so that all that takes a TLS socket takes this one.
    nested.__class__ = _NestedTls
    nested._incoming, nested._outgoing, nested._inner = incoming, outgoing, inner
    result: _NestedTls = nested
    return result
