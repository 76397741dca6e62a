"""A tape of the official SDK, recorded against a fake and kept: tapes stay readable, whatever client they are of.

To record it again: ``SONIOX_API_KEY=any-key-of-sixteen pytest tests/fake/tapes/test_foreign.py --soniox-record
--soniox-record-to URL`` with the URL of ``python -m soniox_testing --audio any``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import soniox
from soniox.types.realtime import RealtimeSTTConfig, RealtimeTTSConfig

from soniox_testing import FakeSoniox
from soniox_testing.__main__ import main

TAPE = Path(__file__).parent / "tapes" / "official_sdk.tape"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDK, about the websockets library
@pytest.mark.soniox_tape("official_sdk")
def test_the_official_sdk_does_what_it_did(fake_soniox: FakeSoniox) -> None:
    with soniox.SonioxClient(
        api_key=fake_soniox.api_key,
        api_base_url=fake_soniox.api_base_url,
        websocket_base_url=fake_soniox.stt_websocket_url,
        tts_api_base_url=fake_soniox.tts_api_base_url,
        tts_websocket_base_url=fake_soniox.tts_websocket_url,
    ) as client:
        file = client.files.upload(b"ID3" + bytes(4000), filename="call.mp3")
        job = client.stt.create(model="stt-async-v5", file_id=file.id)
        assert client.stt.wait(job.id, interval_sec=0.1).status == "completed"
        assert client.stt.get_transcript(job.id).text
        with client.realtime.stt.connect(config=RealtimeSTTConfig(model="stt-rt-v5", audio_format="mp3")) as session:
            session.send_bytes(iter([b"ID3" + bytes(4000)] * 4))
            assert [event.finished for event in session.receive_events()][-1]
        speech = RealtimeTTSConfig(
            model="tts-rt-v2", language="en", voice="Nina", audio_format="pcm_s16le", sample_rate=8000, stream_id="s"
        )
        with client.realtime.tts.connect(config=speech) as stream:
            stream.send_text_chunk("Hello.", text_end=True)
            assert sum(map(len, stream.receive_audio_chunks())) > 0
        client.stt.delete(job.id)
        client.files.delete(file.id)


def test_the_fake_still_answers_as_on_that_tape(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(TAPE)]) == 0
    assert capsys.readouterr().out == "official_sdk.tape: 0 differences in 9 requests\n"
