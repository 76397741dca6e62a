"""Realtime sessions that a function of the test runs."""

from __future__ import annotations

import threading

import pytest

from soniox_testing import FakeSoniox, FakeSonioxError
from tests.fake.stt_client import SttClient, audio, finals, text_of
from tests.support.insides import wait_until


@pytest.fixture
def server():
    with FakeSoniox() as fake:
        yield fake


def failures_of(function, act, **start):
    """The error of stopping the fake after a function failed, and the messages that its client received."""
    fake = FakeSoniox().start()
    fake.on_session(function)
    client = SttClient(fake).start(**start)
    act(client)
    messages, code = client.rest()
    client.close()
    with pytest.raises(FakeSonioxError) as told:
        fake.stop()
    (failure,) = told.value.failures
    assert code == 1000
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (500, "internal_error")
    assert str(failure) in messages[-1]["error_message"]
    assert fake.sessions[0].ended == "error"
    return failure


def test_a_conversation_from_start_to_finish(server):
    def talk(conversation):
        conversation.expect_config(model="stt-rt-v5", language_hints=None, enable_endpoint_detection=True)
        assert conversation.expect_audio(ms=500) == audio(500)
        conversation.says("Hello wor", final=False)
        conversation.says("Hello world.")
        conversation.endpoint()
        conversation.expect_keepalive()
        conversation.expect_audio(ms=500)
        conversation.says("Bye", final=False)
        conversation.expect_finalize()
        conversation.finalized()
        conversation.expect_end()
        conversation.finish()

    server.on_session(talk)
    server.add_transcript("not used")
    client = SttClient(server).start(enable_endpoint_detection=True).audio(300).audio(200)
    client.text({"type": "keepalive"}).audio(500).text({"type": "finalize"}).text("")
    messages, code = client.rest()
    client.close()
    assert code == 1000
    confident = {"confidence": 0.98}
    assert messages == [
        {
            "tokens": [
                {"text": "Hello", "start_ms": 0, "end_ms": 250, **confident, "is_final": False},
                {"text": " wor", "start_ms": 250, "end_ms": 500, **confident, "is_final": False},
            ],
            "final_audio_proc_ms": 0,
            "total_audio_proc_ms": 500,
        },
        {
            "tokens": [
                {"text": "Hello", "start_ms": 0, "end_ms": 250, **confident, "is_final": True},
                {"text": " world.", "start_ms": 250, "end_ms": 500, **confident, "is_final": True},
            ],
            "final_audio_proc_ms": 500,
            "total_audio_proc_ms": 500,
        },
        {"tokens": [{"text": "<end>", "is_final": True}], "final_audio_proc_ms": 500, "total_audio_proc_ms": 500},
        {
            "tokens": [{"text": " Bye", "start_ms": 500, "end_ms": 1000, **confident, "is_final": False}],
            "final_audio_proc_ms": 500,
            "total_audio_proc_ms": 1000,
        },
        {
            "tokens": [
                {"text": " Bye", "start_ms": 500, "end_ms": 1000, **confident, "is_final": True},
                {"text": "<fin>", "is_final": True},
            ],
            "final_audio_proc_ms": 1000,
            "total_audio_proc_ms": 1000,
        },
        {"tokens": [], "final_audio_proc_ms": 1000, "total_audio_proc_ms": 1000, "finished": True},
    ]
    record = server.sessions[0]
    assert (record.ended, record.close_code, record.audio_bytes) == ("finished", 1000, 8000)
    assert record.controls == ("keepalive", "finalize", "end")


def test_tokens_carry_what_was_asked_for(server):
    def talk(conversation):
        conversation.says("Hola", start_ms=120, end_ms=480)
        conversation.translates("Hello there", final=False)
        conversation.translates("Hello")
        conversation.says("Hallo", speaker="2", language="de", start_ms=500, end_ms=700, confidence=0.5)
        conversation.translates("Salut", to="fr", source="de", speaker="2")
        conversation.finish()

    server.on_session(talk)
    client = SttClient(server).start(
        enable_speaker_diarization=True,
        language_hints=["es"],
        translation={"type": "one_way", "target_language": "en"},
    )
    messages, _ = client.rest()
    client.close()
    assert [token["text"] for token in messages[1]["tokens"]] == [" Hello", " there"]
    assert not messages[1]["tokens"][0]["is_final"]
    spanish, hello, german, french = finals(messages)
    shared = {"is_final": True, "speaker": "1"}
    assert spanish == {
        "text": "Hola", "start_ms": 120, "end_ms": 480, "confidence": 0.98, "language": "es",
        "translation_status": "original", **shared,
    }  # fmt: skip
    translated = {"translation_status": "translation"}
    assert hello == {"text": " Hello", "language": "en", "source_language": "es", **translated, **shared}
    assert (german["speaker"], german["language"], german["confidence"]) == ("2", "de", 0.5)
    assert (german["text"], german["start_ms"], german["end_ms"]) == (" Hallo", 500, 700)
    assert (french["language"], french["source_language"], french["speaker"]) == ("fr", "de", "2")
    assert messages[-1]["total_audio_proc_ms"] == 700


def test_what_is_not_final_becomes_final_at_the_end(server):
    server.on_session(lambda conversation: (conversation.says("left over", final=False), conversation.finish()))
    client = SttClient(server).start()
    messages, _ = client.rest()
    client.close()
    assert text_of(messages) == "left over"
    assert messages[-1]["finished"]


def test_audio_is_expected_however_it_is_cut(server):
    heard = []

    def talk(conversation):
        heard.append(conversation.expect_audio(bytes=5))
        heard.append(conversation.expect_audio(bytes=3))
        heard.append(conversation.expect_audio(contains=b"xyz"))
        heard.append(conversation.expect_audio())
        conversation.expect_end()

    server.on_session(talk)
    client = SttClient(server).start()
    for piece in (b"abcdefgh", b"..x", b"yz..", b"more"):
        client.ws.send_binary(piece)
    client.text("").rest()
    client.close()
    assert heard[:3] == [b"abcde", b"fgh", b"..xyz"]
    assert heard[3].startswith(b"..")


def test_a_function_may_leave_the_rest_to_the_fake(server):
    server.on_session(lambda conversation: conversation.says("Hello"))
    client = SttClient(server).start().audio(500).text({"type": "finalize"}).text("")
    messages, code = client.rest()
    client.close()
    assert (text_of(messages), messages[-1]["finished"], code) == ("Hello<fin>", True, 1000)


def test_functions_are_used_in_their_order_and_for_their_reference(server):
    def saying(text):
        return lambda conversation: (conversation.says(text), conversation.finish())

    server.on_session(saying("mine"), client_reference_id="me")
    server.on_session(saying("twice"), times=2)
    said = []
    for reference in (None, "me", "other"):
        client = SttClient(server).start(client_reference_id=reference)
        said.append(text_of(client.rest()[0]))
        client.close()
    assert said == ["twice", "mine", "twice"]
    server.add_transcript("by itself")
    client = SttClient(server).start().audio(100).text("")
    assert text_of(client.rest()[0]) == "by itself"
    client.close()
    with pytest.raises(ValueError, match="0 sessions"):
        server.on_session(saying("never"), times=0)


def test_anything_can_be_sent(server):
    server.on_session(lambda conversation: (conversation.sends({"tokens": [], "new": 1}), conversation.sends("[")))
    client = SttClient(server).start()
    assert client.message() == {"tokens": [], "new": 1}
    assert client.ws.recv_data() == (1, b"[")
    client.close()


def test_a_function_may_end_the_session_badly(server):
    server.on_session(lambda conversation: conversation.error("service_unavailable", "(code 3)"))
    client = SttClient(server).start()
    assert client.error() == (503, "service_unavailable")
    client.close()
    server.on_session(lambda conversation: conversation.drop())
    client = SttClient(server).start()
    with pytest.raises(ConnectionResetError):
        client.rest()
    client.leave()
    server.on_session(lambda conversation: conversation.drop("close:1013"))
    client = SttClient(server).start()
    assert client.rest() == ([], 1013)
    client.close()
    server.on_session(lambda conversation: conversation.stall())
    client = SttClient(server).start()
    wait_until(lambda: [session.ended for session in server.sessions].count("dropped") == 3)
    client.ws.settimeout(0.05)
    with pytest.raises(Exception, match="timed out"):
        client.message()
    client.leave()
    assert [session.ended for session in server.sessions] == ["error", "dropped", "dropped", "dropped"]


# Failures


def test_a_start_message_that_is_not_as_expected_is_shown():
    failure = failures_of(lambda conversation: conversation.expect_config(model="x", a=1), lambda client: None)
    assert isinstance(failure, AssertionError)
    assert "model='x', but it is 'stt-rt-v5'; a=1, but it is None" in str(failure)


def test_nothing_waits_a_negative_time(fake):
    fake.on_session(lambda conversation: conversation.wait(-1))
    session = SttClient(fake, fake.api_key).start()
    assert session.rest()[0][-1]["error_code"] == 500
    session.leave()
    with pytest.raises(FakeSonioxError, match="seconds must not be negative, as -1 is"):
        fake.stop()


@pytest.mark.parametrize(
    ("expect", "wanted"),
    [
        (lambda conversation: conversation.expect_finalize(within_sec=0.05), "finalize"),
        (lambda conversation: conversation.expect_keepalive(within_sec=0.05), "keepalive"),
        (lambda conversation: conversation.expect_end(within_sec=0.05), "the end of the audio"),
        (lambda conversation: conversation.expect_audio(ms=500, within_sec=0.05), "500 ms of audio"),
        (lambda conversation: conversation.expect_audio(bytes=9000, within_sec=0.05), "9000 bytes of audio"),
        (lambda conversation: conversation.expect_audio(contains=b"xyz", within_sec=0.05), "audio with b'xyz' in it"),
    ],
)
def test_what_does_not_come_is_said(expect, wanted):
    def talk(conversation):
        conversation.expect_audio(ms=200)
        expect(conversation)

    failure = failures_of(talk, lambda client: client.audio(100).audio(100))
    assert str(failure) == (
        f"expected {wanted}, but nothing more came within 0.05 s. "
        "Since its start message the client sent: audio in 2 message(s), 1600 bytes, 200 ms by then"
    )


def test_what_came_instead_is_said():
    keepalive = {"type": "keepalive"}
    failure = failures_of(
        lambda conversation: conversation.expect_finalize(),
        lambda client: client.text(keepalive).text(keepalive).audio(100).text(""),
    )
    assert str(failure) == (
        "expected finalize, but the client sent the end of the audio. Since its start message the client sent: "
        "keepalive 2 times; audio in 1 message(s), 800 bytes, 100 ms by then; the end of the audio"
    )
    failure = failures_of(
        lambda conversation: conversation.expect_audio(ms=100), lambda client: client.text({"type": "finalize"})
    )
    assert "expected 100 ms of audio, but the client sent finalize" in str(failure)


def test_any_exception_of_the_function_counts():
    def talk(conversation):
        raise KeyError("mistake")

    assert isinstance(failures_of(talk, lambda client: None), KeyError)


def test_a_client_that_leaves_too_early_fails_the_expectation():
    fake = FakeSoniox().start()
    fake.on_session(lambda conversation: conversation.expect_end())
    client = SttClient(fake).start()
    client.close()
    with pytest.raises(FakeSonioxError, match=r"the session was over \(client_closed\)"):
        fake.stop()


def test_the_stop_of_the_fake_fails_what_is_still_expected():
    fake = FakeSoniox().start()
    fake.on_session(lambda conversation: conversation.expect_end(within_sec=60))
    client = SttClient(fake).start()
    client.synchronize()
    with pytest.raises(FakeSonioxError, match=r"the session was over \(stopped\)"):
        fake.stop()
    client.leave()


def test_a_client_may_leave_when_nothing_is_expected(server):
    done = threading.Event()

    def talk(conversation):
        conversation.says("Hello")
        done.set()

    server.on_session(talk)
    client = SttClient(server).start()
    assert done.wait(60)
    client.close()


def test_nothing_can_be_said_after_the_end():
    fake = FakeSoniox().start()
    fake.on_session(lambda conversation: (conversation.finish(), conversation.says("more")))
    client = SttClient(fake).start()
    assert client.rest()[1] == 1000
    client.close()
    with pytest.raises(FakeSonioxError, match="has ended the session already"):
        fake.stop()
    assert fake.sessions[0].ended == "finished"


def test_mistakes_in_the_words_are_told():
    failure = failures_of(lambda conversation: conversation.translates("x"), lambda client: None)
    assert "the client asked for no translation from 'en'" in str(failure)
    failure = failures_of(lambda conversation: conversation.says("x", start_ms=5, end_ms=4), lambda client: None)
    assert "from 5 to 4 ms" in str(failure)


def test_faults_strike_conversations_too(server):
    def talk(conversation):
        for word in ["one", "two", "three"]:
            conversation.says(word)

    server.on_session(talk)
    server.faults.drop(after_frames=2, how="close:1012", times=1)
    client = SttClient(server).start()
    messages, code = client.rest()
    client.close()
    assert (text_of(messages), code) == ("one two", 1012)
    server.on_session(lambda conversation: None)
    server.faults.error("service_unavailable", after_audio_ms=100, times=1)
    client = SttClient(server).start().audio(200)
    assert client.error() == (503, "service_unavailable")
    client.close()


def test_the_limit_of_sessions_is_kept(server):
    server.limits.max_realtime_sessions = 1
    first = SttClient(server).start().audio(100)
    first.synchronize()
    second = SttClient(server).start()
    assert second.error() == (429, "limit_exceeded")
    second.close()
    first.close()


def test_a_transcript_may_be_for_certain_bytes(client, fake, time):
    fake.add_transcript("those bytes", content=b"those")
    fake.add_transcript("any bytes")
    jobs = []
    for content in (b"other", b"those"):
        file_id = client.upload(content).json["id"]
        jobs.append(client.create(file_id=file_id).json["id"])
    time.now_sec += 100
    texts = [client("GET", f"/v1/transcriptions/{job}/transcript").json["text"] for job in jobs]
    assert texts == ["any bytes", "those bytes"]
