"""Scripts in JSON: conversations, recordings and the rest, and what is asked about them afterwards."""

from __future__ import annotations

import base64
import contextlib
import json
import threading

import pytest
import websocket

from soniox_lite import SonioxAPIError, SonioxConnectionError, SonioxRealtimeError
from soniox_testing import Recording
from tests.fake.control.harness import Control
from tests.support.tables import each_row

_CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
_SECOND = bytes(32_000)


@pytest.fixture
def control():
    made = Control()
    with made.server:
        yield made


def _steps(*steps):
    """A script with a conversation of these steps."""
    return {"conversations": [{"steps": list(steps)}]}


def _opened(control):
    """A session."""
    url = control("GET", "state")[1]["stt_websocket_url"]
    live = websocket.create_connection(url, timeout=60, header=["Authorization: Bearer k"])
    live.send(json.dumps(_CONFIG))
    return live


def _started(control):
    """A session whose start message was accepted, so that its conversation has begun, which says nothing."""
    live = _opened(control)
    live.ping()
    assert live.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG
    return live


def _said(control, steps, *, chunks=(_SECOND,), **config):
    """The events of a session that a conversation runs, as texts with their finality, and how it ended."""
    status, body = control("POST", "scripts", {"conversations": [{"steps": steps}]})
    assert status == 200, body
    said = []
    with control.client() as client, client.realtime.stt.connect(config=_CONFIG | config) as session:
        # The conversation may end the session before all is sent.
        with contextlib.suppress(SonioxRealtimeError):
            for chunk in chunks:
                session.send_byte_chunk(chunk)
            session.finish()
        events = session.receive_events()
        try:
            for event in events:
                if event.error_code:
                    said.append((event.error_code, event.error_type))
                said += [(token.text, token.is_final) for token in event.tokens]
        except SonioxConnectionError:
            said.append("dropped")
    return said


def test_a_conversation_has_drafts_and_markers(control):
    steps = [
        {"verb": "expect_config", "model": "stt-rt-v5", "enable_endpoint_detection": True},
        {"verb": "expect_audio", "ms": 500, "within_sec": 10},
        {"verb": "says", "text": "hel", "final": False},
        {"verb": "says", "text": "hello there", "speaker": "2"},
        {"verb": "endpoint"},
        {"verb": "sends", "message": {"tokens": [{"text": "!", "is_final": True}], "other": 1}},
    ]
    assert _said(control, steps, enable_endpoint_detection=True) == [
        ("hel", False),
        ("hello", True),
        (" there", True),
        ("<end>", True),
        ("!", True),
    ]


def test_errors_and_drops_come_at_a_position_of_the_audio(control):
    error = {"verb": "error", "error_type": "service_unavailable", "at_ms": 1500}
    assert _said(control, [{"verb": "says", "text": "one", "at_ms": 1000}, error], chunks=[_SECOND] * 2) == [
        ("one", True),
        (503, "service_unavailable"),
    ]
    assert _said(control, [{"verb": "says", "text": "two"}, {"verb": "drop", "how": "eof", "at_ms": 900}]) == [
        ("two", True),
        "dropped",
    ]
    assert [session["ended"] for session in control("GET", "records")[1]["sessions"]] == ["error", "dropped"]


def test_a_conversation_may_run_all_sessions(control):
    conversation = {"steps": [{"verb": "says", "text": "again"}], "times": None, "client_reference_id": "r"}
    assert control("POST", "scripts", {"conversations": [conversation]})[0] == 200
    with control.client() as client:
        for _ in range(2):
            with client.realtime.stt.connect(config=_CONFIG | {"client_reference_id": "r"}) as session:
                session.finish()
                texts = [token.text for event in session.receive_events() for token in event.tokens]
            assert texts == ["again"]


def test_a_pause_is_on_the_clock_of_the_fake(control):
    steps = [{"verb": "says", "text": "one"}, {"verb": "wait", "seconds": 3600}, {"verb": "says", "text": "two"}]
    control("POST", "scripts", {"conversations": [{"steps": steps}]})
    live = _opened(control)
    assert "one" in live.recv()
    heard = threading.Thread(target=lambda: heard_text.append(live.recv()))
    heard_text = []
    heard.start()
    # The conversation may begin to wait a little later than its text arrives.
    while heard.is_alive():
        control("POST", "clock", {"advance_sec": 600})
    heard.join()
    assert "two" in heard_text[0]
    assert control("GET", "state")[1]["now_sec"] >= 3600
    live.close()


def test_a_pause_ends_with_the_session(control):
    control("POST", "scripts", {"conversations": [{"steps": [{"verb": "wait", "seconds": 3600}]}]})
    live = _started(control)
    live.close()
    for thread in threading.enumerate():
        if thread.name == "fake-soniox-conversation":
            thread.join(60)
            assert not thread.is_alive()


def test_an_expectation_that_is_not_met_is_told(control):
    steps = [{"verb": "expect_config", "model": "stt-rt-v4"}]
    assert _said(control, steps, chunks=()) == [(500, "internal_error")]
    status, body = control("POST", "reset", {})
    assert (status, "expected a start message with model='stt-rt-v4'" in body["error"]) == (500, True)


def test_a_recording_can_be_had_and_compared(control):
    script = {"recordings": [{"recording": {"seconds": 10, "seed": 3, "sample_rate": 2000}, "hearing": "exact"}]}
    assert control("POST", "scripts", script) == (200, {"recordings": ["0"]})
    same = Recording.conversation(10, seed=3, sample_rate=2000)
    (listed,) = control("GET", "recordings")[1]["recordings"]
    assert (listed["text"], listed["config"], len(listed["words"])) == (same.text, same.config, len(same.words))
    audio = control("GET", "recordings/0/audio")[1]
    assert (audio, control("GET", "recordings/0/wav")[1]) == (same.audio(), same.wav())
    assert control("GET", "recordings/0/audio?start_ms=1000&end_ms=2000")[1] == same.audio(1000, 2000)
    with (
        control.client() as client,
        client.realtime.stt.connect(config={"model": "stt-rt-v5"} | same.config) as session,
    ):
        session.send_byte_chunk(audio)
        session.finish()
        text = "".join(token.text for event in session.receive_events() for token in event.tokens if token.is_final)
    assert control("POST", "recordings/0/compare", {"text": text})[1]["is_clean"]
    lost = control("POST", "recordings/0/compare", {"text": text.partition(" ")[2]})[1]
    assert (lost["is_clean"], len(lost["lost"])) == (False, 1)
    for number in ("1", "x", "-1"):
        assert control("GET", f"recordings/{number}/audio")[0] == 404
    assert control("GET", "recordings/0/audio?start_ms=x")[0] == 400
    assert control("POST", "recordings/0/compare", {"words": 1})[0] == 400


def test_words_audio_urls_models_usage_and_faults_can_be_scripted(control):
    content = base64.b64encode(b"<html>").decode()
    words = [{"text": "one", "start_ms": 0, "end_ms": 400}]
    script = {
        "recordings": [{"recording": {"words": words, "duration_ms": 500}, "hearing": {"final_after_ms": [300, 400]}}],
        "audio_urls": [{"audio_url": "https://example.com/a.mp3", "content_base64": content}],
        "tts_models": [{"model_id": "tts-rt-v9", "supports_timestamps": False}],
        "usage": [{"model": "stt-async-v5", "ended_at": "2026-04-01T12:00:00Z", "audio_duration_ms": 60_000}],
        "faults": [{"verb": "answer", "status_code": 503, "times": 1, "operation": "get_files"}],
        "transcripts": [{"transcript": "of these bytes", "content_base64": base64.b64encode(b"RIFF").decode()}],
    }
    assert control("POST", "scripts", script) == (200, {"recordings": ["0"]})
    assert len(control("GET", "state")[1]["pending_faults"]) == 1
    assert [entry["end_time"] for entry in control("GET", "records")[1]["usage"]] == ["2026-04-01T12:00:00.000Z"]
    with control.client() as client:
        assert "tts-rt-v9" in [model.id for model in client.tts_models.list().models]
        job = client.stt.create(file_id=client.files.upload(b"RIFF", filename="a.wav").id)
        of_url = client.stt.create(audio_url="https://example.com/a.mp3")
        control("POST", "clock", {"advance_sec": 1})
        assert client.stt.get_transcript(job.id).text == "of these bytes"
        assert client.stt.get(of_url.id).error_type == "invalid_audio_file"


def test_a_tape_is_played_and_left_with_a_reset(control):
    lines = [
        {"soniox_tape": 1, "recorded_at": "2026-11-27T10:00:00.000Z", "to": "https://api.soniox.com"},
        {"at_ms": 1, "on": 1, "request": {"method": "GET", "path": "/v1/files?limit=100", "headers": {}}},
        {"at_ms": 2, "on": 1, "response": {"status": 418, "headers": {"x-kind": "teapot"}, "json": {}}},
    ]
    tape = base64.b64encode("\n".join(map(json.dumps, lines)).encode()).decode()
    assert control("POST", "scripts", {"tapes": [{"content_base64": tape, "pauses": False}]})[0] == 200
    with control.client() as client:
        with pytest.raises(SonioxAPIError) as caught:
            client.files.list()
        assert caught.value.status_code == 418
        assert control("POST", "reset", {})[0] == 200
        assert client.files.list().files == []


def test_a_webhook_can_be_waited_for_and_sent_again(control):
    with control.client() as client:
        job = client.stt.create(audio_url="https://example.com/a.mp3", config={"webhook_url": "http://example.com/"})
    status, body = control("POST", f"webhooks/{job.id}/wait", {"timeout_sec": 0})
    assert (status, "there is no finished webhook" in body["error"]) == (409, True)
    control("POST", "clock", {"advance_sec": 5})
    status, body = control("POST", f"webhooks/{job.id}/wait", {"timeout_sec": 5})
    assert (status, body["outcome"]) == (200, "refused")
    assert control("POST", f"webhooks/{job.id}/again", {})[1]["transcription_id"] == job.id
    for wrong in ({}, {"timeout_sec": -1}, {"timeout_sec": 61}, {"timeout_sec": True}, {"timeout_sec": 1, "x": 1}):
        assert control("POST", f"webhooks/{job.id}/wait", wrong)[0] == 400


@each_row(
    ("script", "message"),
    [
        ({"conversations": [{}]}, "conversations[0] needs steps"),
        (_steps(), "conversations[0].steps needs a step"),
        (
            {"conversations": [{"steps": [{"verb": "shout"}]}]},
            "conversations[0].steps[0].verb must be one of expect_",
        ),
        (_steps("says"), "conversations[0].steps[0].verb must be one of"),
        (_steps({"verb": "says"}), "conversations[0].steps[0]: says needs text"),
        (_steps({"verb": "says", "text": 1}), "steps[0]: says.text must be str, not 1"),
        (_steps({"verb": "says", "text": "a", "start_ms": 9, "end_ms": 1}), "from 9 to 1 ms"),
        (_steps({"verb": "drop", "how": "gently"}), "steps[0]: drop: how must be"),
        (_steps({"verb": "wait", "seconds": -1}), "steps[0]: wait: seconds must not be negative"),
        (
            {"conversations": [{"steps": [{"verb": "error", "error_type": "x"}]}]},
            "steps[0]: error: give the status_code",
        ),
        (
            {"conversations": [{"steps": [{"verb": "sends", "message": [1]}]}]},
            "sends.message must be an object or a text",
        ),
        (
            {"conversations": [{"steps": [{"verb": "stall"}, {"verb": "finish"}]}]},
            "steps[1] comes after stall, which ends",
        ),
        (
            {"conversations": [{"steps": [{"verb": "stall", "at_ms": -1}]}]},
            "steps[0].at_ms must be milliseconds, not -1",
        ),
        (
            {"conversations": [{"steps": [{"verb": "stall"}], "times": 0}]},
            "conversations[0]: a conversation cannot run 0",
        ),
        ({"recordings": [{"recording": {"seconds": 1e9}}]}, "recordings[0].recording.seconds must be from 0 to 18000"),
        ({"recordings": [{"recording": {}}]}, "recordings[0].recording needs seconds"),
        (
            {"recordings": [{"recording": {"seconds": 1}, "hearing": "good"}]},
            "hearing must be one of exact, mild, rough",
        ),
        ({"recordings": [{"recording": {"seconds": 1}, "hearing": {"jitter_ms": -1}}]}, "must not be negative"),
        ({"recordings": [{"recording": {"words": [{"text": "a"}], "duration_ms": 9}}]}, "needs a start_ms"),
        (
            {"audio_urls": [{"audio_url": "http://a", "content_base64": "!"}]},
            "audio_urls[0].content_base64 must be base64",
        ),
        ({"tts_models": [{"model_id": "tts-rt-v2"}]}, "tts_models[0]: there is a model 'tts-rt-v2' already"),
        ({"tts_models": [{"model_id": "new"}, {"model_id": "new"}]}, "tts_models[1]: there is a model 'new' already"),
        ({"tapes": [{"content_base64": ""}]}, "tapes[0]: tapes[0] is empty"),
        ({"tapes": [{"content_base64": "/w==", "ignore": "x"}]}, "tapes[0].ignore must be a list, not 'x'"),
        ({"tapes": [{"content_base64": "/w=="}]}, "tapes[0]: "),
        ({"usage": [{"model": "m", "ended_at": "today"}]}, "usage[0].ended_at must be a time such as"),
        ({"usage": [{"model": "m", "audio_duration_ms": -1}]}, "usage[0].audio_duration_ms must not be negative"),
        ({"faults": [{"verb": "html"}, {"verb": "answer", "status_code": 42}]}, "faults[1]: answer(): "),
        ({"faults": ["html"]}, "faults[0]: verb must be one of"),
    ],
)
def test_a_script_that_does_not_fit_changes_nothing_and_names_the_place(control, script, message):
    good = {"transcripts": [{"transcript": "good"}], "tts_models": [{"model_id": "good"}], "faults": [{"verb": "html"}]}
    before = control("GET", "report"), control("GET", "state")
    whole = {name: [*good.get(name, []), *entries] for name, entries in script.items()}
    whole = {**good, **whole}
    status, body = control("POST", "scripts", whole)
    shifted = message
    for name in good.keys() & script.keys():
        shifted = shifted.replace(f"{name}[1]", f"{name}[2]").replace(f"{name}[0]", f"{name}[1]")
    assert (status, shifted in body["error"]) == (400, True), body
    assert (control("GET", "report"), control("GET", "state")) == before


def test_a_misplaced_constant_is_no_json(control):
    for text in (b'{"advance_sec": NaN}', b'{"advance_sec": Infinity}', b'{"advance_sec": 1e999}', b"\xff"):
        assert control("POST", "clock", text)[0] == 400


def test_assertions_are_judged_over_http(control):
    with control.client() as client:
        client.files.upload(b"ID3", filename="a.mp3", client_reference_id="r")
    content = base64.b64encode(b"ID3").decode()
    status, body = control("POST", "check", {"verb": "assert_uploaded", "filename": "a.mp3", "content_base64": content})
    assert (status, body["found"]["client_reference_id"]) == (200, "r")
    assert (
        control("POST", "check", {"verb": "assert_requested", "method": "POST", "path": "/v1/files", "times": 1})[0]
        == 200
    )
    assert control("POST", "check", {}) == (200, {"found": None})
    for claim, status, message in (
        ({"verb": "assert_uploaded", "filename": "b.mp3"}, 409, "filename: expected 'b.mp3', was 'a.mp3'"),
        ({"verb": "assert_no_files_left"}, 409, "Files left"),
        ({"verb": "assert_session", "ended": "finished"}, 409, "there was no session at all"),
        ({"verb": "assert_session", "endde": "finished"}, 400, "did you mean ended?"),
        ({"verb": "assert_uploaded", "filname": "b.mp3"}, 400, "assert_uploaded has no filname"),
        ({"verb": "stop"}, 400, "verb must be one of assert_uploaded, "),
    ):
        found, body = control("POST", "check", claim)
        assert (found, message in body["error"]) == (status, True), body
    control("POST", "scripts", {"transcripts": [{"transcript": "never said"}]})
    status, body = control("POST", "check", {})
    assert (status, "never said" in body["error"]) == (409, True)


def test_the_bytes_of_records_can_be_had(control):
    with control.client() as client:
        file = client.files.upload(b"ID3", filename="a.mp3")
        voice = client.voices.create(b"clip", name="Ada", filename="a.wav")
        with client.realtime.stt.connect(config=_CONFIG) as session:
            session.send_byte_chunk(_SECOND)
            session.finish()
            list(session.receive_events())
    assert control("GET", f"files/{file.id}/content") == (200, b"ID3")
    assert control("GET", f"voices/{voice.id}/content") == (200, b"clip")
    (record,) = control("GET", "records")[1]["sessions"]
    assert control("GET", f"sessions/{record['id']}/audio") == (200, _SECOND)
    for kind in ("files/x/content", "voices/x/content", "sessions/x/audio", "speeches/x/audio"):
        status, body = control("GET", kind)
        what = {"files": "file", "voices": "voice", "sessions": "session", "speeches": "speech"}[kind.partition("/")[0]]
        assert (status, body) == (404, {"error": f"There is no {what} 'x'."})
    assert control("POST", "webhooks/x/again", {})[0] == 404
