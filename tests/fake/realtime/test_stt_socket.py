"""The WebSocket of the fake on a real port, with bare sockets and other clients."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import os
import socket
import struct
import sys
import threading
import time as real_time
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_testing import FakeSoniox, VirtualClock
from tests.fake.stt_client import START, SttClient, audio, check_error, text_of
from tests.support.insides import wait_until


@pytest.fixture(scope="module")
def shared():
    """A fake for tests that do not read its records."""
    with FakeSoniox() as server:
        yield server


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def server(clock):
    with FakeSoniox(clock=clock, key_in_start_message=True) as fake:
        yield fake


class RawClient:
    """Bytes on a socket, after a handshake."""

    def __init__(self, fake, *, headers=b"Authorization: Bearer k\r\n", early=b"", path=b"/transcribe-websocket"):
        address = urlsplit(fake.url)
        self.line = socket.create_connection((address.hostname, address.port), timeout=60)
        self.reader = self.line.makefile("rb")
        self.line.sendall(
            b"GET " + path + b" HTTP/1.1\r\nHost: anything at all\r\nOrigin: http://elsewhere\r\n"
            b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headers + b"\r\n" + early
        )
        self.status = self.reader.readline().rstrip()
        self.headers = {}
        while line := self.reader.readline().rstrip():
            name, _, value = line.partition(b": ")
            self.headers[name.lower()] = value

    def send(self, payload, *, opcode=2, final=True, mask=b"\1\2\3\4", bits=0):
        self.line.sendall(frame(payload, opcode=opcode, final=final, mask=mask, bits=bits))

    def receive(self):
        """Opcode and payload of the next frame; None at the end of the stream."""
        head = self.reader.read(2)
        if not head:
            return None
        assert head[0] & 0x80
        assert not head[1] & 0x80, "a server does not mask"
        length = head[1]
        if length == 126:
            (length,) = struct.unpack("!H", self.reader.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.reader.read(8))
        return head[0] & 0x0F, self.reader.read(length)

    def close(self):
        self.reader.close()
        self.line.close()


def frame(payload, *, opcode=2, final=True, mask=b"\1\2\3\4", bits=0):
    length = len(payload)
    if length < 126:
        size = bytes([length])
    else:
        size = b"\x7e" + struct.pack("!H", length) if length < 65_536 else b"\x7f" + struct.pack("!Q", length)
    head = bytes([(0x80 if final else 0) | bits | opcode, size[0] | (0x80 if mask else 0)]) + size[1:]
    if not mask:
        return head + payload
    repeated = (mask * (length // 4 + 1))[:length]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
    return head + mask + masked


@pytest.fixture
def raw():
    clients = []

    def make(*arguments, **settings):
        clients.append(RawClient(*arguments, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


_START = json.dumps(START).encode()
_CLOSE = frame(struct.pack("!H", 1000), opcode=8)


# The handshake


def test_the_handshake_follows_rfc_6455_and_declines_compression(shared, raw):
    client = raw(shared, headers=b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
    assert client.status.startswith(b"HTTP/1.1 101 ")
    assert client.headers[b"sec-websocket-accept"] == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert client.headers[b"upgrade"].lower() == b"websocket"
    assert b"sec-websocket-extensions" not in client.headers
    assert b"sec-websocket-protocol" not in client.headers


@pytest.mark.parametrize(
    ("headers", "selected"),
    [
        (b"Sec-WebSocket-Protocol: soniox-api-key, k\r\n", b"soniox-api-key"),
        (b"Sec-WebSocket-Protocol: soniox-api-key\r\nSec-WebSocket-Protocol: k\r\n", b"soniox-api-key"),
        (b"Sec-WebSocket-Protocol: soniox-api-key\r\n", b"soniox-api-key"),
        (b"Sec-WebSocket-Protocol: chat, k\r\n", None),
        (b"Authorization: Nonsense\r\n", None),
        (b"Authorization: Bearer a\r\nSec-WebSocket-Protocol: soniox-api-key, k\r\n", b"soniox-api-key"),
    ],
)
def test_the_upgrade_is_accepted_whatever_the_key(shared, raw, headers, selected):
    client = raw(shared, headers=headers)
    assert client.status.startswith(b"HTTP/1.1 101 ")
    assert client.headers.get(b"sec-websocket-protocol") == selected


def test_what_is_no_websocket_handshake_is_refused(shared):
    for changes, status in [
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Sec-WebSocket-Key": ""}, 400),
        ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSA="}, 400),
        ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ="}, 400),
        ({"Connection": None}, 400),
        ({"Sec-WebSocket-Protocol": "\xe4"}, 400),
        ({"Upgrade": None}, 404),
        ({"Upgrade": "h2c"}, 404),
    ]:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Authorization": "Bearer k",
            **changes,
        }
        connection = http.client.HTTPConnection(urlsplit(shared.url).netloc, timeout=60)
        connection.request(
            "GET", "/transcribe-websocket", headers={name: value for name, value in headers.items() if value}
        )
        assert connection.getresponse().status == status, changes
        connection.close()


def test_other_paths_have_no_websocket(shared, raw):
    assert raw(shared, path=b"/v1/files").status == b"HTTP/1.1 200 OK"
    assert raw(shared, path=b"/else").status == b"HTTP/1.1 404 NOT FOUND"
    assert raw(shared, path=b"/transcribe-websocket?x=1").status.startswith(b"HTTP/1.1 101 ")


def test_frames_that_come_with_the_handshake_are_not_lost(shared, raw):
    early = frame(_START, opcode=1) + frame(audio(500)) + frame(b"", opcode=1)
    client = raw(shared, early=early)
    messages = []
    while (found := client.receive())[0] == 1:
        messages.append(json.loads(found[1]))
    assert messages[-1]["total_audio_proc_ms"] == 500
    assert found == (8, struct.pack("!H", 1000))


# Frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_messages_of_every_length_arrive(server, raw, size):
    client = raw(server)
    client.send(_START, opcode=1)
    content = os.urandom(size)
    client.send(content)
    client.send(b"here", opcode=9)
    while (found := client.receive())[0] == 1:
        pass
    assert found == (10, b"here")
    assert server.session_audio(server.sessions[0].id) == content


@pytest.mark.parametrize("length", [125, 126, 127, 65_535, 65_536, 200_000])
def test_messages_of_every_length_leave(shared, length):
    client = SttClient(shared, api_key="k")
    shared.fail_next_session("internal_error", "m" * length)
    client.start()
    message = client.message()
    assert message["error_message"] == "m" * length
    client.close()


def test_a_message_may_come_in_pieces_with_a_ping_between(server, raw):
    client = raw(server)
    client.send(_START[:10], opcode=1, final=False)
    client.send(b"1", opcode=9)
    client.send(_START[10:], opcode=0)
    client.send(b"", opcode=2, final=False)
    client.send(audio(100), opcode=0, final=False)
    client.send(b"2", opcode=9)
    client.send(audio(100), opcode=0)
    client.send(b"", opcode=1)
    assert [client.receive(), client.receive()] == [(10, b"1"), (10, b"2")]
    assert json.loads(client.receive()[1])["total_audio_proc_ms"] == 200
    assert server.session_audio(server.sessions[0].id) == audio(200)


def test_a_frame_may_come_byte_by_byte(shared, raw):
    client = raw(shared)
    for byte in frame(_START, opcode=1) + frame(audio(20)) + frame(b"", opcode=1):
        client.line.sendall(bytes([byte]))
    while (found := client.receive())[0] == 1:
        pass
    assert found == (8, struct.pack("!H", 1000))


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (frame(b"x", mask=None), 1002),
        (frame(b"x", opcode=3), 1002),
        (frame(b"x", opcode=0), 1002),
        (frame(b"x", bits=0x40), 1002),
        (frame(b"x" * 126, opcode=9), 1002),
        (frame(b"x", opcode=9, final=False), 1002),
        (frame(b"x", opcode=8), 1002),
        (frame(struct.pack("!H", 1005), opcode=8), 1002),
        (frame(b"x", final=False) + frame(b"x"), 1002),
        (frame(b"\xff", opcode=1), 1007),
        (frame(b"\xc3", opcode=1), 1007),
    ],
)
def test_a_broken_frame_ends_the_connection(server, raw, broken, code):
    client = raw(server)
    client.send(_START, opcode=1)
    client.line.sendall(broken + frame(audio(1000)))
    assert client.receive() == (8, struct.pack("!H", code))
    assert client.receive() is None
    record = server.sessions[0]
    assert (record.ended, record.close_code, record.audio_bytes) == ("protocol_error", code, 0)


def test_a_message_that_is_too_big_ends_the_connection(server, raw):
    client = raw(server)
    client.send(_START, opcode=1)
    block = bytes(16 * 1024 * 1024)
    for index in range(4):
        client.send(block, opcode=0 if index else 2, final=False)
    client.send(b"x", opcode=0)
    assert client.receive() == (8, struct.pack("!H", 1009))
    assert client.receive() is None
    assert (server.sessions[0].ended, server.sessions[0].audio_bytes) == ("message_too_big", 0)


# The end


@pytest.mark.parametrize("payload", [b"", struct.pack("!H", 1000), struct.pack("!H", 4321) + b"why"])
def test_the_clients_close_is_answered(server, raw, payload):
    client = raw(server)
    client.send(_START, opcode=1)
    client.send(audio(50))
    client.send(payload, opcode=8)
    assert client.receive() == (8, payload)
    assert client.receive() is None
    code = struct.unpack("!H", payload[:2])[0] if payload else 1005
    assert (server.sessions[0].ended, server.sessions[0].close_code) == ("client_closed", code)


def test_what_comes_after_an_error_is_no_http_request(server, raw):
    client = raw(server)
    client.send(b"nonsense", opcode=1)
    error = client.receive()
    check_error(json.loads(error[1]))
    assert client.receive() == (8, struct.pack("!H", 1000))
    for _ in range(100):
        client.send(audio(100))
    client.line.sendall(_CLOSE)
    assert client.receive() is None


def test_what_comes_after_an_error_may_even_be_no_frame(server, raw):
    client = raw(server)
    client.send(b"nonsense", opcode=1)
    client.line.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
    check_error(json.loads(client.receive()[1]))
    assert client.receive() == (8, struct.pack("!H", 1000))
    assert client.receive() is None
    assert server.sessions[0].ended == "error"


def test_a_finished_session_waits_for_the_clients_close(server, raw):
    client = raw(server)
    client.send(_START, opcode=1)
    client.send(audio(20))
    client.send(b"", opcode=1)
    while client.receive()[0] == 1:
        pass
    client.send(b"late", opcode=9)
    client.line.sendall(_CLOSE)
    assert client.receive() is None
    assert server.sessions[0].ended == "finished"


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_ends_its_session(server, clock, raw, reset):
    client = raw(server)
    client.send(_START, opcode=1)
    if reset:
        client.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    clock.advance(0)
    assert (server.sessions[0].ended, server.sessions[0].close_code) == ("abandoned", None)


def test_a_client_may_close_its_own_direction(shared, raw):
    client = raw(shared, early=frame(_START, opcode=1) + frame(audio(1_200_000)) + frame(b"", opcode=1))
    client.line.shutdown(socket.SHUT_WR)
    received = b""
    while block := client.reader.read(1 << 20):
        received += block
    assert b'"finished":true}' in received[-60:]


def test_a_client_may_send_everything_before_it_reads(shared):
    client = SttClient(shared).start()
    for _ in range(20):
        client.audio(60_000)
    client.text("")
    messages, code = client.rest()
    assert sum(len(json.dumps(message)) for message in messages) > 2_000_000, "more than sockets hold"
    assert messages[-1]["total_audio_proc_ms"] == 1_200_000
    assert code == 1000
    client.close()


def test_the_stop_ends_all_sessions():
    gc.collect()
    files, threads = _open_files(), set(threading.enumerate())
    with FakeSoniox() as fake:
        clients = [SttClient(fake) for _ in range(5)]
        for client in clients[:4]:
            client.start().audio(1000).synchronize()
        fake.drop_next_session(how="stall")
        clients[4].start()
    before = real_time.monotonic()
    fake.stop()
    assert real_time.monotonic() - before < 30
    assert [record.ended for record in fake.sessions[:4]] == ["stopped"] * 4
    for client in clients:
        with contextlib.suppress(websocket.WebSocketException, OSError):
            client.rest()
        client.leave()
    assert _open_files() <= files
    assert set(threading.enumerate()) <= threads


def _open_files():
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def test_a_fake_may_be_started_again():
    fake = FakeSoniox()
    for _ in range(2):
        with fake:
            client = SttClient(fake).start().audio(100).text("")
            assert client.rest()[1] == 1000
            client.close()
    assert [record.ended for record in fake.sessions] == ["finished", "finished"]


# The time


def test_every_timer_fires_on_a_virtual_clock(server, clock):
    unknown = SttClient(server, None, header=["Authorization: Bearer snx_temp_unknown"])
    idle = SttClient(server)
    keyless = SttClient(server, None)
    started = SttClient(server).start()
    clock.advance(0.99)
    assert [record.ended for record in server.sessions] == [None] * 4
    clock.advance(0.01)
    assert unknown.error() == (401, "unauthenticated")
    clock.advance(8.98)
    assert [record.ended for record in server.sessions] == ["error", None, None, None]
    clock.advance(0.02)
    assert keyless.rest() == ([], 1001)
    started.text({"type": "keepalive"})
    clock.advance(19.98)
    assert server.sessions[3].ended is None
    clock.advance(0.02)
    assert started.error() == (408, "request_timeout")
    clock.advance(9.99)
    assert server.sessions[1].ended is None
    clock.advance(0.02)
    assert idle.rest() == ([], 1001)
    for client in (unknown, idle, keyless, started):
        client.close()


def test_a_ping_is_no_sign_of_life(server, clock):
    client = SttClient(server).start()
    clock.advance(19)
    client.synchronize()  # by a ping
    clock.advance(1)
    assert client.error() == (408, "request_timeout")
    client.close()


def test_what_was_sent_before_the_clock_moved_came_in_time(server, clock):
    client = SttClient(server).start()
    for _ in range(30):
        client.audio(100)
        clock.advance(19)
    assert server.sessions[0].ended is None
    assert server.sessions[0].audio_duration_ms == 3000
    clock.advance(1)
    assert server.sessions[0].ended == "error", "advance returns when the timers have fired"
    client.close()


def test_the_longest_session(server, clock):
    client = SttClient(server).start()
    for _ in range(18_000 // 18):
        clock.advance(18)
        if server.sessions[0].ended is None:
            client.text({"type": "keepalive"})
    messages, code = client.rest()
    assert (messages[-1]["error_code"], messages[-1]["error_type"], code) == (413, "max_duration_reached", 1000)
    client.close()


def test_a_temporary_key_from_mint_to_cap(server, clock, connect):
    rest = connect("key-a", server)
    minted = rest.post(
        "/v1/auth/temporary-api-key",
        {
            "usage_type": "transcribe_websocket",
            "expires_in_seconds": 60,
            "single_use": True,
            "max_session_duration_seconds": 30,
            "client_reference_id": "minted",
        },
    ).json["api_key"]
    client = SttClient(server, None, subprotocols=["soniox-api-key", minted]).start().audio(400)
    clock.advance(19)
    client.text({"type": "keepalive"})
    assert server.sessions[0].client_reference_id == "minted"
    assert server.sessions[0].auth == "protocol"
    clock.advance(11)
    messages, code = client.rest()
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (403, "temp_api_key_session_expired")
    assert code == 1000
    again = SttClient(server, minted).start()
    assert again.error() == (401, "unauthenticated")
    for kind, expires_sec, advance_sec in [("tts_rt", 60, 0), ("transcribe_websocket", 5, 5)]:
        payload = {"usage_type": kind, "expires_in_seconds": expires_sec}
        key = rest.post("/v1/auth/temporary-api-key", payload).json["api_key"]
        clock.advance(advance_sec)
        refused = SttClient(server, key).start()
        assert refused.error() == (401, "unauthenticated")
        refused.close()
    client.close()
    again.close()


def test_a_fast_clock_needs_no_advancing():
    with FakeSoniox(speed=400) as fake:
        before = real_time.monotonic()
        idle = SttClient(fake)
        # Forty seconds without a start message, which could come too late if there were one.
        assert idle.rest() == ([], 1001)
        assert 0.095 <= real_time.monotonic() - before < 30
        idle.close()
    with pytest.raises(ValueError, match="speed"):
        FakeSoniox(speed=0)


def test_any_clock_may_drive_the_timers(fake, time):
    client = SttClient(fake).start()
    client.synchronize()
    time.now_sec += 20
    assert client.error() == (408, "request_timeout")
    client.close()


def test_a_virtual_clock_goes_forward_only(clock):
    clock.advance(1.5)
    assert clock() == 1.5
    with pytest.raises(ValueError, match="moved on by -1"):
        clock.advance(-1)
    assert VirtualClock(7.0)() == 7.0


# Scripts, faults, records


def test_scripts_are_shared_with_jobs(connect):
    with FakeSoniox() as fake:
        fake.add_transcript("for the session", client_reference_id="s")
        fake.add_transcript("for the first session")
        fake.fail_next_job("internal_error", "only jobs fail so")
        client = SttClient(fake).start(client_reference_id="s").audio(500).text("")
        assert text_of(client.rest()[0]) == "for the session"
        client.close()
        client = SttClient(fake).start().audio(500).text("")
        assert text_of(client.rest()[0]) == "for the first session"
        client.close()


def test_a_session_is_told_to_fail(shared):
    shared.fail_next_session("organization_balance_exhausted")
    shared.fail_next_session("service_unavailable", "(code 7)", after_audio_ms=1000)
    client = SttClient(shared).start()
    assert client.error() == (402, "organization_balance_exhausted")
    client.close()
    client = SttClient(shared).start().audio(5000)
    messages, code = client.rest()
    check_error(messages[-1])
    assert (messages[-1]["error_code"], messages[-1]["error_message"], code) == (503, "(code 7)", 1000)
    assert 500 < messages[-2]["total_audio_proc_ms"] <= 1000
    client.close()


def test_a_connection_is_reset(server):
    server.drop_next_session(after_audio_ms=500)
    client = SttClient(server).start().audio(400)
    assert client.message()["tokens"]
    client.synchronize()
    client.audio(400)
    with pytest.raises(ConnectionResetError):
        client.rest()
    client.leave()
    assert server.sessions[0].ended == "dropped"


def test_a_connection_is_closed_with_any_code(server):
    server.drop_next_session(how="close:1011")
    client = SttClient(server).start()
    assert client.rest() == ([], 1011)
    client.close()


def test_a_connection_stalls(server, clock):
    server.drop_next_session(after_audio_ms=100, how="stall")
    client = SttClient(server).start().audio(200).text("")
    wait_until(lambda: [session.ended for session in server.sessions] == ["dropped"])
    clock.advance(3600)
    client.ws.ping("a ping")
    client.ws.settimeout(0.05)
    with pytest.raises(websocket.WebSocketTimeoutException):
        client.ws.recv_data(control_frame=True)
    client.leave()


def test_records_tell_what_the_client_did(server):
    client = SttClient(server, "key-b").text({"type": "keepalive"}).start(client_reference_id="mine", context=None)
    client.audio(100).text({"type": "finalize"}).text({"type": "keepalive"}).audio(60).synchronize()
    (record,) = server.sessions
    assert (record.api_key, record.auth, record.client_reference_id) == ("key-b", "header", "mine")
    assert record.config == {**START, "client_reference_id": "mine", "context": None}
    assert record.controls == ("keepalive", "finalize", "keepalive")
    assert (record.audio_bytes, record.audio_duration_ms) == (8 * 160, 160)
    assert (record.ended, record.close_code, record.error_type) == (None, None, None)
    assert server.session_audio(record.id) == audio(160)
    with pytest.raises(KeyError, match="there is no session 'other'"):
        server.session_audio("other")
    client.close()
    assert server.sessions[0].ended == "client_closed"


def test_rest_goes_on_beside_sessions(server, connect):
    rest = connect("key-a", server)
    assert rest("GET", "/v1/files").status == 200
    line = rest.connection.sock
    client = SttClient(server).start()
    assert rest("GET", "/v1/files/count").status == 200
    client.audio(100).text("").rest()
    client.close()
    assert rest("GET", "/v1/files").status == 200
    assert rest.connection.sock is line


def test_a_hundred_sessions_at_once():
    from websockets.asyncio.client import connect

    async def session(url, number):
        async with connect(url, additional_headers={"Authorization": "Bearer k"}, proxy=None) as line:
            await line.send(json.dumps({**START, "client_reference_id": str(number)}))
            for _ in range(10):
                await line.send(audio(120))
                await asyncio.sleep(0)  # So that the sessions take turns.
            await line.send("")
            messages = [json.loads(message) async for message in line]
            return messages[-1], text_of(messages)

    async def run(url):
        return await asyncio.gather(*(session(url, number) for number in range(100)))

    with FakeSoniox() as fake:
        for number in range(100):
            fake.add_transcript(f"number {number}", client_reference_id=str(number))
        results = asyncio.run(run(fake.stt_websocket_url))
        assert {record.ended for record in fake.sessions} == {"finished"}
    assert [text for _, text in results] == [f"number {number}" for number in range(100)]
    assert all(last["finished"] and last["total_audio_proc_ms"] == 1200 for last, _ in results)


# The official SDK

# Its synchronous client uses deprecated names of newer versions of the websockets package.
_their_warning = pytest.mark.filterwarnings("ignore:connect\\(\\) must be used:DeprecationWarning")


@pytest.fixture
def official():
    return pytest.importorskip("soniox")


def _official_config(**settings):
    from soniox.types import RealtimeSTTConfig

    return RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=8000, num_channels=1, **settings)


def _client_settings(fake, api_key="key-a"):
    return {"api_key": api_key, "api_base_url": fake.api_base_url, "websocket_base_url": fake.stt_websocket_url}


@_their_warning
def test_the_official_client(official, server):
    server.add_transcript("Good morning. How are you?")
    client = official.SonioxClient(**_client_settings(server))
    config = _official_config(enable_endpoint_detection=True, enable_speaker_diarization=True)
    with client.realtime.stt.connect(config=config) as session:
        session.keep_alive()
        session.send_bytes(iter([bytes(1920)] * 30), finish=False)
        session.finalize()
        session.finish()
        events = list(session.receive_events())
    client.close()
    texts = [token.text for event in events for token in event.tokens if token.is_final]
    assert "".join(texts) == "Good morning.<end> How are you?<fin>"
    assert {token.speaker for event in events for token in event.tokens if token.text[0] != "<"} == {"1"}
    assert events[-1].finished
    assert events[-1].total_audio_proc_ms == 3600
    record = server.sessions[0]
    assert (record.ended, record.auth) == ("finished", "header")
    assert record.controls == ("keepalive", "finalize", "end")


@_their_warning
def test_the_official_client_is_shown_errors(official, server):
    client = official.SonioxClient(**_client_settings(server))
    server.fail_next_session("limit_exceeded")
    with client.realtime.stt.connect(config=_official_config()) as session:
        (event,) = session.receive_events()
    client.close()
    assert event.error_code == 429


def test_the_official_async_client_with_a_temporary_key(official, server):
    async def run():
        async with official.AsyncSonioxClient(**_client_settings(server)) as client:
            key = await client.auth.create_temporary_api_key(
                usage_type="transcribe_websocket", expires_in_seconds=60, single_use=True
            )
            config = _official_config(translation={"type": "one_way", "target_language": "de"})
            async with client.realtime.stt.connect(config=config, api_key=key.api_key) as session:
                await session.send_byte_chunk(bytes(16_000 * 3))
                await session.finish()
                return [event async for event in session.receive_events()]

    events = asyncio.run(run())
    tokens = [token for event in events for token in event.tokens if token.is_final]
    assert {token.translation_status for token in tokens} == {"original", "translation"}
    assert events[-1].finished
    assert server.sessions[0].api_key.startswith("snx_temp_")
