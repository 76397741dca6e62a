"""A fake that runs for long: FakeSoniox(keep=N) bounds what it remembers, and what it stores."""

from __future__ import annotations

import re
import time

import pytest

from soniox_lite import SonioxClient, SonioxNotFoundError
from soniox_testing import FakeSoniox, VirtualClock
from tests.fake.tts_client import TtsClient

_CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


@pytest.fixture
def fake():
    with FakeSoniox(keep=2) as made:
        yield made


@pytest.fixture
def client(fake):
    with SonioxClient(
        fake.api_key, api_base_url=fake.api_base_url, websocket_base_url=fake.stt_websocket_url, max_retries=0
    ) as made:
        yield made


def _talk(client, audio):
    with client.realtime.stt.connect(config=_CONFIG) as session:
        session.send_byte_chunk(audio)
        session.finish()
        list(session.receive_events())


def test_the_newest_records_of_each_kind_are_kept(fake, client):
    for number in range(3):
        _talk(client, bytes(3200))
        fake.add_usage(f"stt-async-v{number}")
        speech = TtsClient(fake).start().say("Hello.")
        speech.stream()
        speech.close()
    assert [record.audio_bytes for record in fake.sessions] == [3200, 3200]
    assert len(fake.speeches) == len(fake.speech_connections) == len(fake.usage) == 2
    for _ in range(3):
        client.files.list()
    assert [request.path for request in fake.requests] == ["/v1/files"] * 2


def test_the_oldest_of_what_is_stored_is_deleted_wherever_it_is(fake, client):
    files = [client.files.upload(b"ID3", filename=f"{number}.mp3") for number in range(8)]
    client.files.delete(files[1].id)
    with SonioxClient("other", api_base_url=fake.api_base_url, max_retries=0) as other:
        for _ in range(2):
            other.files.upload(b"ID3", filename="other.mp3")
    assert [file.filename for file in client.files.list().files] == [f"{number}.mp3" for number in range(2, 8)]
    assert len(fake.files) == 8
    jobs = [client.stt.create(audio_url="https://example.com/a.mp3") for _ in range(9)]
    with pytest.raises(SonioxNotFoundError):
        client.stt.get(jobs[0].id)
    assert [job.id for job in client.stt.list().transcriptions] == [job.id for job in jobs[1:]]
    voices = [client.voices.create(b"clip", name=f"v{number}", filename="a.wav") for number in range(9)]
    assert [voice.id for voice in client.voices.list().voices] == [voice.id for voice in voices[1:]]


def test_audio_of_the_newest_sessions_is_kept(fake, client):
    for size in (4000, 3000, 2000):
        _talk(client, bytes(size))
    first, second = fake.sessions
    assert [len(fake.session_audio(session.id)) for session in (first, second)] == [3000, 2000]
    _talk(client, bytes(9000))
    old, new = fake.sessions
    for session in (old, new):
        with pytest.raises(KeyError, match="not kept any more"):
            fake.session_audio(session.id)
    assert (old.audio_bytes, new.audio_bytes) == (2000, 9000)
    _talk(client, bytes(1000))
    assert fake.session_audio(fake.sessions[1].id) == bytes(1000)


def test_a_transcriber_gets_all_audio_of_a_session_however_long():
    heard = []

    def transcriber(audio, config):
        heard.append(len(audio))
        return "words"

    with (
        FakeSoniox(keep=1, transcriber=transcriber) as fake,
        SonioxClient(fake.api_key, websocket_base_url=fake.stt_websocket_url) as client,
    ):
        _talk(client, bytes(32_000))
        assert heard == [32_000]
        _talk(client, bytes(100))
        with pytest.raises(KeyError):
            fake.session_audio("no such session")


def test_webhooks_that_are_done_are_forgotten_and_those_that_are_not_are_sent():
    clock = VirtualClock()
    with (
        FakeSoniox(keep=1, clock=clock) as fake,
        SonioxClient(fake.api_key, api_base_url=fake.api_base_url) as client,
    ):
        for _ in range(3):
            client.stt.create(audio_url="https://example.com/a.mp3", config={"webhook_url": "http://example.com/"})
            clock.advance(1)
        assert [delivery.outcome for delivery in fake.webhooks] == ["refused"]


def test_threads_of_ended_conversations_and_failures_do_not_pile_up(client, fake):
    for _ in range(5):
        fake.on_session(lambda conversation: (conversation.expect_end(), conversation.finish()))
        _talk(client, bytes(10))
        deadline = time.monotonic() + 60
        # The end of a conversation's thread has no event.
        while any(thread.is_alive() for thread in fake._state.conversation_threads) and time.monotonic() < deadline:
            time.sleep(0.001)
    assert len(fake._state.conversation_threads) == 1
    for number in range(150):
        fake._state.remember_failure(ZeroDivisionError(str(number)))
    assert (len(fake._state.history.failures), str(fake._state.history.failures[0].error)) == (100, "0")
    fake._state.history.failures.clear()


def test_keys_that_left_nothing_and_faults_that_are_used_up_are_forgotten(fake):
    for number in range(5):
        with SonioxClient(f"key-{number}", api_base_url=fake.api_base_url) as client:
            client.files.list()
    assert len(fake._state.projects._projects) <= 2
    for _ in range(150):
        fake.faults.truncate(operation="get_files_count", times=1)
        assert fake._state.faults.take_for_request("get_files_count") is not None
    assert len(fake._state.faults._faults) <= 100


@pytest.mark.parametrize("keep", [0, -1])
def test_something_must_be_kept(keep):
    with pytest.raises(ValueError, match=re.escape(f"keep must be above 0, not {keep}")):
        FakeSoniox(keep=keep)


def test_without_a_bound_everything_stored_is_kept():
    with FakeSoniox() as fake, SonioxClient(fake.api_key, api_base_url=fake.api_base_url) as client:
        for number in range(20):
            client.files.upload(b"ID3", filename=f"{number}.mp3")
        assert len(client.files.list().files) == 20
