from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig, TranslationConfig
from soniox.utils import render_tokens, stream_audio

client = SonioxClient()
config = RealtimeSTTConfig(
    model="stt-rt-v5",
    audio_format="pcm_s16le",
    sample_rate=16000,
    num_channels=1,
    enable_language_identification=True,
    enable_speaker_diarization=True,
    translation=TranslationConfig(type="one_way", target_language="de"),
)
print(config.model_dump(exclude_none=True))
with client.realtime.stt.connect(config=config) as session:
    session.send_bytes(stream_audio("call.wav", chunk_size_bytes=3200))
    tokens = [token for event in session.receive_events() for token in event.tokens if token.is_final]
print(render_tokens(tokens, []))
