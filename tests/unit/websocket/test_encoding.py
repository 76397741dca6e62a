"""Frames as a server finds them."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, Ping

from soniox_lite._websocket.frames import BINARY, PING, encode_frame

SIZES = st.sampled_from([0, 1, 124, 125, 126, 127, 128, 3840, 65534, 65535, 65536, 65537])
PAYLOADS = st.one_of(st.binary(max_size=300), SIZES.map(lambda size: bytes(i % 251 for i in range(size))))


@given(st.lists(PAYLOADS, min_size=1, max_size=4))
def test_a_server_finds_what_was_sent(payloads: list[bytes]) -> None:
    server = Connection(ConnectionType.SERVER)
    for payload in payloads:
        server.receive_data(bytes(encode_frame(BINARY, payload)))
    events = list(server.events())
    assert all(isinstance(event, BytesMessage) and event.message_finished for event in events)
    assert [bytes(event.data) for event in events if isinstance(event, BytesMessage)] == payloads


def test_control_frames_are_masked_too() -> None:
    server = Connection(ConnectionType.SERVER)
    server.receive_data(bytes(encode_frame(PING, b"still there?")))
    (event,) = server.events()
    assert isinstance(event, Ping)
    assert event.payload == b"still there?"


def test_each_frame_has_a_fresh_key_of_four_random_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter([b"\x00\x00\x00\x00", b"\x01\x02\x04\xff"])
    asked: list[int] = []

    def urandom(size: int) -> bytes:
        asked.append(size)
        return next(keys)

    monkeypatch.setattr(os, "urandom", urandom)
    assert encode_frame(BINARY, b"abcde") == b"\x82\x85\x00\x00\x00\x00abcde"
    assert encode_frame(BINARY, b"abcde") == b"\x82\x85\x01\x02\x04\xff\x60\x60\x67\x9b\x64"
    assert asked == [4, 4]
