"""Prints the transcript of a recording: ``SONIOX_API_KEY=... python examples/transcribe_file.py FILE``."""

from __future__ import annotations

import sys

from soniox_lite import SonioxClient, SonioxError


def main(path: str) -> int:
    with SonioxClient() as client:
        try:
            transcript = client.stt.transcribe_and_wait_with_tokens(file=path, delete_after=True)
        except SonioxError as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    print(transcript.text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
