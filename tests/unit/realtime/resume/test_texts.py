"""Texts of every kind over a break: repetitions, scripts without spaces, marks, times, speakers, translations."""

from __future__ import annotations

import json
from typing import Any

from soniox_lite.realtime import ResumePolicy
from soniox_lite.realtime._resume import ResumeCore
from soniox_lite.types.realtime import RealtimeEvent
from soniox_testing import FakeSoniox, Hearing, Recording, Word
from tests.support.tables import each_row

from .conftest import Talk, text_of
from .recognizer import config
from .simulation import BROKEN, FINALIZE


def recorded(texts: str, *, spaces: bool = True, length_ms: int = 260, pause_ms: int = 60) -> Recording:
    """A recording of words with a space between them, all of a length, with a longer pause after each seventh."""
    words, now = [], 300
    for number, text in enumerate(texts.split()):
        words.append(Word(text, start_ms=now, end_ms=now + length_ms))
        now += length_ms + pause_ms + (400 if number % 7 == 6 else 0)
    return Recording(words, duration_ms=now + 300, sample_rate=2000, spaces=spaces)


NO = "no " * 30
NUMBERS = "1 2 3 4 5 5 5 12 123 1,000 3.14 50% 7 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"
PUNCTUATED = (
    "Well, I don't — know. «Really?» Yes! (No.) e-mail: a/b; ok… U.S. it's mine. Yes! Yes! No? So. Well, then. Bye!"
)
CHINESE = "你好 世界 我们 今天 今天 今天 去 北京 看 长城 然后 吃 烤鸭 好 好 好 的 再见 明天 见 谢谢 你 不 不 客气"
JAPANESE = "今日は とても いい 天気 です ね はい はい そう です ね じゃあ 東京 タワー に 行き ましょう か ええ ええ"
THAI = "สวัสดี ครับ วันนี้ อากาศ ดี มาก มาก มาก ไป กรุงเทพ กัน ไหม ครับ ดี ดี ครับ แล้ว พบ กัน"


@each_row(
    "texts, spaces",
    [(NO, True), (NUMBERS, True), (PUNCTUATED, True), (CHINESE, False), (JAPANESE, False), (THAI, False)],
)
def test_texts_of_all_kinds_are_whole_after_breaks(talk: Talk, texts: str, spaces: bool) -> None:
    recording = recorded(texts, spaces=spaces)
    for seed, audio_ms in enumerate((1400, 3333, 4900)):
        with FakeSoniox() as fake:
            fake.add_recording(recording, Hearing(seed=seed, final_after_ms=700))
            for how in ("close:1011", "reset"):
                fake.faults.drop(how=how, after_audio_ms=audio_ms, operation="stt", times=1)
            session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **recording.config})
            talk.send(session, recording.chunks(100))
            events = talk.rest(session)
            talk.call(session.close)
            assert text_of(events) == recording.text
            assert session.connections >= 2


def test_a_single_word(talk: Talk, fake: FakeSoniox) -> None:
    recording = Recording([Word("hello", start_ms=2000, end_ms=2400)], duration_ms=9000, sample_rate=2000)
    fake.add_recording(recording, Hearing.exact())
    for audio_ms in (1000, 2200, 5000):
        fake.faults.drop(how="eof", after_audio_ms=audio_ms, operation="stt", times=1)
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **recording.config})
    talk.send(session, recording.chunks(100))
    assert text_of(talk.rest(session)) == "hello"
    talk.call(session.close)
    assert session.connections == 4


# --- with the rules alone: a byte is a millisecond


class Session:
    """A session whose service tells what a test says."""

    def __init__(self, **fields: Any) -> None:
        self.core = ResumeCore(config(**fields), ResumePolicy(max_replay_speed=None))
        self.core.opened(0)
        self.core.audio(bytes(20_000))
        self.events: list[RealtimeEvent] = []

    def tell(self, *tokens: dict[str, Any], final: int, total: int, finished: bool = False) -> None:
        """The service sends a message; times are those of the whole session, tokens final unless they say otherwise."""
        start = self.core.stream.offset_ms
        told = [
            {
                "is_final": True,
                **token,
                **{name: token[name] - start for name in ("start_ms", "end_ms") if token.get(name)},
            }
            for token in tokens
        ]
        event = RealtimeEvent.from_dict(
            {
                "tokens": told,
                "final_audio_proc_ms": final - start,
                "total_audio_proc_ms": total - start,
                **({"finished": True} if finished else {}),
            }
        )
        if self.core.received(event):
            self.events.append(event)

    def again(self) -> None:
        """The connection breaks, and another one gets what it needs."""
        assert self.core.ended(BROKEN, "now", 1)
        while (todo := self.core.next(1)) is not None:
            if todo == "connect":
                self.core.opened(1)

    def given(self) -> list[Any]:
        """All final tokens."""
        return [token for event in self.events for token in event.tokens if token.is_final]

    def text(self) -> str:
        """Their text, marks included."""
        return "".join(token.text for token in self.given())


def word(text: str, start: int, end: int, **fields: Any) -> dict[str, Any]:
    return {"text": text, "start_ms": start, "end_ms": end, **fields}


def spoken(first: int, last: int, **fields: Any) -> list[dict[str, Any]]:
    """Words that say their number, 300 ms of every half second."""
    return [word(f" w{n}", 500 * n, 500 * n + 300, **fields) for n in range(first, last)]


def as_first(tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tokens of a connection, whose first word has no space before it."""
    return [{**tokens[0], "text": tokens[0]["text"].lstrip()}, *tokens[1:]]


def numbers(first: int, last: int) -> str:
    return "".join(f" w{n}" for n in range(first, last)).lstrip()


def first_word(session: Session) -> int:
    """The number of the first word that the current connection hears whole."""
    return -(-session.core.stream.offset_ms // 500)


END = {"text": "<end>", "start_ms": 0, "end_ms": 0}


def test_marks_without_times_neither_move_the_cut_nor_come_twice() -> None:
    session = Session()
    session.tell(*as_first(spoken(1, 12)), END, final=5900, total=6000)
    session.tell(*spoken(12, 20), {"text": "<end>"}, final=9900, total=10_000)
    session.again()
    first = first_word(session)
    assert 7 <= first <= 18
    again = as_first(spoken(first, 25))
    session.tell(
        *again[: 12 - first],
        *([END] if first < 12 else []),
        *again[12 - first if first < 12 else 0 : 20 - first],
        final=9900,
        total=10_000,
    )
    session.tell(END, *again[20 - first :], END, final=12_400, total=12_500, finished=True)
    assert session.text() == f"{numbers(1, 12)}<end> {numbers(12, 20)}<end> {numbers(20, 25)}<end>"


def test_tokens_without_text_or_times() -> None:
    session = Session()
    odd = [{"text": ""}, {"text": ","}, {"text": "", "start_ms": 0, "end_ms": 0}]
    session.tell(*as_first(spoken(1, 10)), *odd, *spoken(10, 14), final=6900, total=7000)
    session.tell(*spoken(14, 19), {"text": " untimed"}, *spoken(19, 20), END, final=9900, total=10_000)
    session.again()
    first = first_word(session)
    assert first < 19
    again = as_first(spoken(first, 25))
    at = 19 - first
    session.tell(*again[:at], {"text": " untimed"}, *again[at:], END, final=12_400, total=12_500, finished=True)
    assert (
        session.text() == f"{numbers(1, 10)}, {numbers(10, 19)} untimed {numbers(19, 20)}<end> {numbers(20, 25)}<end>"
    )


def test_times_that_are_no_times_cost_no_word() -> None:
    session = Session()
    session.tell(*as_first(spoken(1, 20)), END, final=9900, total=10_000)
    session.again()
    first = first_word(session)
    again = as_first(spoken(first, 25))
    event = RealtimeEvent.from_dict({"tokens": [{"is_final": True, "text": token["text"]} for token in again]})
    for place, token in enumerate(event.tokens):
        start = 500 * (first + place) - session.core.stream.offset_ms
        token.start_ms, token.end_ms = start, start + 300
    event.tokens[1].start_ms, event.tokens[2].end_ms = "early", float("nan")  # type: ignore[assignment]
    event.final_audio_proc_ms = event.total_audio_proc_ms = 12_500 - session.core.stream.offset_ms
    event.finished = True
    assert session.core.received(event)
    session.events.append(event)
    assert session.text() == f"{numbers(1, 20)}<end> {numbers(20, 25)}"


@each_row("said, is_final", [(20, True), (2, True), (2, False)])
def test_a_time_beyond_the_audio_that_was_sent_costs_no_word(said: int, is_final: bool) -> None:
    session = Session()
    odd = word(f" w{said}", 10**8, 10**8 + 300, is_final=is_final)
    session.tell(*as_first(spoken(1, said)), odd, *[END][:is_final], final=500 * said - 100, total=500 * said)
    session.again()
    session.tell(*as_first(spoken(first_word(session), 25)), final=12_400, total=12_500, finished=True)
    assert session.text().replace("<end>", "") == numbers(1, 25)


def test_a_word_with_such_a_time_does_not_come_twice() -> None:
    session = Session()
    session.tell(*as_first(spoken(1, 20)), END, final=9900, total=10_000)
    session.again()
    again = as_first(spoken(first_word(session), 25))
    session.tell({**again[0], "start_ms": 10**8, "end_ms": 10**8}, again[1], final=6000, total=6000)
    session.tell(*again[2:], final=12_400, total=12_500, finished=True)
    assert session.text() == f"{numbers(1, 20)}<end> {numbers(20, 25)}"


@each_row("odd", ["12000", [], True, -1e300, 1e400])
def test_counters_and_times_that_are_no_numbers_cost_no_word(odd: Any) -> None:
    session = Session(enable_speaker_diarization=True)

    def tell(*tokens: dict[str, Any], finished: bool = False) -> None:
        oddity = {"is_final": True, "start_ms": odd, "end_ms": odd, "speaker": odd}
        message = {
            "tokens": [{**token, **oddity} for token in tokens] + [{"text": " …", **oddity, "is_final": False}],
            "final_audio_proc_ms": odd,
            "total_audio_proc_ms": odd,
            "finished": finished,
        }
        event = RealtimeEvent.from_dict(json.loads(json.dumps(message)))
        if session.core.received(event):
            session.events.append(event)

    tell({"text": "before"})
    session.core.finalize(FINALIZE)
    tell({"text": " and"}, {"text": "<fin>"})
    session.again()
    tell({"text": "before"}, {"text": " and"}, {"text": " after"})
    tell({"text": "<end>"}, finished=True)
    assert session.text().count("after") == 1
    assert session.events[-1].total_audio_proc_ms == odd
    assert session.core.failure is None


# --- speakers


def test_speakers_keep_their_labels_and_are_never_merged(talk: Talk) -> None:
    recording = Recording.conversation(40, seed=5, sample_rate=2000)
    with FakeSoniox() as fake:
        fake.add_recording(recording, Hearing(seed=4, speakers="shuffled", final_after_ms=600))
        for audio_ms in (25_000, 12_000):
            fake.faults.drop(how="close:1011", after_audio_ms=audio_ms, operation="stt", times=1)
        settings = {"model": "stt-rt-v5", **recording.config, "enable_speaker_diarization": True}
        session = talk.open(fake.stt_websocket_url, settings)
        talk.send(session, recording.chunks(100))
        events = talk.rest(session)
        talk.call(session.close)
    assert text_of(events) == recording.text
    assert session.connections == 3
    given = [
        token for event in events for token in event.tokens if token.is_final and token.text not in ("<end>", "<fin>")
    ]
    labels: list[str | None] = []
    for token in given:
        if token.text.startswith(" ") or not labels:
            labels.append(token.speaker)
    who = {(label, said.speaker) for label, said in zip(labels, recording.words, strict=True)}
    assert len(who) == 2
    assert all(len(notice.speakers) == 2 for notice in talk.told("resumed"))


def test_speakers_that_swap_their_labels_are_known_by_their_words() -> None:
    session = Session(enable_speaker_diarization=True)
    session.tell(*as_first(spoken(1, 11, speaker="1")), *spoken(11, 30, speaker="2"), END, final=14_900, total=15_000)
    session.again()
    first = first_word(session)
    assert first <= 8
    again = as_first(spoken(first, 11, speaker="2")) + spoken(11, 33, speaker="1") + spoken(33, 36, speaker="2")
    session.tell(*again, *spoken(36, 38, speaker="3"), END, final=18_900, total=19_000, finished=True)
    labels = [token.speaker for token in session.given() if token.text != "<end>"]
    # The last one was never heard before the break.
    assert labels == ["1"] * 10 + ["2"] * 22 + ["1"] * 3 + ["3"] * 2


def test_a_speaker_without_words_in_the_overlap_gets_a_new_label() -> None:
    session = Session(enable_speaker_diarization=True)
    session.tell(*as_first(spoken(1, 3, speaker="1")), *spoken(3, 39, speaker="2"), END, final=19_400, total=19_500)
    session.again()
    first = first_word(session)
    assert first > 3
    again = as_first(spoken(first, 39, speaker="1")) + spoken(39, 42, speaker="2")
    session.tell(*again, END, final=20_900, total=21_000, finished=True)
    labels = [token.speaker for token in session.given() if token.text != "<end>"]
    assert labels == ["1"] * 2 + ["2"] * 36 + ["3"] * 3


# --- translations


def translated(first: int, last: int) -> list[dict[str, Any]]:
    """The translation of these words."""
    return [{"text": f" ü{n}", "translation_status": "translation"} for n in range(first, last)]


def chunk(first: int, last: int, **fields: Any) -> list[dict[str, Any]]:
    """Words and their translation."""
    return spoken(first, last, translation_status="original", **fields) + translated(first, last)


def parts(session: Session) -> tuple[str, str]:
    """What was said, and its translation."""
    tokens = [token for token in session.given() if token.text != "<end>"]
    said = "".join(token.text for token in tokens if token.translation_status != "translation")
    return said, "".join(token.text for token in tokens if token.translation_status == "translation")


EVERYTHING = (numbers(1, 30), numbers(1, 30).replace("w", "ü"))
TRANSLATION = {"translation": {"type": "one_way", "target_language": "de"}}


def first_translated(tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first word of the translation has no space either."""
    place = next((n for n, token in enumerate(tokens) if token.get("translation_status") == "translation"), None)
    return [{**token, "text": token["text"].lstrip()} if n == place else token for n, token in enumerate(tokens)]


@each_row("untranslated", [0, 3])
def test_each_word_is_translated_once(untranslated: int) -> None:
    """The break comes when some words were said whose translation had not come."""
    session = Session(**TRANSLATION)
    told = first_translated(as_first(chunk(1, 7)))
    session.tell(*told, final=3400, total=3500)
    for start in (7, 13):
        session.tell(*chunk(start, start + 6), final=500 * start + 2900, total=500 * start + 3000)
    session.tell(
        *spoken(19, 19 + untranslated, translation_status="original"),
        *([] if untranslated else [END]),
        final=9500 + 500 * untranslated,
        total=12_000,
    )
    session.again()
    first = first_word(session)
    assert first <= 18
    # In the same chunks as before, as a recognizer makes them at pauses.
    begin = next(start for start in (1, 7, 13) if start + 6 > first)
    again = first_translated(as_first(chunk(first, begin + 6)))
    for start in range(begin + 6, 24, 6):
        again += chunk(start, start + 6)
    session.tell(*again, *chunk(25, 30), END, final=15_000, total=15_100, finished=True)
    assert parts(session) == EVERYTHING


def test_a_translation_that_comes_after_the_break_is_that_of_the_new_connection() -> None:
    session = Session(**TRANSLATION)
    session.tell(*first_translated(as_first(chunk(1, 19))), final=9400, total=9500)
    session.tell(*spoken(19, 23, translation_status="original"), final=11_400, total=11_500)
    session.again()
    first = first_word(session)
    again = first_translated(as_first(chunk(first, 19)))
    session.tell(*again, *spoken(19, 25, translation_status="original"), final=12_400, total=12_500)
    # What was said around the cut is given out with its translation.
    session.tell(*translated(19, 25), final=12_400, total=12_600)
    session.tell(*chunk(25, 30), END, final=15_000, total=15_100, finished=True)
    assert parts(session) == EVERYTHING
