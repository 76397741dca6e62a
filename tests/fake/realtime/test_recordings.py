"""Sessions that hear a recording: words by the position of the audio that they get."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from soniox_testing import FakeSoniox, Hearing, Recording, VirtualClock, Word
from soniox_testing.wire.positions import PositionCode
from tests.fake.stt_client import SttClient, finals, text_of

from ...support.tables import each_row

TALK = Recording.conversation(20, seed=3, sample_rate=2000)
THREE = Recording(
    [Word("one", 500, 1000), Word("two", 1200, 1700, speaker="2"), Word("three.", 1800, 2400)],
    duration_ms=5000,
    sample_rate=2000,
)
WHOLE = Hearing(split=False)


class Listener:
    """Hears audio with a fake over sockets."""

    def __init__(self, fake):
        self.fake = fake

    def open(self, recording, **config):
        return SttClient(self.fake).start(**{**recording.config, **config})

    def __call__(self, recording, *parts, size=10**6, **config):
        """All messages of one session that gets these parts of audio; None stands for ``finalize``."""
        client = self.open(recording, **config)
        for part in parts:
            if part is None:
                client.text({"type": "finalize"})
            else:
                for begin in range(0, len(part), size):
                    client.ws.send_binary(part[begin : begin + size])
        client.text("")
        messages, code = client.rest()
        assert code == 1000
        client.leave()
        return messages


@pytest.fixture
def fake():
    # By a clock that stands still, audio is never too late, however long the machine takes to send it.
    with FakeSoniox(clock=VirtualClock()) as server:
        yield server


@pytest.fixture
def listen(fake):
    return Listener(fake)


def words(messages):
    """The text, start and end of each final token, markers left out."""
    return [(token["text"], token["start_ms"], token["end_ms"]) for token in finals(messages) if "start_ms" in token]


def said(messages):
    return text_of(messages).replace("<fin>", "").replace("<end>", "")


@each_row(
    "name, channels, size",
    [
        ("pcm_s8", 1, 777),
        ("pcm_s16le", 1, 999),
        ("pcm_u16be", 2, 1001),
        ("pcm_s24le", 2, 1003),
        ("pcm_u24be", 1, 77),
        ("pcm_s32be", 1, 5),
        ("pcm_f32be", 1, 501),
        ("pcm_f64le", 3, 4001),
        ("mulaw", 1, 3),
    ],
)
def test_positions_are_read_from_samples_of_every_format(name, channels, size):
    code = PositionCode(name, channels)
    begin = 123_457
    data = code.encode(begin, begin + 4000)
    assert len(data) == 4000 * code.frame_bytes
    assert code.runs(data) == [(begin, 4000)]
    cut = size % 1500 + 1000
    left, right = data[: cut * code.frame_bytes], data[(cut + 300) * code.frame_bytes :]
    runs = [run for run in code.runs(left + right) if run[1] > code.shortest]
    assert [(runs[0][0], runs[-1][0] + runs[-1][1])] == [(begin, begin + 4000)]
    assert len(runs) == 2
    assert abs(runs[0][1] - cut) <= code.shortest
    silence = bytes(200 * code.frame_bytes)
    (before, quiet, after) = code.runs(left + silence + right)
    assert (before[0], quiet[0], after[0] + after[1]) == (begin, None, begin + 4000)
    # Of 20 parts, only one in the middle has positions.
    runs = code.runs(silence * 200 + data + silence * 180)
    assert max(count for first, count in runs if first) >= 4000 - code.shortest


def test_a_session_hears_the_recording_in_every_form(fake, listen):
    for form, size in [
        ({}, 10**6),
        ({"audio_format": "pcm_s24be", "num_channels": 2}, 1001),
        ({"audio_format": "pcm_f32le"}, 333),
        ({"audio_format": "mulaw"}, 77),
    ]:
        recording = Recording.conversation(8, seed=3, **{"sample_rate": 2000, **form})
        fake.add_recording(recording)
        messages = listen(recording, recording.audio(), size=size)
        assert said(messages) == recording.text, form
        assert words(messages)[0][1] == recording.words[0].start_ms
        assert words(messages)[-1][2] == recording.words[-1].end_ms
    wav = Recording.conversation(8, seed=4, sample_rate=8000)
    fake.add_recording(wav)
    for name, size in [("wav", 10**6), ("auto", 7)]:
        assert said(listen(wav, wav.wav(), size=size, audio_format=name)) == wav.text
    # As another format, it is noise.
    assert said(listen(wav, wav.audio(), sample_rate=16_000)) == ""


def test_times_count_from_the_first_byte_of_each_session(fake, listen):
    fake.add_recording(THREE, WHOLE)
    assert words(listen(THREE, THREE.audio())) == [("one", 500, 1000), (" two", 1200, 1700), (" three.", 1800, 2400)]
    # The first word of a session has no space before it.
    assert words(listen(THREE, THREE.audio(1100))) == [("two", 100, 600), (" three.", 700, 1300)]
    # Silence in between takes time; a part that is left out does not.
    silence = bytes(2 * 2000)
    parts = [THREE.audio(0, 1100), silence, THREE.audio(1750)]
    assert words(listen(THREE, *parts)) == [("one", 500, 1000), (" three.", 1100 + 1000 + 50, 1100 + 1000 + 650)]
    early = Recording([Word("now", 0, 500)], duration_ms=2000, sample_rate=2000)
    fake.add_recording(early, WHOLE)
    assert words(listen(early, early.audio())) == [("now", 0, 500)]


def test_a_word_that_came_in_part_is_marked_or_not_heard(fake, listen):
    fake.add_recording(THREE, WHOLE)
    for cut_ms, left, right in [
        (1100, "one", "two three."),
        (1300, "one", "two three."),  # 20 % and 80 % of it
        (1400, "one ~tw", "~wo three."),
        (1550, "one ~two", "three."),  # 70 % of it
        (1650, "one two", "three."),
    ]:
        heard = said(listen(THREE, THREE.audio(0, cut_ms))), said(listen(THREE, THREE.audio(cut_ms)))
        assert heard == (left, right), cut_ms
    # The same where a part is missing within one session, and where finalize comes inside a word.
    assert said(listen(THREE, THREE.audio(0, 1400), THREE.audio(1750))) == "one ~tw three."
    assert said(listen(THREE, THREE.audio(0, 1450), None, THREE.audio(1450))) == "one ~tw ~wo three."
    assert said(listen(THREE, THREE.audio(0, 1100), None, THREE.audio(1100))) == "one two three."


def test_half_a_word_is_not_recognized_before_it_has_ended(fake, listen):
    fake.add_recording(THREE, WHOLE)
    messages = listen(THREE, THREE.audio(0, 1650), THREE.audio(1650))
    told = [token["text"] for message in messages for token in message["tokens"]]
    assert set(told) == {"one", " two", " three", " three."}


def test_an_endpoint_waits_for_the_word_that_has_begun(fake, listen):
    long = Recording([Word("well.", 300, 600), Word("aaand", 1100, 2900)], duration_ms=6000, sample_rate=2000)
    fake.add_recording(long, WHOLE)
    # A sentence ends after 600 ms of silence; here the next word has begun after 500.
    messages = listen(long, long.audio(), size=120 * 4, enable_endpoint_detection=True)
    assert text_of(messages) == "well. aaand<end>"


def test_endpoints_do_not_depend_on_how_the_audio_is_cut_into_messages(fake, listen):
    # Words begin shortly before and after the end of the silence that an endpoint needs, at all places of a step.
    spoken, now = [], 300
    for number in range(24):
        spoken.append(Word("yes.", now, now + 305))
        now += 305 + 560 + 5 * number
    recording = Recording(spoken, duration_ms=now + 3000, sample_rate=2000)
    fake.add_recording(recording, WHOLE)
    texts = {
        text_of(listen(recording, recording.audio(), size=4 * ms, enable_endpoint_detection=True))
        for ms in (60, 100, 120, 1000, 10_000)
    }
    assert len(texts) == 1
    assert 1 < texts.pop().count("<end>") < 24


def test_sessions_hear_differently_by_seed(fake, listen):
    noise = Hearing(seed=5, jitter_ms=40, rewording=0.1)
    fake.add_recording(TALK, noise)
    first, second = words(listen(TALK, TALK.audio())), words(listen(TALK, TALK.audio()))
    assert first != second
    assert said_words(first) != said_words(second)
    found = TALK.compare(said_words(first))
    assert found.is_clean
    assert said_words(first) != TALK.text
    for heard in (first, second):
        assert all(before[2] <= after[1] for before, after in pairwise(heard))
    fake.add_recording(TALK, noise)
    assert words(listen(TALK, TALK.audio())) == first


def said_words(heard):
    return "".join(text for text, _, _ in heard)


def test_words_are_split_at_other_places_in_each_session(fake, listen):
    fake.add_recording(TALK)
    pieces = [[text for text, _, _ in words(listen(TALK, TALK.audio()))] for _ in range(2)]
    assert pieces[0] != pieces[1]
    assert "".join(pieces[0]) == "".join(pieces[1]) == TALK.text
    fake.add_recording(TALK, WHOLE)
    assert len(words(listen(TALK, TALK.audio()))) == len(TALK.words)


def test_the_first_word_is_misheard_only_inside_speech(fake, listen):
    recording = Recording([Word("a", 300, 500), Word("b", 510, 900), Word("c", 2000, 2400)], duration_ms=3000)
    fake.add_recording(recording, Hearing(first_word=1.0))
    assert said(listen(recording, recording.audio(505))) == "xb c"
    assert said(listen(recording, recording.audio(1900))) == "c"
    assert said(listen(recording, recording.audio())) == "a b c"


def test_finals_lag_and_their_audio_may_reach_beyond_them(fake, listen):
    fake.add_recording(THREE, Hearing(split=False, final_after_ms=360))
    messages = [message for message in listen(THREE, THREE.audio()) if finals([message])]
    assert [(m["final_audio_proc_ms"], m["total_audio_proc_ms"]) for m in messages] == [
        (1000, 1440),
        (1700, 2160),
        (2400, 2760),
    ]
    fake.add_recording(THREE, Hearing(split=False, final_after_ms=360, final_audio="beyond"))
    messages = [message for message in listen(THREE, THREE.audio()) if finals([message])]
    assert [m["final_audio_proc_ms"] for m in messages] == [1220, 1930, 2580]
    # The client's own bound is kept.
    messages = listen(THREE, THREE.audio(), max_non_final_tokens_duration_ms=360)
    assert next(m["total_audio_proc_ms"] for m in messages if finals([m])) == 1440
    fake.add_recording(THREE, Hearing(final_after_ms=(200, 4000)))
    lags = [next(m["total_audio_proc_ms"] for m in listen(THREE, THREE.audio()) if finals([m])) for _ in range(3)]
    assert len(set(lags)) > 1


def test_finalize_pads_the_clock(fake, listen):
    fake.add_recording(THREE, Hearing(split=False, finalize_padding_ms=120))
    messages = listen(THREE, THREE.audio(0, 1100), None, THREE.audio(1100, 1760), None, THREE.audio(1760))
    padded = [m for m in messages if "<fin>" in text_of([m])]
    assert [(m["final_audio_proc_ms"], m["total_audio_proc_ms"]) for m in padded] == [(1200, 1200), (1920, 1920)]
    # 100 ms were added, and then 60 ms.
    assert words(messages) == [("one", 500, 1000), (" two", 1300, 1800), (" three.", 1960, 2560)]
    assert messages[-1]["total_audio_proc_ms"] == 5160
    totals = [message["total_audio_proc_ms"] for message in messages]
    assert totals == sorted(totals)


def test_speakers_have_the_labels_of_the_session(fake, listen):
    def speakers(*parts):
        messages = listen(THREE, *parts, enable_speaker_diarization=True)
        return [token["speaker"] for token in finals(messages)]

    fake.add_recording(THREE, WHOLE)
    assert speakers(THREE.audio(1100)) == ["2", "1"]
    fake.add_recording(THREE, Hearing(split=False, speakers="by_appearance"))
    assert speakers(THREE.audio(1100)) == ["1", "2"]
    fake.add_recording(THREE, Hearing(split=False, speakers="shuffled"))
    assert {tuple(speakers(THREE.audio())) for _ in range(12)} == {("1", "2", "1"), ("2", "1", "2")}


def test_a_translation_follows_its_words_across_a_cut(fake, listen):
    fake.add_recording(THREE, WHOLE)
    settings = {"translation": {"type": "one_way", "target_language": "es"}}

    def translated(*parts):
        return [t["text"] for t in finals(listen(THREE, *parts, **settings)) if "start_ms" not in t]

    assert translated(THREE.audio()) == [" es:one", " es:two", " es:three."]
    assert translated(THREE.audio(0, 1100)) == [" es:one"]
    assert translated(THREE.audio(1100)) == [" es:two", " es:three."]


def test_a_language_without_spaces_has_none(fake, listen):
    recording = Recording(
        [Word("今天", 300, 700), Word("很好", 800, 1200), Word("。", 1200, 1250)],
        duration_ms=2000,
        sample_rate=2000,
        spaces=False,
    )
    fake.add_recording(recording, WHOLE)
    heard = said(listen(recording, recording.audio()))
    assert heard == recording.text == "今天很好。"
    assert recording.compare("今天天很。").lost == ("好",)
    assert recording.compare("今天天很。").doubled == ("天",)


def test_scripts_come_first_and_the_last_recording_that_fits(fake, listen):
    fake.add_recording(THREE, WHOLE, client_reference_id="a")
    assert fake.report().count("a recording of 5000 ms") == 1
    fake.add_transcript("scripted")
    assert said(listen(THREE, THREE.audio(), client_reference_id="a")) == "scripted"
    assert said(listen(THREE, THREE.audio(), client_reference_id="b")) != THREE.text
    assert said(listen(THREE, THREE.audio(), client_reference_id="a")) == THREE.text
    assert "a recording of" not in fake.report()


def test_a_break_at_every_position_shows_what_no_replay_loses(fake, listen):
    """A client that goes on with the next audio: it never doubles a word, and loses the words that were not final."""
    fake.add_recording(TALK, WHOLE)
    clean = 0
    for cut_ms in range(1000, 6000, 500):
        fake.faults.drop(how="close:1011", after_audio_ms=cut_ms, operation="stt", times=1)
        client = listen.open(TALK)
        client.ws.send_binary(TALK.audio(0, cut_ms))
        messages, code = client.rest()
        client.leave()
        assert code == 1011
        found = TALK.compare(said(messages) + " " + said(listen(TALK, TALK.audio(cut_ms))))
        assert not found.doubled
        assert found.lost or found.mangled, cut_ms
        clean += found.is_clean
    assert clean == 0


def test_the_length_of_a_session_is_bound_by_the_clock():
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        fake.add_recording(THREE)
        client = SttClient(fake).start(**THREE.config)
        for _ in range(300 * 60 // 15 - 1):
            client.ws.send_binary(THREE.audio(0, 20))
            clock.advance(15)
        client.ws.send_binary(THREE.audio(0, 20))
        clock.advance(15)
        messages, _ = client.rest()
        client.leave()
    assert messages[-1]["error_type"] == "max_duration_reached"


@each_row(
    "text, counts",
    [
        ("a b c d e f g h", (0, 0, 0, 0)),
        ("a b c xd e f g h", (0, 0, 0, 0)),
        ("", (8, 0, 0, 0)),
        ("a b d e f g h", (1, 0, 0, 0)),
        ("a b c c d e f g h", (0, 1, 0, 0)),
        ("a b c d b c d e f g h", (0, 3, 0, 0)),
        ("a b c e d f g h", (0, 0, 1, 0)),
        ("a b ~c d e f g h", (0, 0, 0, 1)),
        ("a b ~c ~c d e f g h", (0, 0, 0, 2)),
        ("a b cd e f g h", (0, 0, 0, 1)),
        ("a b c d ~e f g", (1, 0, 0, 1)),
        ("a b c x d e f g h", (0, 0, 0, 1)),
    ],
)
def test_a_comparison_tells_what_became_of_the_words(text, counts):
    alphabet = Recording([Word(c, 100 * n, 100 * n + 90) for n, c in enumerate("abcdefgh")], duration_ms=1000)
    found = alphabet.compare(text)
    assert tuple(map(len, (found.lost, found.doubled, found.out_of_order, found.mangled))) == counts
    assert found.is_clean == (counts == (0, 0, 0, 0))
    assert (found.expected, found.received) == (8, len(text.split()))
    assert str(found).startswith(f"8 words expected, {found.received} received; {counts[0]} lost; {counts[1]} doubled")


def test_a_word_without_its_punctuation_is_mangled():
    spoken = Recording(
        [Word(text, 100 * n, 100 * n + 90) for n, text in enumerate(["no.", "Yes", "no"])], duration_ms=400
    )
    found = spoken.compare("no Yes no")
    assert (found.lost, found.doubled, found.mangled) == ((), (), ("no",))


def test_mistakes_side_by_side_are_at_one_place():
    spoken = Recording([Word(f"w{n}", 100 * n, 100 * n + 90) for n in range(40)], duration_ms=4000)
    heard = spoken.text.split()
    assert spoken.compare(spoken.text).places == 0
    del heard[35], heard[7], heard[5]
    assert spoken.compare(" ".join(heard)).places == 2


def test_a_word_may_be_lost_at_one_place_and_out_of_order_at_another():
    texts = [f"w{n}" for n in range(40)]
    texts[3] = texts[30] = "again"
    spoken = Recording([Word(text, 100 * n, 100 * n + 90) for n, text in enumerate(texts)], duration_ms=4000)
    heard = [*texts[:3], *texts[4:6], "again", *texts[6:30], *texts[31:]]
    found = spoken.compare(" ".join(heard))
    assert (found.out_of_order, found.lost, found.doubled) == (("again",), ("again",), ())


@given(cut_ms=st.integers(0, 20_000), size_ms=st.integers(50, 3000))
def test_a_recording_in_pieces_is_the_same_recording(cut_ms, size_ms):
    assert TALK.audio(0, cut_ms) + TALK.audio(cut_ms) == b"".join(TALK.chunks(size_ms)) == TALK.audio()


@each_row(
    "settings",
    [
        {"words": [Word("a")]},
        {"words": [Word("a", 5, 5)]},
        {"words": [Word("a b", 5, 9)]},
        {"words": [Word("a", 5, 2000)]},
        {"words": [Word("a", 5, 9), Word("b", 8, 20)]},
        {"audio_format": "mp3"},
        {"sample_rate": 11_025},
        {"num_channels": 0},
    ],
)
def test_an_impossible_recording_is_refused(settings):
    with pytest.raises(ValueError, match=r"."):
        Recording(**{"words": [Word("a", 5, 9)], "duration_ms": 1000, **settings})


@each_row(
    "settings",
    [
        {"jitter_ms": -1},
        {"rewording": 1.1},
        {"first_word": -0.1},
        {"final_after_ms": (-1, 3)},
        {"finalize_padding_ms": -1},
        {"final_audio": "later"},
        {"speakers": "swapped"},
    ],
)
def test_impossible_hearing_is_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Hearing(**settings)
