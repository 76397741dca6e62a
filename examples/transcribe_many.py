"""Transcribes many recordings: ``SONIOX_API_KEY=... python examples/transcribe_many.py FILE...``.

A run that was interrupted goes on where it was if ``JOURNAL`` names the same file again.
"""

from __future__ import annotations

import os
import sys

from soniox_lite import SonioxClient, SonioxError


def main(paths: list[str]) -> int:
    failures = 0
    try:
        with SonioxClient() as client:
            for result in client.stt.transcribe_many(paths, concurrency=8, journal=os.environ.get("JOURNAL")):
                if result.transcript is None:
                    failures += 1
                    print(f"{result.source}: {result.error}", file=sys.stderr)
                else:
                    print(f"{result.source}: {result.transcript.text}")
    except SonioxError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
