"""Text-to-speech over REST."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import struct
import threading
import time
import wave
from urllib.parse import urlsplit

import pytest

from soniox_testing import FakeSoniox, SpeechRules, VirtualClock
from soniox_testing.speaking.synthesis import AUDIO_FORMATS
from tests.fake.tts_client import START, TtsClient, audio, post, temporary_key

LONG = "a" * 5000


def refusal(answer):
    """Code and type of an error."""
    status, _, error = answer
    assert error["error_code"] == status
    return status, error["error_type"]


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_every_format_is_spoken(fake_soniox, name):
    status, headers, data = post(fake_soniox, audio_format=name, sample_rate=None)
    assert (status, headers["Content-Type"]) == (200, AUDIO_FORMATS[name].content_type)
    record = fake_soniox.assert_spoken("Hello.", ended="finished", audio_format=name, audio_bytes=len(data))
    assert record.audio_duration_ms == pytest.approx(6000 / 14, abs=1)
    assert fake_soniox.speech_audio(record.id) == data


def test_a_wav_is_read_by_the_standard_library(fake_soniox):
    data = post(fake_soniox, audio_format="wav", sample_rate=None)[2]
    with wave.open(io.BytesIO(data)) as reader:
        assert reader.getframerate() == 24_000
        assert len(reader.readframes(reader.getnframes())) == len(data) - 44


def test_nulls_mean_unset_and_other_fields_mean_nothing(fake_soniox):
    unset = dict.fromkeys(["sample_rate", "bitrate", "speed", "reduce_silence", "client_reference_id"])
    assert post(fake_soniox, **unset, something={"else": 1})[0] == 200
    # The document's own example has a bitrate for WAV.
    assert post(fake_soniox, audio_format="wav", bitrate=128_000)[0] == 200


def test_a_slow_voice_takes_longer(fake_soniox):
    slow, fast = (len(post(fake_soniox, speed=speed)[2]) for speed in (0.7, 1.3))
    assert slow / fast == pytest.approx(1.3 / 0.7, rel=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: None} for name in ("model", "language", "voice", "audio_format", "text")),
        *({name: "x" * 51} for name in ("language", "voice", "audio_format")),
        {"text": ""},
        {"text": 5},
        {"text": "a" * 5001},
        {"text": "é" * 2501},
        {"language": "xx"},
        {"voice": "Maya"},
        {"voice": "1"},
        {"audio_format": "vorbis"},
        {"sample_rate": 11_025},
        {"audio_format": "pcm_mulaw", "sample_rate": 16_000},
        {"audio_format": "aac", "sample_rate": 32_000},
        {"audio_format": "mp3", "sample_rate": 24_000, "bitrate": 16_000},
        {"audio_format": "opus", "sample_rate": 24_000, "bitrate": 192_000},
        {"speed": 0.69},
        {"speed": 1.31},
        {"speed": "1"},
        {"client_reference_id": "x" * 257},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(fake_soniox, wrong):
    assert refusal(post(fake_soniox, **wrong)) == (400, "invalid_request")
    assert fake_soniox.speeches == ()


def test_bodies_that_are_not_json_are_refused_and_told_why(fake_soniox):
    for body, why in ((b"", "not JSON"), (b"{", "not JSON"), (b"[]", "a JSON object"), (b"\xff", "not JSON")):
        answer = post(fake_soniox, body=body)
        assert refusal(answer) == (400, "invalid_request")
        assert why in answer[2]["error_message"]
    answer = post(fake_soniox, headers={"Content-Type": "text/html"})
    assert refusal(answer) == (400, "invalid_request")
    assert "not as text/html" in answer[2]["error_message"]


def test_a_voice_that_may_not_exist_is_noted(fake_soniox):
    assert post(fake_soniox, voice="Imaginary")[0] == 200
    assert post(fake_soniox, voice="Nina")[0] == 200
    doubtful, known = fake_soniox.speeches
    assert doubtful.notes == (
        "The voice 'Imaginary' is not among those that this fake knows; the service may refuse it.",
    )
    assert known.notes == ()


def test_an_unknown_model_is_not_available(fake_soniox):
    assert refusal(post(fake_soniox, model="tts-rt-v9")) == (400, "model_not_available")
    for model in ("tts-rt-v1", "tts-rt-v1-preview"):
        assert post(fake_soniox, model=model)[0] == 200


def test_keys_are_checked():
    with FakeSoniox(api_keys=["key-a"]) as fake:
        assert post(fake)[0] == 200
        assert refusal(post(fake, None)) == (401, "unauthenticated")
        assert refusal(post(fake, None, headers={"Authorization": "Basic key-a"})) == (401, "unauthenticated")
        assert refusal(post(fake, "key-b")) == (401, "unauthenticated")
        assert refusal(post(fake, "snx_temp_a.b.c")) == (401, "unauthenticated")
        assert refusal(post(fake, "k" * 251)) == (400, "invalid_request")
        other = temporary_key(fake, usage_type="transcribe_websocket")
        assert refusal(post(fake, other)) == (401, "unauthenticated")


def test_a_temporary_key_speaks_until_it_has_expired():
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        key = temporary_key(fake, client_reference_id="from the key")
        assert post(fake, key, client_reference_id="from the body")[0] == 200
        fake.assert_spoken(api_key=key, client_reference_id="from the key")
        clock.advance(60)
        assert refusal(post(fake, key)) == (401, "unauthenticated")


def test_a_single_use_key_speaks_once_and_is_not_used_up_by_a_mistake(fake_soniox):
    key = temporary_key(fake_soniox, single_use=True)
    assert refusal(post(fake_soniox, key, voice="Maya")) == (400, "invalid_request")
    assert post(fake_soniox, key)[0] == 200
    assert refusal(post(fake_soniox, key)) == (401, "unauthenticated")


def test_a_restricted_key_does_not_speak(fake_soniox):
    fake_soniox.restrict_key("key-a", ["files"])
    assert refusal(post(fake_soniox)) == (403, "permission_denied")
    assert refusal(post(fake_soniox, text=None)) == (403, "permission_denied")
    fake_soniox.restrict_key("key-a", ["tts_realtime"])
    assert post(fake_soniox)[0] == 200


def test_budgets_and_limits_refuse(fake_soniox):
    fake_soniox.limits.exhausted = "organization_balance_exhausted"
    assert refusal(post(fake_soniox)) == (402, "organization_balance_exhausted")
    fake_soniox.assert_spoken("Hello.", ended="error", error_type="organization_balance_exhausted")
    fake_soniox.limits.exhausted = None
    fake_soniox.limits.max_speeches = 0
    assert refusal(post(fake_soniox)) == (429, "limit_exceeded")
    fake_soniox.limits.max_speeches = 1
    assert post(fake_soniox)[0] == 200
    fake_soniox.limits.requests_per_minute = 1
    assert refusal(post(fake_soniox)) == (429, "limit_exceeded")


def test_streams_count_against_requests(fake_soniox):
    fake_soniox.limits.max_speeches = 1
    client = TtsClient(fake_soniox).start()
    client.synchronize()
    assert refusal(post(fake_soniox)) == (429, "limit_exceeded")
    client.say("a")
    client.stream()
    assert post(fake_soniox)[0] == 200
    client.close()


def test_a_cloned_voice_speaks_once_it_is_ready():
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        address = urlsplit(fake.url)
        form = (
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nmine\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nsound\r\n--b--\r\n'
        )
        with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
            headers = {"Authorization": "Bearer key-a", "Content-Type": "multipart/form-data; boundary=b"}
            connection.request("POST", "/v1/voices", form, headers)
            voice = json.loads(connection.getresponse().read())["id"]
        assert refusal(post(fake, voice=voice)) == (409, "voice_not_prepared")
        clock.advance(60)
        assert post(fake, voice=voice)[0] == 200
        assert post(fake, temporary_key(fake), voice=voice)[0] == 200
        assert refusal(post(fake, "key-b", voice=voice)) == (404, "voice_not_found")


def test_the_request_id_is_the_clients(fake_soniox):
    mine = {"X-Request-Id": "3d37a3bd-5078-47ee-a369-b204e3bbedda"}
    assert post(fake_soniox, headers=mine, voice="Maya")[2]["request_id"] == mine["X-Request-Id"]
    post(fake_soniox, headers=mine)
    assert fake_soniox.speeches[-1].request_id == mine["X-Request-Id"]


def test_speeches_with_the_same_request_id_are_told_apart(fake_soniox):
    mine = {"X-Request-Id": "again"}
    heard = [post(fake_soniox, headers=mine, text=text)[2] for text in ("One.", "And another.")]
    assert [record.request_id for record in fake_soniox.speeches] == ["again", "again"]
    assert [fake_soniox.speech_audio(record.id) for record in fake_soniox.speeches] == heard


def test_what_a_limit_refused_is_found_by_its_request_id(fake_soniox):
    fake_soniox.limits.max_speeches = 0
    mine = {"X-Request-Id": "3d37a3bd-5078-47ee-a369-b204e3bbedda"}
    told = [post(fake_soniox, headers=headers)[2]["request_id"] for headers in ({}, mine)]
    client = TtsClient(fake_soniox).start()
    told.append(client.message()["request_id"])
    client.close()
    assert [record.request_id for record in fake_soniox.speeches] == told


def test_a_web_page_of_any_origin_may_call(fake_soniox):
    for wrong in ({}, {"voice": "Maya"}, {"voice": "1"}, {"api_key": None}):
        assert post(fake_soniox, **wrong)[1]["Access-Control-Allow-Origin"] == "*"
    with fake_soniox.faults.answer(503, operation="generate_tts"):
        assert post(fake_soniox)[1]["Access-Control-Allow-Origin"] == "*"
    address = urlsplit(fake_soniox.url)
    with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
        asked = {"Origin": "https://a.example", "Access-Control-Request-Headers": "authorization,x-request-id"}
        connection.request("OPTIONS", f"{address.path}/tts", headers=asked)
        response = connection.getresponse()
        assert (response.status, response.read()) == (204, b"")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Allow-Methods"] == "POST"
        assert response.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"
    fake_soniox.check()


def test_audio_ends_after_two_minutes(fake_soniox):
    data = post(fake_soniox, text=LONG)[2]
    assert len(data) == 120 * 16_000
    assert fake_soniox.assert_spoken(LONG, ended="finished").audio_duration_ms == 120_000


def test_a_connection_serves_many_requests(fake_soniox):
    address = urlsplit(fake_soniox.url)
    with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
        post(fake_soniox, connection=connection)
        used = connection.sock
        for wrong in ({}, {"voice": "Maya"}, {"voice": "1"}, {}):
            post(fake_soniox, connection=connection, **wrong)
            assert connection.sock is used


def raw(fake, *, version="1.1", rate=8000, text="Hello."):
    """A request on a bare socket."""
    address = urlsplit(fake.url)
    body = json.dumps({**START, "text": text, "sample_rate": rate})
    head = [
        f"POST {address.path}/tts HTTP/{version}",
        "Host: fake",
        "Authorization: Bearer key-a",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    made = socket.create_connection((address.hostname, address.port), timeout=60)
    made.sendall("\r\n".join([*head, "", body]).encode())
    return made


def test_an_old_client_reads_to_the_end_of_the_connection(fake_soniox):
    with raw(fake_soniox, version="1.0") as connection, connection.makefile("rb") as reader:
        head, _, data = reader.read().partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert data == post(fake_soniox)[2]


def until(condition):
    """Polls a condition until a deadline: records change on the server's thread, without an event."""
    deadline_sec = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_sec
        time.sleep(0.001)


def test_audio_leaves_before_the_rest_is_made(fake_soniox):
    # More than all buffers hold: it cannot be complete while the client has read so little.
    with raw(fake_soniox, rate=48_000, text=LONG) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert fake_soniox.assert_spoken(LONG).ended is None
    until(lambda: fake_soniox.speeches[0].ended is not None)
    record = fake_soniox.assert_spoken(LONG, ended="abandoned")
    assert record.audio_duration_ms < 120_000


def test_a_clients_departure_frees_its_place(fake_soniox):
    fake_soniox.limits.max_speeches = 1
    with raw(fake_soniox, rate=48_000, text=LONG) as connection:
        connection.recv(100)
        assert refusal(post(fake_soniox)) == (429, "limit_exceeded")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    deadline_sec = time.monotonic() + 60
    while post(fake_soniox)[0] != 200:
        assert time.monotonic() < deadline_sec


def test_audio_may_take_its_time():
    clock = VirtualClock()
    rules = SpeechRules(realtime_factor=2.0)
    with FakeSoniox(clock=clock, speech=rules) as fake, raw(fake, text="a" * 28) as connection:
        connection.settimeout(60)
        got = b""
        while len(got) < 16_000:
            got += connection.recv(65_536)
        # The first second is there, the other comes half a second later.
        assert fake.speeches[0].audio_duration_ms == 1000
        clock.advance(0.4)
        assert fake.speeches[0].audio_duration_ms == 1000
        clock.advance(0.1)
        while b"\r\n0\r\n\r\n" not in got:
            got += connection.recv(65_536)
        assert fake.speeches[0].audio_duration_ms == 2000


def test_the_clock_waits_for_audio_as_soon_as_there_is_an_answer():
    clock = VirtualClock()
    with (
        FakeSoniox(clock=clock, speech=SpeechRules(realtime_factor=1.0)) as fake,
        raw(fake, text="a" * 42) as connection,
    ):
        connection.recv(1)
        for made_ms in (2000, 3000):
            clock.advance(1)
            assert fake.speeches[0].audio_duration_ms == made_ms


@pytest.mark.parametrize("realtime_factor", [1.0, 0.1])
def test_the_cap_of_a_temporary_key_cuts_the_body(realtime_factor):
    clock = VirtualClock()
    with FakeSoniox(clock=clock, speech=SpeechRules(realtime_factor=realtime_factor)) as fake:
        key = temporary_key(fake, max_session_duration_seconds=1)
        answers = []

        def speak():
            with pytest.raises(http.client.IncompleteRead):
                post(fake, key, text="a" * 28)
            answers.append(fake.speeches[0])

        thread = threading.Thread(target=speak)
        thread.start()
        until(lambda: bool(fake.speeches) and fake.speeches[0].audio_bytes > 0)
        clock.advance(1)
        thread.join(60)
        assert [(record.ended, record.error_type) for record in answers] == [("error", "temp_api_key_session_expired")]


def test_what_was_spoken_is_in_the_usage(fake_soniox):
    post(fake_soniox, client_reference_id="mine")
    (entry,) = fake_soniox.usage
    assert (entry.model, entry.client_reference_id) == ("tts-rt-v2", "mine")
    assert entry.output_audio_duration_ms == fake_soniox.speeches[0].audio_duration_ms


def test_both_ways_sound_the_same(fake_soniox):
    client = TtsClient(fake_soniox).start(audio_format="opus", sample_rate=None)
    for piece in ("Hel", "", "lo, how are you to", "day?"):
        client.say(piece, end=False)
    client.say("", end=True)
    assert (
        audio(client.stream())
        == post(fake_soniox, audio_format="opus", sample_rate=None, text="Hello, how are you today?")[2]
    )
    client.close()
