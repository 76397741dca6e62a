"""The messages of WebSockets, as ``fake.messages`` keeps them."""

from __future__ import annotations

import json

import pytest

from soniox_testing import FakeSoniox, VirtualClock
from tests.fake.stt_client import SttClient
from tests.fake.tts_client import TtsClient


@pytest.fixture
def server():
    with FakeSoniox(clock=VirtualClock(), key_in_start_message=True) as fake:
        yield fake


def test_messages_of_both_sides_are_kept_and_audio_is_counted(server):
    session = SttClient(server).start(client_reference_id="r")
    for _ in range(3):
        session.audio(100)
    session.synchronize()
    server.clock.advance(2)
    session.text("").rest()
    session.leave()
    messages = server.messages
    (record,) = server.sessions
    assert {message.connection_id for message in messages} == {record.id}
    assert [message.kind for message in messages[:2]] == ["received", "audio"]
    assert json.loads(messages[0].text)["client_reference_id"] == "r"
    assert (messages[1].count, messages[1].size) == (3, record.audio_bytes)
    assert messages[-1].kind == "ended"
    assert json.loads([message.text for message in messages if message.kind == "sent"][-1])["finished"] is True
    assert messages[0].at < messages[-1].at


def test_the_key_of_a_start_message_is_not_kept(server):
    session = SttClient(server, api_key=None).start(api_key="very-secret")
    session.synchronize()
    session.leave()
    hidden = SttClient(server, api_key=None)
    hidden.text(f'{{"api\\u005fkey": "very-secret", "model": "stt-rt-v5", "context": {json.dumps("ü" * 4_000)}}}')
    hidden.rest()
    hidden.leave()
    assert "very-secret" not in repr(server.messages)
    assert any(message.kind == "received" and "üü" in message.text for message in server.messages)
    assert '"api_key": "******************"' in server.messages[0].text


def test_long_texts_are_cut_and_old_messages_go(server):
    speaker = TtsClient(server).start()
    for _ in range(700):
        speaker.say("x" * 5_000, end=False)
    speaker.synchronize()
    speaker.close()
    messages = server.messages
    assert max(len(message.text) for message in messages) == 4_000
    assert max(message.size for message in messages) > 5_000
    assert sum(len(message.text) for message in messages) <= 2 * 1024 * 1024


def test_the_end_by_a_fault_is_told(server):
    server.faults.drop(how="close:1011")
    session = SttClient(server).start()
    session.rest()
    session.leave()
    assert server.messages[-1].text == "closed by the fake with 1011"
