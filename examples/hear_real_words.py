"""Transcribes a recording with a real but small recogniser, without network, key or cost.

Needs ``pip install pocketsphinx``, which includes an English model. The service is the fake from ``soniox_testing``,
with pocketsphinx as its transcriber. Its accuracy is far below that of Soniox.

``python examples/hear_real_words.py [FILE]``: a 16-bit WAV file in English.
"""

from __future__ import annotations

import io
import pathlib
import re
import sys
import wave
from array import array
from typing import Any

from soniox_lite import SonioxClient, SonioxError
from soniox_testing import FakeSoniox, FakeSonioxError, Word

RECORDING = pathlib.Path(__file__).with_name("spoken.wav")


RATE = 16_000  # The sample rate of the model.


def mono(file: io.BytesIO | str) -> bytes:
    """16-bit mono samples at RATE from a WAV file. Raises ValueError if it has no 16-bit samples."""
    try:
        with wave.open(file) as recording:
            width, channels, rate = recording.getsampwidth(), recording.getnchannels(), recording.getframerate()
            samples = array("h", recording.readframes(recording.getnframes()) if width == 2 else b"")
    except (wave.Error, EOFError) as error:
        raise ValueError(f"no WAV file: {error}") from error
    if width != 2:
        raise ValueError(f"its samples have {8 * width} bits, not 16")
    if sys.byteorder == "big":
        samples.byteswap()
    mixed = [sum(frame) // channels for frame in zip(*[iter(samples)] * channels, strict=False)]
    # Resampling by nearest sample is enough for a demonstration.
    return array("h", [mixed[index * rate // RATE] for index in range(len(mixed) * RATE // rate)]).tobytes()


def transcriber(audio: bytes, config: dict[str, Any]) -> list[Word]:  # noqa: ARG001 - the signature of a transcriber
    """The words of a WAV file with their times."""
    from pocketsphinx import Decoder  # noqa: PLC0415

    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    samples = mono(io.BytesIO(audio))
    decoder.start_utt()
    decoder.process_raw(samples, no_search=False, full_utt=True)
    decoder.end_utt()
    frame_ms = 1000 // decoder.config["frate"]
    return [
        Word(
            re.sub(r"\(\d+\)$", "", heard.word),  # the number of the pronunciation
            start_ms=heard.start_frame * frame_ms,
            end_ms=(heard.end_frame + 1) * frame_ms,
            confidence=round(min(1.0, max(0.0, heard.prob)), 3),
        )
        for heard in decoder.seg()
        if heard.word[0] not in "<["  # silence and noise
    ]


def main(path: pathlib.Path) -> int:
    try:
        import pocketsphinx  # noqa: F401, PLC0415
    except ImportError:
        print("This example needs a recogniser: pip install pocketsphinx", file=sys.stderr)
        return 2
    try:
        mono(str(path))  # Reports an invalid file here, not as an error of the fake.
        with (
            FakeSoniox(transcriber=transcriber) as fake,
            SonioxClient(fake.api_key, api_base_url=fake.api_base_url) as client,
        ):
            transcript = client.stt.transcribe_and_wait_with_tokens(file=path, delete_after=True)
    except (OSError, ValueError, SonioxError, FakeSonioxError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(f"A fake Soniox server was asked what {path.name} says. A small offline model heard, right or wrong:\n")
    for token in transcript.tokens[:4]:
        print(f"{token.start_ms:6d} ms  {token.text!r}")
    print(f"   ... {len(transcript.tokens)} tokens in all\n")
    print(transcript.text)
    if path == RECORDING:
        print(f"\nWhat was spoken, by a machine:\n{path.with_suffix('.txt').read_text(encoding='utf-8').strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDING))
