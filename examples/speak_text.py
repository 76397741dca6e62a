"""Speaks a text: ``SONIOX_API_KEY=... python examples/speak_text.py TEXT FILE``.

The extension of FILE sets the format. With ``-`` instead of a file, audio is written to standard output as it is
generated: ``python examples/speak_text.py "Good morning." - | aplay -q``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from soniox_lite import SonioxClient, SonioxError


def main(text: str, output: str) -> int:
    try:
        with SonioxClient() as client:
            if output == "-":
                with client.tts.generate_stream(text=text, voice="Adrian", language="en") as audio:
                    for block in audio:
                        sys.stdout.buffer.write(block)
                        sys.stdout.buffer.flush()
            else:
                config = {"audio_format": Path(output).suffix.removeprefix(".") or "wav"}
                size = client.tts.generate_to_file(output, text=text, voice="Adrian", language="en", config=config)
                print(f"{output}: {size} bytes")
    except SonioxError as error:
        print(f"{output}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
