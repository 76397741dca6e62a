import threading

from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig

client = SonioxClient()
config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
with open("call.wav", "rb") as microphone, client.realtime.stt.connect(config=config) as session:

    def send():
        while chunk := microphone.read(3200):
            session.send_byte_chunk(chunk)
        session.finish()

    thread = threading.Thread(target=send)
    thread.start()
    words = []
    while (event := session.receive_event()) is not None:
        words += [token.text for token in event.tokens if token.is_final]
        if event.finished:
            break
    thread.join()
print("".join(words))
