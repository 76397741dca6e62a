"""Text-to-speech on the WebSocket: streams, timers, keys and errors."""

from __future__ import annotations

import itertools
import json
import math

import pytest
import websocket

from soniox_testing import FakeSoniox, SpeechRules, VirtualClock, assertions
from tests.fake.tts_client import START, TtsClient, audio, post, temporary_key

LONG = "word " * 600
LARGE = {"sample_rate": 48_000, "audio_format": "pcm_f32le"}


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def fake(clock):
    with FakeSoniox(key_in_start_message=True, clock=clock) as server:
        yield server


@pytest.fixture
def connect(fake):
    clients = []

    def make(*args, server=fake, **settings):
        clients.append(TtsClient(server, *args, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    return connect()


def sec(data):
    """Seconds of audio in the format of START."""
    return len(data) / 16_000


def test_a_stream_ends_with_audio_end_and_then_terminated(fake, client):
    messages = client.start().say("Hello, how are you?").stream()
    assert [message["audio_end"] for message in messages[:-1]] == [False, False, True]
    assert sec(audio(messages)) == pytest.approx(19 / 14, abs=1e-3)
    record = fake.assert_spoken("Hello, how are you?", stream_id="s", ended="finished", model="tts-rt-v2", speed=None)
    assert record.connection_id == fake.speech_connections[0].id
    assert fake.speech_audio(record.id) == audio(messages)
    assert record.config == START


def test_text_that_ends_without_any_text_makes_no_sound(client):
    for end in ({"text_end": True}, {"text": "", "text_end": True}, {"text": None, "text_end": True, "cancel": None}):
        messages = client.start().send(stream_id="s", **end).stream()
        assert messages == [{"stream_id": "s", "audio_end": True}, {"stream_id": "s", "terminated": True}]


def test_short_text_is_held_until_there_is_more(fake, client):
    client.start().say("Too short.", end=False).synchronize()
    assert fake.speeches[0].audio_bytes == 0
    client.say(" Now it is long enough to say.", end=False)
    assert sec(audio([client.message(), client.message()])) == pytest.approx(1.0, abs=1e-3)
    assert sec(audio(client.say("").stream())) == pytest.approx(40 / 14 - 1.0, abs=1e-3)


def test_all_that_was_made_before_the_end_is_ended_by_a_message_of_its_own(connect):
    rules = SpeechRules(held_characters=0)
    with FakeSoniox(speech=rules) as server:
        client = connect(server=server).start().say("Hi", end=False)
        assert client.message()["audio_end"] is False
        assert client.say("").stream()[0] == {"stream_id": "s", "audio_end": True}


@pytest.mark.parametrize("name", ["mp3", "aac", "flac", "opus"])
def test_no_message_is_empty_where_frames_are_long(connect, name):
    with FakeSoniox(speech=SpeechRules(held_characters=0)) as server:
        client = connect(server=server).start(audio_format=name, sample_rate=16_000, speed=1.3, return_timestamps=True)
        text = "Many words in small pieces, none of which is long."
        for character in text:
            client.say(character, end=False)
        messages = client.say("").stream()
        assert all("audio" in message for message in messages[:-1])
        # The rest of the last frame may come after all characters, if the end of the text did.
        stamps = [message["timestamps"]["characters"] for message in messages if "timestamps" in message]
        assert "".join(itertools.chain(*stamps)) == text
        assert audio(messages) == server.speech_audio(server.speeches[0].id)


def test_timestamps_cover_all_that_was_sent(client):
    text = "Grüße, 世界! \N{GRINNING FACE} Bye now, and then some."
    messages = client.start(return_timestamps=True).say(text).stream()
    stamps = [message["timestamps"] for message in messages if "timestamps" in message]
    characters = list(itertools.chain(*(stamp["characters"] for stamp in stamps)))
    starts = list(itertools.chain(*(stamp["character_start_times_seconds"] for stamp in stamps)))
    ends = list(itertools.chain(*(stamp["character_end_times_seconds"] for stamp in stamps)))
    assert "".join(characters) == text
    assert starts == [0.0, *ends[:-1]]
    assert ends[-1] == pytest.approx(sec(audio(messages)), abs=1e-4)


def test_five_streams_take_turns(client):
    # More than the output buffer holds, so that no stream finishes before the last one has started.
    for number in range(5):
        client.start(str(number), **LARGE).say(LONG, str(number))
    while client.message()["stream_id"] != "4":
        pass
    order = [client.message()["stream_id"] for _ in range(30)]
    assert all(set(order[at : at + 5]) == set("01234") for at in range(26))


def test_five_streams_end_each_for_itself(fake, client):
    for number in range(5):
        client.start(str(number)).say("Some words for all of us.", str(number))
    done = [client.message() for _ in range(5 * 5)]
    assert sum("terminated" in message for message in done) == 5
    assert {record.ended for record in fake.speeches} == {"finished"}
    for number in range(5):
        record = fake.assert_spoken(stream_id=str(number))
        assert fake.speech_audio(record.id) == audio([one for one in done if one["stream_id"] == str(number)])


def test_a_sixth_stream_is_refused_and_the_others_go_on(client):
    for number in range(6):
        client.start(str(number))
    assert client.complained("5") == (400, "max_concurrent_streams_reached")
    assert client.say("Hi", "0").stream("0")[-1] == {"stream_id": "0", "terminated": True}
    client.start("5").say("Hi", "5").stream("5")


def test_an_id_that_is_in_use_is_refused_its_stream_goes_on_and_it_is_free_after_terminated(fake, client):
    client.start().say("One, ", end=False).start(voice="Nina")
    assert client.complained() == (400, "invalid_request")
    client.say("two.").stream()
    client.start().say("Again.").stream()
    assert [(record.text, record.ended) for record in fake.speeches] == [
        ("One, two.", "finished"),
        ("Again.", "finished"),
    ]
    assert fake.speeches[0].config["voice"] == "Adrian"


@pytest.mark.parametrize("message", [{"text": "Hi"}, {"text_end": True}, {"cancel": True}], ids=str)
def test_what_is_for_no_stream_is_refused(client, message):
    assert client.send(stream_id="s", **message).complained() == (400, "invalid_stream_state")
    client.start().say("Hi").stream()
    assert client.send(stream_id="s", **message).complained() == (400, "invalid_stream_state")


def test_the_error_of_an_unknown_stream_has_the_words_of_the_service(connect):
    error = connect().send(stream_id="s", text="Hello.", text_end=True).message()
    assert error["error_message"] == "Stream 's' not found. Send a start message first."


def test_text_after_its_end_is_refused(connect):
    with FakeSoniox(speech=SpeechRules(realtime_factor=1.0)) as server:
        client = connect(server=server).start().say(LONG)
        client.message()
        client.say("More.")
        while "error_code" not in (message := client.message()):
            pass
        assert message["error_type"] == "invalid_stream_state"


def test_more_text_than_allowed_is_refused_by_its_bytes(connect):
    # The audio of the whole text would be longer than the default limit of a stream.
    with FakeSoniox(speech=SpeechRules(longest_audio_sec=math.inf)) as server:
        client = connect(server=server).start().say("é" * 2500, end=False)
        client.synchronize()
        client.say("a", end=False)
        while "error_code" not in (message := client.message()):
            pass
        assert (message["error_code"], message["error_type"]) == (400, "invalid_request")
        assert client.message() == {"stream_id": "s", "terminated": True}


def test_a_cancelled_stream_is_terminated_without_audio_end(fake, client):
    assert client.start().send(stream_id="s", cancel=True).stream() == [{"stream_id": "s", "terminated": True}]
    client.start().say(LONG, end=False).send(stream_id="s", cancel=True)
    messages = client.stream()
    assert not any(message.get("audio_end") for message in messages)
    assert [record.ended for record in fake.speeches] == ["cancelled", "cancelled"]


def test_false_means_unset(fake, client):
    client.start(keep_alive=False, cancel=False)
    client.send(stream_id="s", text="Hello.", text_end=True, keep_alive=False, cancel=False)
    assert sec(audio(client.stream())) == pytest.approx(6 / 14, abs=1e-3)
    fake.assert_spoken("Hello.", ended="finished")
    assert fake.speech_connections[0].keepalives == 0


@pytest.mark.parametrize(
    "message",
    [
        {"cancel": True, "text": "Hi"},
        {"cancel": True, "text_end": True},
        {"cancel": "yes"},
        {"text": 5},
        {"text": "Hi", "text_end": "yes"},
    ],
    ids=str,
)
def test_messages_that_make_no_sense_end_their_stream(client, message):
    client.start().send(stream_id="s", **message)
    assert client.refused() == (400, "invalid_request")
    client.start().say("Hi").stream()


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": None},
        {"language": "xx"},
        {"voice": "Maya"},
        {"audio_format": "vorbis"},
        {"sample_rate": 32_000},
        {"speed": 2},
        {"return_timestamps": 1},
        {"client_reference_id": "x" * 257},
    ],
    ids=str,
)
def test_start_messages_that_break_a_rule_are_refused(fake, client, wrong):
    assert client.start(**wrong).complained() == (400, "invalid_request")
    client.start().say("Hi").stream()
    assert len(fake.speeches) == 1


def test_models_and_voices_have_errors_of_their_own(client):
    assert client.start(model="tts-rt-v9").complained() == (400, "model_not_available")
    unknown = "3d37a3bd-5078-47ee-a369-b204e3bbedda"
    assert client.start(voice=unknown).complained() == (404, "voice_not_found")


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "5", "{}", '{"text":"Hi"}', '{"stream_id":""}', '{"stream_id":5}'),
        *('{"keep_alive":false}', '{"keep_alive":"yes"}'),
    ],
)
def test_what_belongs_to_no_stream_ends_the_connection(fake, client, text):
    client.start("other").synchronize()
    client.ws.send(text)
    assert client.ended() == (400, "invalid_request")
    assert fake.speech_connections[0].error_type == "invalid_request"
    assert fake.speeches[0].ended == "error"


def test_an_id_that_is_too_long_ends_the_connection(client):
    client.start("x" * 256).say("Hi", "x" * 256).stream("x" * 256)
    assert client.start("x" * 257).ended() == (400, "invalid_request")


def test_a_binary_message_ends_the_connection(fake, client):
    client.ws.send_binary(b"{}")
    assert client.ended() == (400, "invalid_request")
    assert (fake.speech_connections[0].ended, fake.speech_connections[0].close_code) == ("error", 1000)


def test_the_key_may_come_in_three_places(fake, connect):
    connect("key-a").start().say("a").stream()
    connect(None, subprotocols=["soniox-api-key", "key-b"]).start().say("a").stream()
    connect(None).start(api_key="key-c").say("a").stream()
    connect("key-d").start(api_key="key-d").say("a").stream()
    forms = [(record.auth, record.api_key) for record in fake.speech_connections]
    assert forms == [("header", "key-a"), ("protocol", "key-b"), ("start_message", "key-c"), ("header", "key-d")]
    assert [record.api_key for record in fake.speeches] == ["key-a", "key-b", "key-c", "key-d"]
    assert "api_key" not in fake.speeches[2].config


def test_keys_that_are_wrong_end_the_connection(clock, connect):
    with FakeSoniox(api_keys=["key-a"], clock=clock) as server:
        assert connect("key-b", server=server).start().ended() == (401, "unauthenticated")
        assert connect(None, server=server).start().ended() == (401, "unauthenticated")
        assert connect("key-a", server=server).start(api_key="key-b").ended() == (400, "invalid_request")
        assert connect(None, server=server, header=["Authorization: Basic key-a"]).ended() == (400, "invalid_request")
        waiting = connect("key-b", server=server)
        clock.advance(1)
        assert waiting.ended() == (401, "unauthenticated")
        other = temporary_key(server, usage_type="transcribe_websocket")
        assert connect(other, server=server).start().ended() == (401, "unauthenticated")


def test_a_single_use_key_opens_one_stream(fake, connect):
    key = temporary_key(fake, single_use=True, client_reference_id="from the key")
    client = connect(key)
    assert client.start(voice="Maya").complained() == (400, "invalid_request")
    client.start(client_reference_id="mine").say("a").stream()
    assert client.start().complained() == (401, "unauthenticated")
    assert connect(key).start().ended() == (401, "unauthenticated")
    assert fake.speeches[0].client_reference_id == "from the key"


def test_the_cap_of_a_temporary_key_ends_the_connection(fake, connect, clock):
    client = connect(temporary_key(fake, max_session_duration_seconds=3)).start()
    clock.advance(3)
    assert client.ended() == (403, "temp_api_key_session_expired")
    fake.assert_spoken(ended="error", error_type="temp_api_key_session_expired")


def test_permission_budget_and_limit_refuse_the_stream_only(fake, connect):
    fake.restrict_key("key-b", ["stt_realtime"])
    assert connect("key-b").start().complained() == (403, "permission_denied")
    client = connect()
    fake.limits.exhausted = "project_monthly_budget_exhausted"
    assert client.start().complained() == (402, "project_monthly_budget_exhausted")
    fake.limits.exhausted = None
    fake.limits.max_speeches = 1
    client.start("first").start("second")
    assert client.complained("second") == (429, "limit_exceeded")
    client.say("a", "first").stream("first")
    client.start("second").say("a", "second").stream("second")


@pytest.mark.parametrize(("api_key", "seconds"), [("key-a", 40), (None, 10)])
def test_an_idle_connection_is_closed(fake, connect, clock, api_key, seconds):
    client = connect(api_key)
    clock.advance(seconds - 1)
    client.send(keep_alive=True)
    clock.advance(seconds - 0.1)
    client.synchronize()
    clock.advance(0.1)
    assert client.closed() == 1001
    record = fake.speech_connections[0]
    assert (record.ended, record.close_code, record.keepalives) == ("idle", 1001, 1)


def test_a_connection_whose_key_came_late_may_be_idle_for_as_long_as_others(connect, clock):
    client = connect(None).start(api_key="key-a", voice="Maya")
    assert client.complained() == (400, "invalid_request")
    clock.advance(39)
    client.synchronize()
    clock.advance(1)
    assert client.closed() == 1001


def test_idleness_begins_again_when_the_last_stream_has_ended(client, clock):
    clock.advance(39)
    client.start().synchronize()
    clock.advance(5)
    client.say("a").stream()
    clock.advance(39.9)
    client.synchronize()
    clock.advance(0.1)
    assert client.closed() == 1001


def test_a_connection_without_audio_is_closed_in_spite_of_keepalives(client, clock):
    for _ in range(8):
        clock.advance(20)
        client.send(keep_alive=True).synchronize()
    client.start().say("a").stream()
    for _ in range(8):
        clock.advance(20)
        client.send(keep_alive=True).synchronize()
    clock.advance(20)
    assert client.closed() == 1001


def test_a_stream_without_text_times_out_in_spite_of_keepalives(fake, client, clock):
    client.start().say("Never said.", end=False).synchronize()
    clock.advance(5)
    client.say("", end=False).synchronize()
    clock.advance(5)
    client.send(keep_alive=True).synchronize()
    clock.advance(0.3)
    assert client.refused() == (408, "request_timeout")
    fake.assert_spoken("Never said.", ended="error", audio_bytes=0)
    client.start().say("a").stream()


def test_a_stream_without_audio_times_out(client, clock):
    client.start()
    for _ in range(2):
        client.synchronize()
        clock.advance(5)
        client.say("", end=False)
    clock.advance(1)
    assert client.refused() == (408, "request_timeout")


def test_a_stream_whose_text_comes_slowly_times_out(fake, client, clock):
    client.start().say("A sentence of forty characters, or so...", end=False)
    for _ in range(2):
        clock.advance(4.5)
        client.say("", end=False).synchronize()
    clock.advance(2)
    *spoken, error, end = client.stream()
    assert sec(audio(spoken)) < 0.8 * 11
    assert (error["error_code"], error["error_type"], end["terminated"]) == (408, "request_timeout", True)


def test_a_stream_whose_text_comes_as_fast_as_it_is_spoken_goes_on(fake, client, clock):
    client.start()
    for _ in range(6):
        client.say("A sentence of forty characters, or so...", end=False).synchronize()
        clock.advance(3.5)
    assert client.say("").stream()[-2]["audio_end"]


def test_timers_can_be_set(connect, clock):
    rules = SpeechRules(idle_sec=1, idle_without_key_sec=2, silent_sec=None, text_timeout_sec=3)
    with FakeSoniox(clock=clock, speech=rules, key_in_start_message=True) as server:
        with_key, without_key = connect(server=server), connect(None, server=server)
        streaming = connect(server=server).start()
        streaming.synchronize()
        clock.advance(1)
        assert with_key.closed() == 1001
        clock.advance(1)
        assert without_key.closed() == 1001
        clock.advance(1)
        assert streaming.refused() == (408, "request_timeout")


def test_rules_that_cannot_be_are_refused():
    for wrong in ({"idle_sec": -1.0}, {"realtime_factor": 0.0}, {"text_timeout_sec": float("nan")}):
        with pytest.raises(ValueError, match="cannot be"):
            SpeechRules(**wrong)


@pytest.mark.parametrize("longest_sec", [2.0, 2.25])
def test_what_is_too_long_is_cut_off_wherever_a_piece_ends(connect, longest_sec):
    with FakeSoniox(speech=SpeechRules(longest_audio_sec=longest_sec)) as server:
        client = connect(server=server)
        for name in ("pcm_s16le", "flac", "opus"):
            messages = client.start(audio_format=name, sample_rate=16_000).say("a" * 60).stream()
            assert messages[-2]["error_type"] == "max_audio_duration_reached"
            assert all("audio" in message for message in messages[:-2])
            assert audio(messages) == post(server, audio_format=name, sample_rate=16_000, text="a" * 60)[2]


def test_audio_may_be_as_long_as_it_likes(connect):
    with FakeSoniox(speech=SpeechRules(longest_audio_sec=float("inf"))) as server:
        messages = connect(server=server).start().say("a" * 2100).stream()
        assert sec(audio(messages)) == pytest.approx(150, abs=0.1)
        assert audio(messages) == post(server, text="a" * 2100)[2]


def test_two_minutes_of_audio_are_delivered_and_then_refused(fake, client):
    messages = client.start().say(LONG).stream()
    assert sec(audio(messages)) == pytest.approx(120, abs=0.1)
    assert not any(message.get("audio_end") for message in messages)
    assert (messages[-2]["error_code"], messages[-2]["error_type"]) == (413, "max_audio_duration_reached")
    assert fake.speeches[0].error_type == "max_audio_duration_reached"


def test_audio_may_come_as_fast_as_it_plays(connect, clock):
    with FakeSoniox(clock=clock, speech=SpeechRules(realtime_factor=1.0)) as server:
        client = connect(server=server).start().say("a" * 28)
        got = [client.message()]
        for _ in range(3):
            client.synchronize()
            assert sec(audio(got)) == pytest.approx(server.speeches[0].audio_duration_ms / 1000)
            clock.advance(0.5)
            got.append(client.message())
        assert got[-1]["audio_end"]
        assert sec(audio(got)) == 2.0


def test_a_client_that_does_not_read_costs_no_memory(fake, client):
    for number in range(5):
        client.start(str(number), **LARGE).say(LONG, str(number))
    before = sum(record.audio_bytes for record in fake.speeches)
    client.ws.ping("all was read")
    for _ in range(50):
        fake.speeches  # noqa: B018 - takes the lock that the connection's thread needs
    # All of it would be 115 MB.
    assert max(before, sum(record.audio_bytes for record in fake.speeches)) < 16 * 1024 * 1024
    heard = set()
    while len(heard) < 5:
        opcode, data = client.ws.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_TEXT:
            heard.add(json.loads(data)["stream_id"])


def test_a_cancellation_is_heard_while_audio_is_made(fake, client):
    client.start("long", sample_rate=48_000).say(LONG, "long").send(stream_id="long", cancel=True)
    assert "terminated" in client.stream("long")[-1]
    assert fake.speeches[0].audio_duration_ms < 120_000


def test_streams_end_as_their_connection(fake, connect):
    client = connect().start()
    client.synchronize()
    client.close()
    left = connect().start()
    left.synchronize()
    left.ws.sock.close()
    left.ws.sock = None
    fake.stop()
    assert fake.speeches[0].ended == "client_closed"
    assert all(record.ended is not None for record in (*fake.speeches, *fake.speech_connections))


def test_what_streams_spoke_is_in_the_usage(fake, client):
    client.start(client_reference_id="mine").say("Hello.").stream()
    client.start().say("b", end=False).send(stream_id="s", cancel=True).stream()
    assert [entry.client_reference_id for entry in fake.usage] == ["mine", ""]
    assert fake.usage[0].output_audio_duration_ms == fake.speeches[0].audio_duration_ms


def test_open_connections_are_unexpected(fake, client, monkeypatch):
    monkeypatch.setattr(assertions, "GRACE_SEC", 0.1)
    client.synchronize()
    with pytest.raises(AssertionError, match="for text-to-speech"):
        fake.check()


def test_a_claim_about_speech_says_what_was_spoken_instead(fake_soniox):
    with pytest.raises(AssertionError, match="there was no speech at all"):
        fake_soniox.assert_spoken("Hello.")
    post(fake_soniox, text="Hello.", voice="Nina")
    assert fake_soniox.assert_spoken("Hello.", voice="Nina", speed=None).stream_id is None
    with pytest.raises(AssertionError, match=r"voice: expected 'Adrian', was 'Nina'"):
        fake_soniox.assert_spoken("Hello.", voice="Adrian")


def test_the_handshake_goes_through_the_sub_protocol(fake):
    ws = websocket.create_connection(fake.tts_websocket_url, subprotocols=["soniox-api-key", "k"], timeout=60)
    assert ws.getsubprotocol() == "soniox-api-key"
    ws.close()
    ws.shutdown()
