from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig

client = SonioxClient()
config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
with open("call.wav", "rb") as microphone, client.realtime.stt.connect(config=config) as session:
    while chunk := microphone.read(3200):
        session.send_bytes(chunk)
    session.finish()
    print("".join(token.text for event in session.receive_events() for token in event.tokens if token.is_final))
