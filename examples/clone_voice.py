"""Creates a voice from a clip of at most 20 seconds and speaks a text with it.

``SONIOX_API_KEY=... python examples/clone_voice.py CLIP NAME TEXT FILE``. Prints the ID of the voice, which is kept. A
voice that fails to become ready is deleted.
"""

from __future__ import annotations

import sys

from soniox_lite import SonioxClient, SonioxError, SonioxVoiceError

MODEL = "tts-rt-v2"


def main(clip: str, name: str, text: str, output: str) -> int:
    try:
        with SonioxClient() as client:
            voice = client.voices.create(clip, name=name)
            print(voice.id)
            try:
                client.voices.wait_until_ready(voice.id, model=MODEL, timeout_sec=120)
            except SonioxVoiceError:
                client.voices.delete(voice.id)
                raise
            client.tts.generate_to_file(output, text=text, voice=voice.id, model=MODEL, language="en")
    except SonioxError as error:
        print(f"{clip}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
