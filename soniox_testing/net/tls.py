"""A certificate for tests over ``https`` and ``wss``, made by trustme.

Its key never leaves this process. Only clients that are given its CA file trust it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import tempfile
import weakref
from typing import Any


class Certificate:
    """A new certificate authority, and a certificate of it for ``localhost``, ``127.0.0.1`` and ``::1``.

    The CA file is deleted when this object is garbage-collected.

    Args:
        host: A further name or address that the certificate is for.

    Raises:
        RuntimeError: trustme is not installed.
    """

    def __init__(self, host: str) -> None:
        try:
            import trustme  # noqa: PLC0415 - optional, and it brings cryptography along
        except ImportError as error:
            raise RuntimeError('TLS needs trustme: pip install "soniox-lite[testing-tls]"') from error
        authority = trustme.CA()
        names = dict.fromkeys(("localhost", "127.0.0.1", "::1", host))
        self.server_context: ssl.SSLContext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_context.sslsocket_class = ServerSocket
        leaf = authority.issue_cert(*names)
        leaf.configure_cert(self.server_context)  # pyright: ignore[reportUnknownMemberType] - names pyOpenSSL as well
        self.ca_file: str
        descriptor, self.ca_file = tempfile.mkstemp(prefix="fake-soniox-ca-", suffix=".pem")
        weakref.finalize(self, _remove, self.ca_file)
        with open(descriptor, "wb") as file:
            file.write(authority.cert_pem.bytes())

    def client_context(self) -> ssl.SSLContext:
        """A new context for clients that trusts only this certificate authority."""
        return ssl.create_default_context(cafile=self.ca_file)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


class ServerSocket(ssl.SSLSocket):
    """The server's side of a TLS connection, with the interface of a plain socket.

    A non-blocking TLS socket raises its own errors where a plain one raises ``BlockingIOError``. Its ``shutdown``,
    called from another thread, would let the reading thread go on in plain text.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As for a plain socket."""
        with _plain_errors():
            return super().recv(buflen, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """As for a plain socket."""
        with _plain_errors():
            return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        """As for a plain socket."""
        with _plain_errors():
            return super().send(data, flags)

    def shutdown(self, how: int) -> None:
        """As for a plain socket."""
        socket.socket.shutdown(self, how)

    def say_goodbye(self) -> None:
        """Sends TLS close_notify, if that is possible without waiting."""
        with contextlib.suppress(OSError, ValueError):
            self.settimeout(0)
            self.unwrap()


@contextlib.contextmanager
def _plain_errors() -> Any:
    try:
        yield
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
        raise BlockingIOError(errno.EAGAIN, "it would block") from error
