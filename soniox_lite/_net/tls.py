"""The TLS handshake, over TCP or inside the TLS connection to a proxy."""

from __future__ import annotations

import contextlib
import ssl

from .._data.clock import time
from .._lazy import loading
from .certificates import use_all_certificates_next_time
from .tcp import remaining_sec, step_without_blocking

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
    opened: Callable[[socket.socket], object],
) -> ssl.SSLSocket:
    """Takes over a connection, does the TLS handshake on it and checks that the certificate is the host's.

    Args:
        sock: Connected. If it is a TLS socket already, the new TLS connection runs inside the old one.
        host: The server's name or address. A dot at the end, which only the resolver needs, is left out.
        context: Holds the certificates to trust.
        deadline: When to give up, as ``time.monotonic()`` counts.
        opened: As for :func:`open_socket`.

    Raises:
        OSError: The handshake failed; the connection is closed.
    """
    text = host.removesuffix(".")
    # For a str, Python loads the tables of international names. gevent's contexts take no bytes.
    name = text.encode("ascii") if text.isascii() and type(context).__module__ == "ssl" else text
    if isinstance(sock, ssl.SSLSocket):
        secured: ssl.SSLSocket = _nested(sock, name, context)
    else:
        # In two steps: while the handshake runs, the socket can be shut down through ``opened``.
        secured = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    try:
        opened(secured)
        step_without_blocking(secured, remaining_sec(deadline), _shake_hands, secured)
        secured.setblocking(True)  # noqa: FBT003 - also ends eventlet's own mark
    except ssl.SSLCertVerificationError as error:
        secured.close()
        use_all_certificates_next_time(context, error)
        raise
    except BaseException:
        secured.close()
        raise
    return secured


def _shake_hands(sock: ssl.SSLSocket) -> None:
    # OpenSSL has locks of its own, which a fork during the handshake would leave locked in the child.
    with loading:
        sock.do_handshake()


class _NestedTls(ssl.SSLSocket):
    """TLS to a server inside the TLS connection to a proxy. Inherited methods use the outer connection.

    Python's own ``wrap_socket`` takes over the descriptor of a TLS socket, and so would bypass its TLS.
    """

    _inner: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    # Records of the inner TLS that the outer one has not accepted yet.
    _unsent = b""
    # How many bytes of the caller they contain.
    _accepted = 0

    def do_handshake(self, block: bool = False) -> None:  # noqa: ARG002 - as inherited
        self._until_done(self._inner.do_handshake)
        self._flush()

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:  # noqa: ARG002 - as inherited
        try:
            return self._until_done(self._inner.read, buflen)
        except ssl.SSLEOFError:
            return b""  # As Python's TLS sockets do.

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: ARG002 - as inherited
        try:
            # With a buffer, read() returns a number, which its type does not say.
            count: Any = self._until_done(self._inner.read, nbytes or len(buffer), buffer)
        except ssl.SSLEOFError:
            return 0
        return int(count)

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: ARG002 - as inherited
        # As with any non-blocking TLS socket: after SSLWantWriteError, the caller repeats the call with the same bytes.
        # They are encrypted already, and must not be again.
        if not self._accepted:
            self._accepted = self._until_done(self._inner.write, data)
        self._flush()
        accepted, self._accepted = self._accepted, 0
        return accepted

    def pending(self) -> int:
        return self._inner.pending() + self._incoming.pending + super().pending()

    def _until_done(self, step: Callable[..., T], *args: Any) -> T:
        timeout = self.gettimeout()
        # One deadline for all reads of the outer TLS that the step needs; None for a non-blocking socket.
        deadline = time.monotonic() + timeout if timeout else None
        try:
            while True:
                try:
                    return step(*args)
                except ssl.SSLWantReadError:
                    # Unsent records must not keep this side from reading.
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
    # The class of the existing object is changed, so that it can be used wherever a TLS socket can.
    nested.__class__ = _NestedTls
    nested._incoming, nested._outgoing, nested._inner = incoming, outgoing, inner
    result: _NestedTls = nested
    return result
