from soniox import SonioxClient
from soniox.types import RealtimeTTSConfig

client = SonioxClient()
config = RealtimeTTSConfig(
    stream_id="one",
    model="tts-rt-v2",
    language="en",
    voice="Adrian",
    audio_format="pcm_s16le",
    sample_rate=16000,
    return_timestamps=True,
)
with client.realtime.tts.connect(config=config) as connection:
    print(connection.config.stream_id, connection.paused, connection.last_message)
    connection.keep_alive()
    connection.send_text_chunk("Hello there.", text_end=True)
    size, characters = 0, ""
    for event in connection.receive_events():
        size += len(event.audio_bytes() or b"")
        if event.timestamps:
            characters += "".join(event.timestamps.characters)
    print(size, characters, connection.last_message.terminated)
with client.realtime.tts.connect_multi_stream() as connection:
    streams = [connection.open_stream(config=config.model_copy(update={"stream_id": name})) for name in ("a", "b")]
    for stream in streams:
        print(stream.stream_id)
        stream.send_text_chunks(iter(["One ", "two."]))
    for stream in streams:
        print(len(b"".join(stream.receive_audio_chunks())))
