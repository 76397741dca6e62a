from soniox import SonioxClient
from soniox.types import RealtimeTTSConfig

client = SonioxClient()
config = RealtimeTTSConfig(
    stream_id="one", model="tts-rt-v2", language="en", voice="Adrian", audio_format="pcm_s16le", sample_rate=16000
)
with client.realtime.tts.connect(config=config) as connection:
    connection.send_text_chunks(["Hello ", "there."], text_end=True)
    audio = b"".join(connection.receive_audio_chunks())
print(len(audio))
with client.realtime.tts.connect(config=config) as connection:
    connection.send_text_chunk("Hello.", text_end=False)
    connection.finish()
    for event in connection.receive_events():
        last = event
print(last.terminated, last.stream_id, last.audio, last.error_code)
