"""The style of the stream: as that of the service, or simple."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import pytest

from soniox_testing import FakeSoniox
from soniox_testing.hearing.lively import LivelyRecognizer
from soniox_testing.hearing.recognition import source_of
from soniox_testing.realtime.stt_config import config_of
from tests.fake.stt_client import START, SttClient, finals, text_of

TRANSLATION = {"type": "one_way", "target_language": "es"}


def hear(seconds, **settings):
    """All messages of a session with invented words, up to the end of the audio."""
    config = config_of({**START, **settings})
    return LivelyRecognizer(config, source_of(config, None)).advance(seconds * 1000)


def drafts(message):
    return [token for token in message["tokens"] if not token["is_final"]]


def test_messages_come_at_irregular_intervals():
    messages = hear(300)
    gaps = [after["total_audio_proc_ms"] - before["total_audio_proc_ms"] for before, after in pairwise(messages)]
    spoken = sorted(gap for gap in gaps if gap)
    assert 90 < median(spoken) < 180
    assert spoken[len(spoken) // 10] < 70
    assert spoken[-len(spoken) // 10] > 250


def test_words_are_split_and_punctuation_is_a_token_of_its_own():
    messages = hear(300)
    texts = [token["text"] for token in finals(messages)]
    assert "." in texts
    assert not any(text.endswith(".") for text in texts if text != ".")
    parts = [text for text in texts if text != "." and not text.startswith(" ")]
    assert len(parts) > len(texts) / 20
    with_punctuation = [message for message in messages if any(token["text"] == "." for token in drafts(message))]
    assert len(with_punctuation) > len(messages) / 20
    assert any(token["confidence"] < 0.7 for token in finals(messages))


def test_several_words_become_final_at_once_and_then_the_tail_is_empty():
    chunks = [message for message in hear(300) if finals([message])]
    words = [text_of([message]).count(" ") for message in chunks]
    assert 3 <= median(words) <= 6
    assert max(words) >= 5
    assert all(drafts(message) == [] for message in chunks)


def test_a_draft_is_revised_now_and_then():
    """The text of the tail is not always longer than before: appending what is new is wrong."""
    shown = ["".join(token["text"] for token in drafts(message)) for message in hear(600)]
    revised = [
        (before, after) for before, after in pairwise(shown) if before and after and not after.startswith(before)
    ]
    assert 0 < len(revised) < len(shown) / 30


def test_a_translation_has_a_message_of_its_own_after_its_words():
    messages = hear(60, translation=TRANSLATION, enable_endpoint_detection=True)
    kinds = [{token.get("translation_status") for token in message["tokens"]} - {None} for message in messages]
    assert all(len(kind) <= 1 for kind in kinds)
    for before, message in pairwise(messages):
        translated = [token["text"] for token in message["tokens"] if token.get("translation_status") == "translation"]
        if translated:
            words = text_of([before]).split()
            assert [text.removeprefix(" es:") for text in translated] == [word for word in words if word != "<end>"]
            assert all("start_ms" not in token and "confidence" not in token for token in message["tokens"])
    ends = [message for message in messages if "<end>" in text_of([message])]
    assert len(ends) > 5
    assert all(message["tokens"][-1]["text"] == "<end>" for message in ends)


def test_an_endpoint_is_never_late():
    for longest_ms in (500, 1000, 3000):
        messages = hear(60, enable_endpoint_detection=True, max_endpoint_delay_ms=longest_ms)
        last_ms, seen = 0, 0
        for message in messages:
            for token in finals([message]):
                if token["text"] == "<end>":
                    assert message["total_audio_proc_ms"] <= last_ms + longest_ms
                    seen += 1
                else:
                    last_ms = token["end_ms"]
        assert seen


def test_the_same_reference_gets_the_same_stream():
    first, again, other = (hear(20, client_reference_id=reference) for reference in ("a", "a", "b"))
    assert first == again != other


def test_the_style_is_set_for_a_fake():
    with FakeSoniox(style="simple") as fake:

        def texts():
            fake.add_transcript("yesterday, perhaps. incomprehensible things")
            client = SttClient(fake).start().audio(8000).text("")
            messages, _ = client.rest()
            client.leave()
            return [token["text"] for token in finals(messages)]

        words = ["yesterday,", " perhaps.", " incomprehensible", " things"]
        assert texts() == words
        fake.style = "real"
        real = texts()
        assert len(real) > len(words)
        assert "".join(real) == "".join(words)
        with pytest.raises(ValueError, match="style must be one of real, simple"):
            fake.style = "plain"
