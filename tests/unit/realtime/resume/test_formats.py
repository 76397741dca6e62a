"""Compressed audio over real sockets that break: frames made by hand, and a service that knows each of them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxValidationError
from tests.support.tables import each_row
from tests.support.ws_server import FINISHED, WsServer, close, hang_up, message, started

from ..driver import KEY
from .conftest import Talk, text_of

# In milliseconds: of the file, of each word with the pause after it, and how far final words are behind.
FILE_MS = 16_000
WORD_MS = 700
LAG_MS = 400
# A tag of 20 bytes, as many MP3 files begin.
ID3 = b"ID3\x04\0\0\0\0\0\x14" + bytes(20)


def filled(head: bytes, size: int, number: int) -> bytes:
    """A frame of so many bytes. It is like no other one."""
    return (head + number.to_bytes(4, "big") * size)[:size]


def mp3_frame(number: int) -> bytes:
    """MPEG 1, layer 3, 44.1 kHz, 128 kbit/s; each third frame is padded by a byte."""
    is_padded = number % 3 == 0
    return filled(b"\xff\xfb" + (b"\x92" if is_padded else b"\x90") + b"\0", 417 + is_padded, number)


def variable_mp3_frame(number: int) -> bytes:
    """MPEG 2, layer 3, 22.05 kHz, 32 and 64 kbit/s in turn."""
    return filled(*((b"\xff\xf3\x40\0", 104) if number % 2 else (b"\xff\xf3\x80\0", 208)), number)


def mp3_frame_after_one_without_audio(number: int) -> bytes:
    """As the first one, but the first of the file describes it."""
    return mp3_frame(number) if number else filled(b"\xff\xfb\x90\0" + bytes(32) + b"Xing", 417, 0)


def adts_frame(number: int) -> bytes:
    """AAC, 48 kHz, of 200 to 209 bytes."""
    size = 200 + number % 10
    head = bytes((0xFF, 0xF1, 0x4C, 0x40, size >> 3, (size & 7) << 5 | 0x1F, 0xFC))
    return filled(head, size, number)


def amr_frame(number: int) -> bytes:
    """AMR, 12.2 kbit/s, and now and then a frame of silence."""
    return filled(*((b"\x44", 6) if number % 7 == 0 else (b"\x3c", 32)), number)


def wide_amr_frame(number: int) -> bytes:
    """AMR-WB, 23.85 kbit/s."""
    return filled(b"\x44", 61, number)


class Service:
    """Hears words in frames: word n from n times ``WORD_MS`` on. Each connection ends when it has got so many bytes."""

    def __init__(self, head: bytes, frames: list[bytes], frame_ms: float, repeated: bytes, ends: list[int]) -> None:
        self.file = head + b"".join(frames)
        self._starts = list(accumulate(map(len, frames), initial=len(head)))
        self._frame_ms, self._repeated, self._ends = frame_ms, repeated, ends
        # Of the audio of each connection, the first position in the file.
        self.begins: list[int] = []
        # A frame that describes the file has no duration.
        self._silent = b"Xing" in frames[0]

    def ms_of(self, position: int) -> float:
        """The duration of the whole frames before a position."""
        return max(0, bisect_right(self._starts, position) - 1 - self._silent) * self._frame_ms

    def words(self) -> list[tuple[str, float, float]]:
        """All words, with their times."""
        count = int(self.ms_of(len(self.file)) / WORD_MS)
        return [(f" word{number}", number * WORD_MS + 100, (number + 1) * WORD_MS - 200) for number in range(count)]

    def talk(self, peer: Any) -> None:
        """Serves one connection."""
        started(peer)
        number, got, told, has_ended = peer.server.peers.index(peer), b"", 0, False
        while not has_ended:
            kind, value = peer.receive()
            has_ended = (kind, value) == ("text", "")
            got += value if kind == "binary" else b""
            if len(got) > 1000 or has_ended:
                told = self._tell(peer, got, told, has_ended=has_ended)
            if number < len(self._ends) and len(got) >= self._ends[number]:
                self.begins.append(self._begin(got))
                hang_up(peer)
        self.begins.append(self._begin(got))
        message(FINISHED)(peer)
        close()(peer)

    def _begin(self, got: bytes) -> int:
        """Where in the file the audio of a connection begins: with a whole frame, or with all of it."""
        if self.file.startswith(got):
            return 0
        assert got.startswith(self._repeated)
        audio = got[len(self._repeated) :]
        begin = self.file.index(audio)
        assert begin in self._starts
        return begin

    def _tell(self, peer: Any, got: bytes, told: int, *, has_ended: bool) -> int:
        begin = self._begin(got)
        begin_ms = self.ms_of(begin)
        heard_ms = self.ms_of(begin + len(got) - (len(self._repeated) if begin else 0))
        final_ms = heard_ms if has_ended else heard_ms - LAG_MS
        # The first frame cannot be decoded without the one before it.
        clear_ms = begin_ms + self._frame_ms if begin else 0.0
        tokens = [
            {
                "text": text if start_ms >= clear_ms else f" ~{text.strip()}",
                "start_ms": round(max(start_ms, begin_ms) - begin_ms),
                "end_ms": round(end_ms - begin_ms),
                "is_final": end_ms <= final_ms,
            }
            for text, start_ms, end_ms in self.words()[told:]
            if clear_ms < end_ms <= heard_ms
        ]
        counters = {
            "final_audio_proc_ms": max(0, round(final_ms - begin_ms)),
            "total_audio_proc_ms": round(heard_ms - begin_ms),
        }
        message({"tokens": tokens, **counters})(peer)
        return sum(end_ms <= final_ms or end_ms <= clear_ms for _, _, end_ms in self.words())


@each_row(
    "audio_format, head, repeated, make, frame_ms",
    [
        ("mp3", b"", b"", mp3_frame, 1152 / 44.1),
        ("auto", ID3, b"", mp3_frame_after_one_without_audio, 1152 / 44.1),
        ("mp3", b"", b"", variable_mp3_frame, 576 / 22.05),
        ("aac", b"", b"", adts_frame, 1024 / 48),
        ("auto", b"", b"", adts_frame, 1024 / 48),
        ("amr", b"#!AMR\n", b"#!AMR\n", amr_frame, 20.0),
        ("auto", b"#!AMR-WB\n", b"#!AMR-WB\n", wide_amr_frame, 20.0),
    ],
)
def test_frames_over_connections_that_break(
    talk: Talk, audio_format: str, head: bytes, repeated: bytes, make: Any, frame_ms: float
) -> None:
    frames = [make(number) for number in range(int(FILE_MS / frame_ms))]
    size = len(head) + sum(map(len, frames))
    # The third one ends while it hears again what the second one has heard.
    service = Service(head, frames, frame_ms, repeated, [size // 2, size // 3, size // 9, size // 4])
    with WsServer(service.talk) as server:
        session = talk.open(server.url, {"model": "stt-rt-v5", "audio_format": audio_format})
        talk.send(session, [service.file[at : at + 777] for at in range(0, size, 777)])
        events = talk.rest(session)
        talk.call(session.close)
    words = service.words()
    assert text_of(events) == "".join(text for text, _, _ in words)
    said = [token for event in events for token in event.tokens if token.is_final]
    assert [token.start_ms for token in said] == pytest.approx([start_ms for _, start_ms, _ in words], abs=2)
    assert [token.end_ms for token in said] == pytest.approx([end_ms for _, _, end_ms in words], abs=2)
    assert (session.connections, session.lost_ms) == (5, 0)
    # Not from the beginning, and never further back than words need.
    assert service.begins[0] == 0 < service.begins[1] <= service.begins[2] < service.begins[4]


@each_row("audio_format, name", [("flac", "FLAC"), ("ogg", "Ogg"), ("webm", "WebM"), ("asf", "ASF")])
@pytest.mark.parametrize("client_class", [SonioxClient, AsyncSonioxClient])
def test_connect_refuses_what_cannot_be_cut_and_says_why(client_class: Any, audio_format: str, name: str) -> None:
    client = client_class(api_key=KEY)
    with pytest.raises(SonioxValidationError, match=f"{name} cannot be cut, so that a broken connection could only be"):
        client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": audio_format}, resume=True)
