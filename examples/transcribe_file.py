"""Prints the transcript of a recording: ``SONIOX_API_KEY=... python examples/transcribe_file.py FILE``."""

from __future__ import annotations

import sys

from soniox_lite import SonioxClient, SonioxError


def main(path: str) -> int:
    try:
        with SonioxClient() as client:
            transcript = client.stt.transcribe_and_wait_with_tokens(file=path, delete_after=True)
    except SonioxError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(transcript.text)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
