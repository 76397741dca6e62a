from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_lite import SonioxClient, SonioxConnectionError
from soniox_testing import FakeSoniox, SharedListener


def _get(fake, path, context):
    request = urllib.request.Request(f"{fake.url}{path}", headers={"Authorization": "Bearer k"})
    with urllib.request.urlopen(request, timeout=60, context=context) as response:
        return response.status


def test_urls_and_environment_speak_of_tls():
    with FakeSoniox(tls=True) as fake:
        assert fake.url.startswith("https://127.0.0.1:")
        assert fake.stt_websocket_url.startswith("wss://127.0.0.1:")
        assert fake.environment()["SSL_CERT_FILE"] == fake.ca_file


def test_rest_is_served_to_those_who_trust_the_ca_and_refused_by_others(fake_soniox_tls):
    assert _get(fake_soniox_tls, "/v1/files", fake_soniox_tls.ssl_context()) == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        _get(fake_soniox_tls, "/v1/files", ssl.create_default_context())


def test_the_name_localhost_is_in_the_certificate(fake_soniox_tls):
    address = urlsplit(fake_soniox_tls.url)
    context = fake_soniox_tls.ssl_context()
    with (
        socket.create_connection(("127.0.0.1", address.port), timeout=60) as line,
        context.wrap_socket(line, server_hostname="localhost") as secured,
    ):
        assert secured.getpeercert()


def test_a_transcription_and_a_realtime_session_over_tls(fake_soniox_tls):
    fake = fake_soniox_tls
    for _ in range(2):
        fake.add_transcript("hello over there")
    with SonioxClient(
        fake.api_key,
        api_base_url=fake.api_base_url,
        websocket_base_url=fake.stt_websocket_url,
        ssl_context=fake.ssl_context(),
    ) as client:
        upload = os.urandom(1_000_000)
        transcript = client.stt.transcribe_and_wait_with_tokens(file=upload, filename="a.mp3")
        assert transcript.text == "hello over there"
        assert fake.file_content(fake.files[0].id) == upload
        with client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session:
            for _ in range(10):
                session.send_byte_chunk(bytes(100_000))
            session.finish()
            tokens = [token for event in session.receive_events() for token in event.tokens if token.is_final]
    assert "".join(token.text for token in tokens).replace("<end>", "") == "hello over there"
    assert [record.ended for record in fake.sessions] == ["finished"]
    assert len(fake.session_audio(fake.sessions[0].id)) == 1_000_000


def test_code_that_builds_its_own_client_needs_the_environment_only(fake_soniox_tls, monkeypatch):
    for name, value in fake_soniox_tls.environment().items():
        monkeypatch.setenv(name, value)
    with SonioxClient() as client:
        assert client.files.list().files == []


def test_a_client_that_is_silent_in_its_handshake_does_not_delay_others():
    with FakeSoniox(tls=True) as fake:
        address = urlsplit(fake.url)
        with socket.create_connection((address.hostname, address.port), timeout=60):
            assert _get(fake, "/v1/files", fake.ssl_context()) == 200


def test_plain_text_and_clients_that_leave_are_no_failure_of_the_fake():
    gc.collect()
    files = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    with FakeSoniox(tls=True) as fake:
        address = urlsplit(fake.url)
        for sent in (b"GET / HTTP/1.1\r\n\r\n", b"", b"\x16\x03\x01"):
            with socket.create_connection((address.hostname, address.port), timeout=60) as line:
                line.sendall(sent)
                # The fake may have hung up already.
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_WR)
                    while line.recv(1000):
                        pass
    gc.collect()
    assert sys.platform != "linux" or len(os.listdir("/proc/self/fd")) <= files


def test_connections_that_are_open_end_with_the_fake(fake_soniox_tls_listener):
    with FakeSoniox(listener=fake_soniox_tls_listener) as fake:
        address = urlsplit(fake.url)
        line = fake.ssl_context().wrap_socket(
            socket.create_connection((address.hostname, address.port), timeout=60), server_hostname="localhost"
        )
        line.sendall(f"GET {address.path}/v1/files HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert line.recv(12) == b"HTTP/1.1 401"
        line.settimeout(60)
    with line:
        while line.recv(10_000):
            pass


@pytest.mark.parametrize("how", ["reset", "eof"])
@pytest.mark.parametrize("when", ["before", "answer"])
def test_faults_break_tls_connections_too(fake_soniox_tls, when, how):
    fake = fake_soniox_tls
    fake.faults.reset(when, how=how, operation="get_files", times=1)
    with (
        SonioxClient(fake.api_key, api_base_url=fake.api_base_url, ssl_context=fake.ssl_context()) as client,
        pytest.raises(SonioxConnectionError),
    ):
        client.with_options(max_retries=0).files.list()


@pytest.mark.parametrize("how", ["reset", "eof", "stall", "close:1011"])
def test_sessions_break_over_tls_too(fake_soniox_tls, how):
    fake = fake_soniox_tls
    fake.drop_next_session(after_audio_ms=100, how=how)
    live = websocket.create_connection(
        fake.stt_websocket_url,
        timeout=300,
        header=["Authorization: Bearer k"],
        sslopt={"context": fake.ssl_context()},
    )
    live.send(json.dumps({"model": "stt-rt-v5", "audio_format": "auto"}))
    live.send_binary(b"ID3" + bytes(15_997))
    if how == "stall":
        fake.stop()
    with contextlib.suppress(websocket.WebSocketException, OSError):
        while live.recv():
            pass
    live.shutdown()
    assert [session.ended for session in fake.sessions] == ["dropped"]


def test_the_ca_file_goes_with_the_listener():
    listener = SharedListener(tls=True)
    path = listener.certificate.ca_file
    assert os.path.exists(path)
    del listener
    gc.collect()
    assert not os.path.exists(path)


def test_without_tls_there_is_no_certificate(fake_soniox):
    with pytest.raises(RuntimeError, match="tls=True"):
        fake_soniox.ca_file  # noqa: B018
    with pytest.raises(RuntimeError, match="tls=True"):
        fake_soniox.ssl_context()


def test_without_trustme_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(RuntimeError, match=r'pip install "soniox-lite\[testing-tls\]"'):
        FakeSoniox(tls=True)
