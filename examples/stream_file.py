"""Streams a WAV file at the pace of the recording and prints each utterance.

``SONIOX_API_KEY=... python examples/stream_file.py FILE``.
"""

from __future__ import annotations

import sys

from soniox_lite import SonioxClient, SonioxError, TranscriptBuffer
from soniox_lite.utils import read_wav_format, start_audio_thread, stream_wav, throttle_audio, wav_config

CHUNKS_PER_SECOND = 10


def main(path: str) -> int:
    heard = TranscriptBuffer()
    try:
        config = wav_config(path, model="stt-rt-v5", enable_endpoint_detection=True)
        chunk_size = read_wav_format(path).bytes_per_second // CHUNKS_PER_SECOND
        with SonioxClient() as client, client.realtime.stt.connect(config=config) as session:
            chunks = throttle_audio(
                stream_wav(path, chunk_size_bytes=chunk_size),
                chunk_size_bytes=chunk_size,
                delay_seconds=1 / CHUNKS_PER_SECOND,
            )
            start_audio_thread(session, chunks)
            for event in session.receive_events(raise_on_error=True):
                heard.add(event)
                for utterance in heard.take_utterances():
                    print(utterance.text.strip(), flush=True)
    except SonioxError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
