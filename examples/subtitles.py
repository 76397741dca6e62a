"""Writes subtitles beside a recording: ``SONIOX_API_KEY=... python examples/subtitles.py FILE [LANGUAGE]``.

With a language, also writes subtitles of the translation, and of both. Subtitles that cannot be written are printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from soniox_lite import SonioxClient, SonioxError
from soniox_lite.subtitles import to_srt, to_vtt


def main(recording: Path, language: str | None = None) -> int:
    config = {"enable_speaker_diarization": True}
    try:
        with SonioxClient() as client:
            if language is None:
                transcript = client.stt.transcribe_and_wait_with_tokens(
                    file=recording, delete_after=True, config=config
                )
            else:
                transcript = client.stt.translate_and_wait_with_tokens(
                    file=recording, to=language, delete_after=True, config=config
                )
    except SonioxError as error:
        print(f"{recording}: {error}", file=sys.stderr)
        return 1
    files = {".srt": to_srt(transcript), ".vtt": to_vtt(transcript)}
    if language is not None:
        files[f".{language}.srt"] = to_srt(transcript, track="translation")
        files[".both.srt"] = to_srt(transcript, track="both")
    status = 0
    for suffix, content in files.items():
        path = recording.with_suffix(suffix)
        try:
            path.write_text(content, encoding="utf-8")
            print(path)
        except OSError as error:
            # The job has been deleted, so this is the only copy.
            print(f"{path}: {error.strerror}", file=sys.stderr)
            print(content)
            status = 1
    return status


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
