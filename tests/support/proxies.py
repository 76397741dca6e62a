"""Proxies as steps of a :class:`RawServer`, which records what they were told."""

from __future__ import annotations

import base64
import contextlib
import http.client
import selectors
import socket
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from .raw_server import PATIENCE_SEC, Connection, HungUpError, http_reply

if TYPE_CHECKING:
    from .raw_server import Step


def basic(credentials: str) -> str:
    """The header's value for ``user:password``."""
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def tunnel(credentials: str | None = None) -> Step:
    """Answers CONNECT and passes bytes both ways; 407 without the credentials."""

    def step(connection: Connection) -> None:
        request = connection.request
        assert request.method == "CONNECT", request.head
        if credentials is not None and request.headers.get("proxy-authorization") != basic(credentials):
            connection.send(http_reply(b"who are you?", "407 Proxy Authentication Required"))
            connection.close()
            return
        host, _, port = request.target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), PATIENCE_SEC) as origin:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pass_on(connection.sock, origin)
        raise HungUpError

    return step


def forward(credentials: str | None = None) -> Step:
    """Fetches what is asked for by its whole URL; 407 without the credentials."""

    def step(connection: Connection) -> None:
        request = connection.request
        body = connection.read_body()
        if credentials is not None and request.headers.get("proxy-authorization") != basic(credentials):
            connection.send(http_reply(b"who are you?", "407 Proxy Authentication Required"))
            return
        url = urlsplit(request.target)
        assert url.hostname, request.head
        kept = {name: value for name, value in request.headers.items() if not name.startswith("proxy-")}
        origin = http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE_SEC)
        with contextlib.closing(origin):
            origin.request(request.method, f"{url.path}?{url.query}" if url.query else url.path, body, kept)
            answer = origin.getresponse()
            fields = [f"{name}: {value}" for name, value in answer.getheaders() if name == "Location"]
            connection.send(http_reply(answer.read(), f"{answer.status} {answer.reason}", *fields))

    return step


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Passes bytes both ways until both sides have ended theirs."""
    # On one thread: before Python 3.13, a TLS socket must not read and write on two threads at once.
    targets = {one: other, other: one}
    with contextlib.suppress(OSError), selectors.DefaultSelector() as selector:
        for source in targets:
            selector.register(source, selectors.EVENT_READ)
        while selector.get_map() and (ready := selector.select(PATIENCE_SEC)):
            for key, _ in ready:
                source = cast("socket.socket", key.fileobj)
                # A whole TLS record: what was left of it in the TLS object would not make the socket readable.
                if block := source.recv(64 * 1024):
                    targets[source].sendall(block)
                else:
                    selector.unregister(source)
                    targets[source].shutdown(socket.SHUT_WR)
