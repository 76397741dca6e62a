"""Uploads a recording and prints its transcript, without network, key or cost.

The service is the fake from ``soniox_testing``. It stores files and jobs as Soniox does, but it does not recognise
speech: the transcript of the recording is added to it first.
"""

from __future__ import annotations

import pathlib

from soniox_lite import SonioxClient
from soniox_testing import FakeSoniox

RECORDING = pathlib.Path(__file__).with_name("spoken.wav")


def main() -> None:
    spoken = RECORDING.with_suffix(".txt").read_text(encoding="utf-8").strip()
    with FakeSoniox() as fake, SonioxClient(fake.api_key, api_base_url=fake.api_base_url) as client:
        fake.add_transcript(spoken, filename=RECORDING.name)
        print(f"A fake Soniox server answers at {fake.url}, with a transcript for {RECORDING.name}.")

        file = client.files.upload(RECORDING)
        print(f"Uploaded {file.filename}: {file.size} bytes.")
        job = client.stt.create(file_id=file.id, config={"language_hints": ["en"], "enable_speaker_diarization": True})
        job = client.stt.wait(job.id)
        print(f"The job is {job.status}: {(job.audio_duration_ms or 0) / 1000:.1f} s of audio, model {job.model}.")

        transcript = client.stt.get_transcript(job.id)
        for token in transcript.tokens[:4]:
            print(f"  {token.start_ms:5d} ms  {token.text!r}")
        print(f"  ... {len(transcript.tokens)} tokens in all\n")
        print(transcript.text)

        client.stt.destroy(job.id)


if __name__ == "__main__":
    main()
