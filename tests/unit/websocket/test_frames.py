"""Frames, however the bytes arrive."""

from __future__ import annotations

import struct
import time
import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from soniox_lite._websocket.frames import BINARY, CLOSE, PING, PONG, TEXT, FrameError, FrameParser, parse_close
from tests.support.ws_server import frame

from ...support.tables import each_row

LIMIT = 200_000
SIZES = st.sampled_from([0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537])
CONTROLS = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))
PAYLOADS = st.one_of(st.binary(max_size=300), SIZES.map(lambda size: bytes(i % 251 for i in range(size))))
# A message in fragments, with control frames between them.
MESSAGES = st.tuples(
    st.sampled_from([TEXT, BINARY]),
    st.lists(st.tuples(PAYLOADS, st.lists(CONTROLS, max_size=2)), min_size=1, max_size=4),
)


def encode(kind: int, fragments: list[tuple[bytes, list[tuple[int, bytes]]]], server: Connection) -> bytes:
    """A message as a server sends it, by wsproto."""
    data = b""
    for number, (payload, controls) in enumerate(fragments):
        last = number == len(fragments) - 1
        if kind == TEXT:
            data += server.send(TextMessage(payload.hex(), message_finished=last))
        else:
            data += server.send(BytesMessage(payload, message_finished=last))
        for opcode, content in controls:
            data += server.send(Ping(content) if opcode == PING else Pong(content))
    return data


def expected(kind: int, fragments: list[tuple[bytes, list[tuple[int, bytes]]]]) -> list[tuple[int, bytes]]:
    """What a reader must make of it."""
    found: list[tuple[int, bytes]] = []
    for _, controls in fragments[:-1]:
        found += controls
    parts = [payload.hex().encode() if kind == TEXT else payload for payload, _ in fragments]
    return [*found, (kind, b"".join(parts)), *fragments[-1][1]]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes in pieces."""
    ends = sorted({position % (len(data) + 1) for position in cuts} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=150, deadline=None)
@given(
    messages=st.lists(MESSAGES, max_size=4),
    closing=st.one_of(st.none(), st.tuples(st.sampled_from([1000, 1001, 1011, 4000]), st.text(max_size=30))),
    cuts=st.lists(st.integers(0, 1_000_000), max_size=20),
)
def test_any_cutting_of_any_frames_gives_the_same_messages(
    messages: list[tuple[int, list[tuple[bytes, list[tuple[int, bytes]]]]]],
    closing: tuple[int, str] | None,
    cuts: list[int],
) -> None:
    server = Connection(ConnectionType.SERVER)
    data = b"".join(encode(kind, fragments, server) for kind, fragments in messages)
    wanted = [item for kind, fragments in messages for item in expected(kind, fragments)]
    if closing is not None:
        data += server.send(CloseConnection(code=CloseReason(closing[0]) if closing[0] < 4000 else closing[0],
                                            reason=closing[1]))  # fmt: skip
    reader = FrameParser(2 * LIMIT * 4)
    found = [item for piece in cut(data, cuts) for item in reader.feed(piece)]
    if closing is not None:
        opcode, payload = found.pop()
        assert opcode == CLOSE
        assert parse_close(payload) == closing
    assert found == wanted


@each_row("size", [0, 1, 125, 126, 127, 65535, 65536])
def test_every_length_byte_by_byte(size: int) -> None:
    payload = bytes(number % 256 for number in range(size))
    reader = FrameParser(LIMIT)
    data = frame(BINARY, payload)
    found = [item for position in range(len(data)) for item in reader.feed(data[position : position + 1])]
    assert found == [(BINARY, payload)]


@each_row("size", [125, 126, 300, 65536])
@each_row("cut_at", [1, 2, 3, 9])
def test_a_head_that_is_cut_behind_another_message(cut_at: int, size: int) -> None:
    before, after = frame(TEXT, b"x" * 1000), frame(BINARY, bytes(size))
    parser = FrameParser(LIMIT)

    assert list(parser.feed(before + after[:cut_at])) == [(TEXT, b"x" * 1000)]
    assert list(parser.feed(after[cut_at:])) == [(BINARY, bytes(size))]


BAD = {
    "reserved bits": (frame(TEXT, b"x", reserved=1), 1002),
    "compressed": (frame(TEXT, b"x", reserved=4), 1002),
    "masked": (frame(TEXT, b"x", masked=True), 1002),
    "masked, of a long kind": (b"\x81\xfe", 1002),
    "unknown data opcode": (frame(0x3), 1002),
    "unknown control opcode": (frame(0xB), 1002),
    "a ping in fragments": (frame(PING, final=False), 1002),
    "a ping that is too long": (frame(PING, bytes(126)), 1002),
    "a continuation of nothing": (frame(0x0, b"x"), 1002),
    "a message within another": (frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), 1002),
    "a message that is too big": (frame(BINARY, bytes(1025)), 1009),
    "too big in fragments": (frame(BINARY, bytes(600), final=False) + frame(0x0, bytes(600)), 1009),
    "too big by its head alone": (b"\x82\x7f" + struct.pack("!Q", 1 << 40), 1009),
    "larger than any": (b"\x82\x7f" + b"\xff" * 8, 1009),
}


@each_row("name", BAD)
@each_row("step", [1, 1_000_000])
def test_a_bad_frame_is_refused_after_what_came_before_it(name: str, step: int) -> None:
    bad, code = BAD[name]
    data = frame(TEXT, b"first") + frame(PING, b"second") + bad
    reader = FrameParser(1024)
    found: list[tuple[int, bytes]] = []

    def read() -> None:
        for position in range(0, len(data), step):
            for item in reader.feed(data[position : position + step]):
                found.append(item)  # noqa: PERF402 - kept although an error comes

    with pytest.raises(FrameError) as caught:
        read()
    assert caught.value.code == code
    assert found == [(TEXT, b"first"), (PING, b"second")]


def test_a_control_frame_between_fragments_does_not_count_into_their_size() -> None:
    reader = FrameParser(1024)
    data = frame(BINARY, bytes(1000), final=False) + frame(PING, bytes(100)) + frame(0x0, bytes(24))
    assert [opcode for opcode, _ in reader.feed(data)] == [PING, BINARY]


def test_empty_fragments_take_no_memory() -> None:
    reader = FrameParser(1024)
    data = frame(TEXT, b"a", final=False) + frame(0x0, final=False) * 10_000
    tracemalloc.start()
    assert list(reader.feed(data)) == []
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10_000
    assert list(reader.feed(frame(0x0, b"b"))) == [(TEXT, b"ab")]


def test_empty_fragments_without_end_are_refused() -> None:
    reader = FrameParser(1024)
    # Per message, not in all.
    for _ in range(2):
        data = frame(TEXT, final=False) + frame(0x0, final=False) * 90_000 + frame(0x0)
        assert list(reader.feed(data)) == [(TEXT, b"")]
    with pytest.raises(FrameError, match="empty fragments") as caught:
        list(reader.feed(frame(TEXT, final=False) + frame(0x0, final=False) * 110_000))
    assert caught.value.code == 1009


@pytest.mark.parametrize("kind", ["fragments", "reads"])
def test_small_pieces_cost_no_more_memory_than_their_bytes(kind: str) -> None:
    size = 200_000
    reader = FrameParser(1 << 24)
    if kind == "fragments":
        pieces = [frame(TEXT, b"x", final=False) + frame(0x0, b"x", final=False) * (size - 1)]
    else:
        head = frame(BINARY, bytes(size + 1))[: -size - 1]
        pieces = [head, *[bytes([number % 250]) for number in range(size)]]
    tracemalloc.start()
    try:
        for piece in pieces:
            assert list(reader.feed(piece)) == []
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 * size


def test_a_large_message_is_not_copied_with_each_read() -> None:
    reader = FrameParser(1 << 24)
    data = frame(BINARY, bytes(1 << 20))
    began = time.process_time()
    for position in range(0, len(data) - 16, 16):
        assert list(reader.feed(data[position : position + 16])) == []
    # Copied each time, it would take half a minute.
    assert time.process_time() - began < 5


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 1000), max_size=5))
def test_no_bytes_do_anything_but_give_messages_or_a_frame_error(data: bytes, cuts: list[int]) -> None:
    def outcome(pieces: list[bytes]) -> tuple[list[tuple[int, bytes]], int | None]:
        reader, found = FrameParser(1024), []
        try:
            for piece in pieces:
                for item in reader.feed(piece):
                    found.append(item)  # noqa: PERF402 - kept although an error comes
        except FrameError as error:
            return found, error.code
        return found, None

    assert outcome(cut(data, cuts)) == outcome([data])


class TestCloseFrames:
    @each_row("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999])
    def test_codes_that_may_travel(self, code: int) -> None:
        assert parse_close(struct.pack("!H", code) + b"warum?") == (code, "warum?")

    @each_row("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
    def test_codes_that_must_not(self, code: int) -> None:
        with pytest.raises(FrameError) as caught:
            parse_close(struct.pack("!H", code))
        assert caught.value.code == 1002

    def test_none_is_1005_and_half_of_one_is_an_error(self) -> None:
        assert parse_close(b"") == (1005, "")
        with pytest.raises(FrameError):
            parse_close(b"\x03")

    def test_a_reason_that_is_not_utf_8(self) -> None:
        with pytest.raises(FrameError) as caught:
            parse_close(struct.pack("!H", 1000) + b"\xff")
        assert caught.value.code == 1007


def test_a_message_may_have_a_hundred_thousand_empty_fragments_and_no_more() -> None:
    reader = FrameParser(1024)
    most = frame(TEXT, b"a", final=False) + frame(0x0, final=False) * 100_000 + frame(0x0, b"b")
    assert list(reader.feed(most)) == [(TEXT, b"ab")]
    with pytest.raises(FrameError, match="fragments"):
        list(reader.feed(frame(TEXT, b"a", final=False) + frame(0x0, final=False) * 100_001 + frame(0x0, b"b")))
