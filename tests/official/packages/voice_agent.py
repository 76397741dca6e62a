# myxagent: a voice agent that listens on one session and speaks on a warm connection with several streams.
import threading

from xagent.interfaces.voice.config import VoiceChannelConfig
from xagent.interfaces.voice.soniox import create_soniox_adapters

stt, tts = create_soniox_adapters(VoiceChannelConfig())
stop = threading.Event()
with open("call.wav", "rb") as file:
    audio = file.read()[44:]


def microphone():
    yield from (audio[start : start + 3200] for start in range(0, len(audio), 3200))
    # Then silence, until the agent has understood.
    while not stop.wait(0.02):
        yield bytes(3200)


for utterance in stt.iter_utterances(microphone(), pause_event=threading.Event(), stop_event=stop):
    print("heard", utterance.text, utterance.language)
    stop.set()
stt.close()
print("closed", stt.resources_closed)

for sentence in ("Hello there.", "And a second sentence, on the same connection."):
    chunks = tts.synthesize_chunks(sentence.split(" "), language="en", stop_event=threading.Event())
    print("said", len(b"".join(chunks)))
tts.keep_alive()
tts.cancel()
tts.close()
