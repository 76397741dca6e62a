from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig

client = SonioxClient()
config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
audio = open("call.wav", "rb").read()
half = len(audio) // 6400 * 3200
with client.realtime.stt.connect(config=config) as session:
    session.send_byte_chunk(audio[:half])
    session.finalize()
    session.pause()
    print(session.paused)
    session.send_byte_chunk(b"lost")
    session.keep_alive()
    session.resume()
    print(session.paused)
    session.send_byte_chunk(audio[half:])
    session.finish()
    tokens = [token for event in session.receive_events() for token in event.tokens if token.is_final]
print("".join(token.text for token in tokens if token.text != "<fin>"))
print(sum(token.text == "<fin>" for token in tokens))
