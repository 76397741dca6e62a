"""Transcribers: functions of the test that return the words of an audio."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

import pytest

from soniox_testing import FakeSoniox, FakeSonioxError, VirtualClock, Word, after_seconds
from tests.fake.stt_client import AUDIO_FORMAT, SttClient, audio
from tests.support.insides import wait_until


class Ear:
    """A transcriber that records its calls, and returns when the test lets it."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = []
        self.called = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, audio, config):
        self.calls.append((audio, config))
        self.called.set()
        assert self.may_answer.wait(60)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def hearing(clock):
    """Makes started fakes with a transcriber; jobs complete after 20 s."""
    fakes = []

    def make(transcriber):
        rule = after_seconds(queued=10, processing=10)
        fakes.append(FakeSoniox(transcriber=transcriber, clock=clock, progress=rule).start())
        return fakes[-1]

    yield make
    for fake in fakes:
        fake.stop()


def _job(client, content=b"sound", **payload):
    file_id = client.upload(content).json["id"]
    return client.create(file_id=file_id, **payload).json["id"]


def _accepts(fake):
    """Whether the fake takes connections."""
    address = urlsplit(fake.url)
    try:
        socket.create_connection((address.hostname, address.port), 20).close()
    except OSError:
        return False
    return True


def _get(client, job, what=""):
    return client("GET", f"/v1/transcriptions/{job}{what}").json


def test_a_job_on_a_file_says_what_the_transcriber_heard(hearing, clock, connect):
    ear = Ear([Word("hello", 100, 400, confidence=0.5), Word("you", 500, 600)])
    client = connect(server=hearing(ear))
    job = _job(client, b"real sound", language_hints=["en"], client_reference_id=None)
    clock.advance(20)
    assert _get(client, job)["status"] == "completed"
    for _ in range(2):
        transcript = _get(client, job, "/transcript")
        assert transcript["text"] == "hello you"
        assert (transcript["tokens"][0]["start_ms"], transcript["tokens"][0]["confidence"]) == (100, 0.5)
    ((content, config),) = ear.calls
    assert content == b"real sound"
    assert (config["model"], config["language_hints"]) == ("stt-async-v5", ["en"])


@pytest.mark.parametrize(("heard", "text"), [("so it is", "so it is"), ("", ""), ([], "")])
def test_text_is_split_and_silence_says_nothing(hearing, clock, connect, heard, text):
    client = connect(server=hearing(Ear(heard)))
    job = _job(client)
    clock.advance(20)
    assert _get(client, job, "/transcript")["text"] == text


def test_scripts_win_and_urls_have_no_audio(hearing, clock, connect):
    ear = Ear("heard")
    fake = hearing(ear)
    client = connect(server=fake)
    fake.add_transcript("told")
    fake.fail_next_job("audio_too_long", "The audio is too long.")
    jobs = [_job(client), _job(client), client.create().json["id"]]
    clock.advance(20)
    assert [_get(client, job)["status"] for job in jobs] == ["error", "completed", "completed"]
    assert _get(client, jobs[1], "/transcript")["text"] == "told"
    assert ear.calls == []


def test_a_job_waits_for_its_words_without_blocking_requests(time, connect):
    ear = Ear("late")
    ear.may_answer.clear()
    rule = after_seconds(queued=10, processing=10)
    with FakeSoniox(transcriber=ear, clock=time, progress=rule) as fake:
        client = connect(server=fake)
        job = _job(client)
        other = client.create().json["id"]
        assert ear.called.wait(60)
        time.now_sec += 1000
        assert _get(client, other)["status"] == "completed"
        assert _get(client, job)["status"] == "processing"
        ear.may_answer.set()
        wait_until(lambda: _get(client, job)["status"] == "completed")
        assert _get(client, job, "/transcript")["text"] == "late"


def test_a_webhook_leaves_after_the_words_came(time, connect):
    ear = Ear("late")
    ear.may_answer.clear()
    with FakeSoniox(transcriber=ear, clock=time, progress=after_seconds()) as fake:
        job = _job(connect(server=fake), webhook_url="https://example.com/never-called")
        assert ear.called.wait(60)
        assert fake.webhooks == ()
        ear.may_answer.set()
        assert fake.wait_for_webhook(job, timeout_sec=60).status == "completed"


def test_a_deleted_job_is_not_heard(time, connect):
    ear = Ear("late")
    ear.may_answer.clear()
    with FakeSoniox(transcriber=ear, clock=time, progress=after_seconds(queued=10)) as fake:
        client = connect(server=fake)
        first, second = _job(client, b"1", webhook_url="https://example.com/never-called"), _job(client, b"2")
        assert ear.called.wait(60)
        for job in (first, second):
            assert client("DELETE", f"/v1/transcriptions/{job}").status == 204
        time.now_sec += 1000
        ear.may_answer.set()
        third = _job(client, b"3")
        time.now_sec += 1000
        wait_until(lambda: _get(client, third)["status"] == "completed")
        assert [content for content, _ in ear.calls] == [b"1", b"3"]
        assert fake.webhooks == ()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (OSError("no model"), "OSError: no model"),
        (["a", "b"], "TypeError: a transcriber returns"),
        (None, "TypeError"),
        ([Word("b", 5, 6), Word("a", 1, 2)], "ValueError"),
    ],
)
def test_what_it_raises_ends_the_job_and_is_raised_at_the_end(hearing, clock, connect, answer, what):
    fake = hearing(Ear(answer))
    client = connect(server=fake)
    job = _job(client)
    clock.advance(11)
    assert _get(client, job)["status"] == "processing"
    clock.advance(9)
    ended = _get(client, job)
    assert (ended["status"], ended["error_type"]) == ("error", "internal_error")
    assert what in ended["error_message"]
    with pytest.raises(FakeSonioxError, match=what):
        fake.stop()


def test_jobs_left_at_the_stop_are_heard_after_the_next_start(connect):
    ear = Ear("said")
    ear.may_answer.clear()
    fake = FakeSoniox(transcriber=ear, progress=after_seconds()).start()
    client = connect(server=fake)
    for content in (b"1", b"2"):
        _job(client, content)
    assert ear.called.wait(60)
    stopper = threading.Thread(target=fake.stop)
    stopper.start()
    wait_until(lambda: not _accepts(fake))
    ear.may_answer.set()
    stopper.join(60)
    with fake:
        wait_until(lambda: [job.status for job in fake.transcriptions] == ["completed", "completed"])
    assert [content for content, _ in ear.calls] == [b"1", b"2"]


def test_a_session_says_at_its_end_what_was_heard(hearing):
    ear = Ear([Word("good", 200, 500), Word("day.", 600, 900)])
    fake = hearing(ear)
    session = SttClient(fake).start(language_hints=["en"], enable_language_identification=True)
    session.audio(3000).audio(1000).text("")
    messages, code = session.rest()
    session.leave()
    assert code == 1000
    assert messages[-1]["finished"] is True
    tokens = [token for message in messages for token in message["tokens"]]
    assert "".join(token["text"] for token in tokens) == "good day."
    assert all(token["is_final"] and token["language"] == "en" for token in tokens)
    assert tokens[0]["start_ms"] == 200
    ((content, config),) = ear.calls
    assert content == audio(4000)
    assert config == {
        "model": "stt-rt-v5",
        **AUDIO_FORMAT,
        "language_hints": ["en"],
        "enable_language_identification": True,
    }


def test_scripts_win_in_sessions_too(hearing):
    ear = Ear("heard")
    fake = hearing(ear)
    fake.add_transcript("told")
    session = SttClient(fake).start()
    session.audio(4000).text("")
    messages, _ = session.rest()
    session.leave()
    assert "told" in [token["text"] for message in messages for token in message["tokens"]]
    assert ear.calls == []


def test_what_it_raises_ends_the_session(hearing):
    fake = hearing(Ear(OSError("no model")))
    session = SttClient(fake).start()
    session.audio(1000).text("")
    messages, _ = session.rest()
    session.leave()
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (500, "internal_error")
    assert "no model" in messages[-1]["error_message"]
    with pytest.raises(FakeSonioxError, match="no model"):
        fake.stop()
