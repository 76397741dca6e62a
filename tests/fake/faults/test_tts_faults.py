"""What goes wrong with text-to-speech when a test wants it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_testing import FakeSoniox, SpeechRules, VirtualClock
from tests.fake.tts_client import START, TtsClient, audio, post

TEXT = "One two three four five six seven eight nine ten."


@pytest.fixture
def client(fake_soniox):
    made = TtsClient(fake_soniox)
    yield made
    made.ws.shutdown()


def sec(messages):
    """Seconds of audio in the format of START."""
    return len(audio(messages)) / 16_000


def test_a_stream_fails_at_its_start(fake_soniox, client):
    fake_soniox.faults.error("service_unavailable", operation="tts", times=1)
    assert client.start().refused() == (503, "service_unavailable")
    client.start().say(TEXT).stream()
    assert [record.ended for record in fake_soniox.speeches] == ["error", "finished"]


def test_a_stream_fails_after_some_audio(fake_soniox, client):
    fake_soniox.faults.error("request_timeout", "Slow.", after_audio_ms=900, times=1)
    messages = client.start().say(TEXT).stream()
    assert sec(messages) == 1.0
    assert (messages[-2]["error_code"], messages[-2]["error_message"]) == (408, "Slow.")


def test_the_failure_of_one_stream_leaves_the_others(fake_soniox, client):
    fake_soniox.faults.error("internal_error", after_frames=1, times=1)
    client.start("bad").start("good").say(TEXT, "bad").say(TEXT, "good")
    messages = []
    while "terminated" not in (messages[-1] if messages else {}) or messages[-1]["stream_id"] != "good":
        messages.append(client.message())
    bad = [message for message in messages if message["stream_id"] == "bad"]
    assert [message.get("error_type") for message in bad] == [None, "internal_error", None]
    assert fake_soniox.assert_spoken(TEXT, ended="finished").stream_id == "good"


def test_a_failure_may_be_that_of_the_connection(fake_soniox, client):
    fake_soniox.faults.error("max_concurrent_connections_reached", whole_connection=True, operation="tts")
    assert client.start().ended() == (429, "max_concurrent_connections_reached")
    assert fake_soniox.speech_connections[0].error_type == "max_concurrent_connections_reached"
    assert fake_soniox.speeches[0].error_type == "max_concurrent_connections_reached"


def test_a_stream_is_terminated_too_early(fake_soniox, client):
    fake_soniox.faults.terminate(after_frames=2, times=1)
    messages = client.start().say(TEXT).stream()
    assert [set(message) for message in messages] == [{"stream_id", "audio", "audio_end"}] * 2 + [
        {"stream_id", "terminated"}
    ]
    fake_soniox.assert_spoken(TEXT, ended="terminated")
    fake_soniox.faults.terminate(times=1)
    assert client.start().stream() == [{"stream_id": "s", "terminated": True}]


def test_audio_is_late():
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        client = TtsClient(fake)
        fake.faults.delay_audio(3, times=1)
        client.start().say(TEXT).synchronize()
        clock.advance(2.9)
        assert fake.speeches[0].audio_bytes == 0
        clock.advance(0.1)
        assert client.stream()[-2]["audio_end"]
        fake.faults.delay_audio(60, after_audio_ms=500, times=1)
        client.start().say(TEXT)
        assert sec([client.message()]) == 0.5
        client.synchronize()
        clock.advance(60)
        assert client.stream()[-2]["audio_end"]
        fake.faults.delay_audio(60)
        client.start().say(TEXT).synchronize()
        clock.advance(11)
        assert client.refused() == (408, "request_timeout")
        client.close()


@pytest.mark.parametrize("kind", ["unpadded", "alphabet", "number", "null"])
def test_audio_cannot_be_decoded(fake_soniox, client, kind):
    fake_soniox.faults.spoil_audio(kind, after_frames=1, times=1)
    messages = client.start(sample_rate=24_000).say(TEXT).stream()
    base64.b64decode(messages[0]["audio"], validate=True)
    with pytest.raises((binascii.Error, TypeError)):
        base64.b64decode(messages[1]["audio"], validate=True)
    base64.b64decode(messages[2]["audio"], validate=True)
    record = fake_soniox.assert_spoken(TEXT, ended="finished")
    whole = fake_soniox.speech_audio(record.id)
    if kind == "unpadded":
        assert base64.b64decode(messages[1]["audio"] + "=")[:100] == whole[24_000:24_100]


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ("reset", ConnectionResetError),
        ("eof", websocket.WebSocketConnectionClosedException),
    ],
)
def test_a_connection_breaks_after_some_messages(fake_soniox, client, how, seen):
    fake_soniox.faults.drop(how=how, after_frames=2, operation="tts", times=1)
    client.start().say(TEXT)
    with pytest.raises(seen):
        client.stream()
    assert fake_soniox.speeches[0].ended == fake_soniox.speech_connections[0].ended == "dropped"


def test_a_connection_breaks_before_the_audio_of_a_text(fake_soniox, client):
    fake_soniox.faults.drop(how="close:1011", after_texts=2, times=1)
    client.start().say(TEXT[:20], end=False).say(TEXT[20:])
    assert client.closed() == 1011
    assert (fake_soniox.speeches[0].text, fake_soniox.speeches[0].audio_bytes) == (TEXT, 0)


def test_texts_are_counted_for_streams_only(fake_soniox):
    with pytest.raises(ValueError, match="after_texts is for text-to-speech streams only"):
        fake_soniox.faults.drop(after_texts=1, operation="stt")
    with pytest.raises(ValueError, match="give after_frames or after_texts, not both"):
        fake_soniox.faults.drop(after_texts=1, after_frames=1)


def test_a_connection_is_closed_with_a_code(fake_soniox, client):
    fake_soniox.faults.drop(how="close:1011", after_frames=2, operation="tts")
    client.start().say(TEXT)
    assert sec([client.message(), client.message()]) == 1.0
    assert client.closed() == 1011


@pytest.mark.parametrize("how", ["stall", "half_open"])
def test_a_connection_falls_silent(fake_soniox, client, how):
    fake_soniox.faults.drop(how=how, after_frames=1, operation="tts")
    client.start().say(TEXT)
    client.message()
    client.ws.settimeout(0.05)
    with pytest.raises(websocket.WebSocketTimeoutException):
        client.message()


def test_a_frame_makes_no_sense(fake_soniox, client):
    fake_soniox.faults.malformed_frame("json", after_frames=1, times=1)
    client.start().say(TEXT)
    client.message()
    with pytest.raises(json.JSONDecodeError):
        client.message()
    client.stream()


def test_a_websocket_is_refused_by_its_operation(fake_soniox):
    fake_soniox.faults.refuse(503, operation="tts", times=1)
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        TtsClient(fake_soniox)
    assert caught.value.status_code == 503
    websocket.create_connection(
        fake_soniox.stt_websocket_url, header=["Authorization: Bearer k"], timeout=60
    ).shutdown()


def test_what_is_for_sessions_leaves_streams_alone(fake_soniox, client):
    fake_soniox.fail_next_session("service_unavailable")
    fake_soniox.drop_next_session()
    assert client.start().say("a").stream()[0]["audio_end"]


@pytest.mark.parametrize("verb", ["terminate", "spoil_audio"])
def test_faults_of_streams_happen_to_nothing_else(fake_soniox, verb):
    with pytest.raises(ValueError, match="operation must be one of tts"):
        getattr(fake_soniox.faults, verb)(operation="stt")


def test_faults_that_cannot_be_are_refused(fake_soniox):
    with pytest.raises(ValueError, match="kind must be one of unpadded"):
        fake_soniox.faults.spoil_audio("nonsense")
    with pytest.raises(ValueError, match="-1 s late"):
        fake_soniox.faults.delay_audio(-1)


def test_the_server_goes_offline(fake_soniox, client):
    client.start().synchronize()
    with fake_soniox.faults.offline():
        with pytest.raises((ConnectionResetError, websocket.WebSocketConnectionClosedException)):
            client.message()
        with pytest.raises(ConnectionResetError):
            post(fake_soniox)
    assert fake_soniox.speeches[0].ended == "dropped"


def test_a_request_breaks_off_when_the_server_goes_offline():
    rules = SpeechRules(realtime_factor=1.0)
    with FakeSoniox(clock=VirtualClock(), speech=rules) as fake:
        address = urlsplit(fake.url)
        with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
            headers = {"Authorization": "Bearer key-a", "Content-Type": "application/json"}
            connection.request("POST", "/tts", json.dumps({**START, "text": "a" * 28}), headers)
            response = connection.getresponse()
            with fake.faults.offline(), pytest.raises(http.client.IncompleteRead) as caught:
                response.read()
            assert len(caught.value.partial) == 16_000
        assert fake.speeches[0].ended == "dropped"


def test_rest_answers_with_an_error_of_its_shape(fake_soniox):
    fake_soniox.faults.answer(503, operation="generate_tts", retry_after_sec=2, times=1)
    status, headers, error = post(fake_soniox)
    assert (status, error["error_code"], error["error_type"]) == (503, 503, "service_unavailable")
    assert headers["Retry-After"] == "2"
    assert fake_soniox.speeches == ()


@pytest.mark.parametrize("how", ["eof", "reset"])
def test_a_body_breaks_off_in_the_middle(fake_soniox, how):
    whole = post(fake_soniox, text=TEXT)[2]
    fake_soniox.faults.reset("answer", how=how, operation="generate_tts", times=1)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)) as caught:
        post(fake_soniox, text=TEXT)
    if how == "eof":
        assert isinstance(caught.value, http.client.IncompleteRead)
        assert 0 < len(caught.value.partial) < len(whole)
    assert [record.ended for record in fake_soniox.speeches] == ["finished", "finished"]


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_request_is_lost(fake_soniox, when):
    fake_soniox.faults.reset(when, how="eof", operation="generate_tts", times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        post(fake_soniox)
    assert len(fake_soniox.speeches) == (when == "after")
    assert post(fake_soniox)[0] == 200


def test_audio_comes_slowly_but_whole(fake_soniox):
    whole = post(fake_soniox)[2]
    fake_soniox.faults.drip(block_bytes=2000, every_sec=0.001, operation="generate_tts", times=1)
    assert post(fake_soniox)[2] == whole


def test_audio_is_cut_or_of_another_kind(fake_soniox):
    whole = post(fake_soniox)[2]
    fake_soniox.faults.truncate(operation="generate_tts", times=1)
    assert post(fake_soniox)[2] == whole[: len(whole) // 2]
    fake_soniox.faults.garble(operation="generate_tts", times=1)
    garbled = post(fake_soniox)[2]
    assert garbled != whole
    assert len(garbled) == len(whole)
    fake_soniox.faults.content_type("text/html", operation="generate_tts", times=1)
    assert post(fake_soniox)[1]["Content-Type"] == "text/html"
