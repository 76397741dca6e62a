"""TLS to a server inside of TLS to a proxy, as a socket."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import trustme

from soniox_lite._net.addresses import resolve
from soniox_lite._net.proxies import Proxy
from soniox_lite._net.route import Route
from soniox_lite._net.tcp import wait_ready
from tests.support.proxies import tunnel
from tests.support.raw_server import PATIENCE_SEC, RawServer
from tests.support.ws_server import Peer, WsServer

BLOCK = bytes(range(256)) * 256


def test_what_a_full_connection_refused_is_sent_once_and_a_break_is_the_end() -> None:
    authority, server_side = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client_side)
    full, expected, arrived = threading.Event(), 0, []

    def read_late(connection: Peer) -> None:
        assert full.wait(PATIENCE_SEC)
        while sum(map(len, arrived)) < expected:
            arrived.append(connection.receive_bytes())
        # Without the message by which TLS says that this is the end.
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
        connection.sock.close()

    with (
        WsServer(read_late, tls=server_side) as server,
        RawServer(then=tunnel(), tls=server_side) as proxy,
    ):
        host, port = server.address.split(":")
        route = Route(host, int(port), Proxy(proxy.url), secure=True, tunnelled=True, tls_context=lambda: client_side)
        with route.connect(resolve(*route.first_hop), time.monotonic() + PATIENCE_SEC, lambda _: None) as sock:
            sock.setblocking(False)
            while not full.is_set():
                try:
                    expected += sock.send(BLOCK)
                except ssl.SSLWantWriteError:
                    expected += len(BLOCK)
                    full.set()
            while True:
                try:
                    assert sock.send(BLOCK) == len(BLOCK)
                    break
                except ssl.SSLWantWriteError:
                    wait_ready(sock, for_read=False, for_write=True, timeout_sec=PATIENCE_SEC)
            sock.settimeout(PATIENCE_SEC)
            assert sock.recv(1) == b""
    assert b"".join(arrived) == BLOCK * (expected // len(BLOCK))
