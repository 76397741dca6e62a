import io

from soniox import SonioxClient
from soniox.types import CreateTtsConfig
from soniox.utils import output_file_for_audio_format

client = SonioxClient()
audio = client.tts.generate(text="Hello.", voice="Adrian", language="en")
print(len(audio), audio[:4])
path = output_file_for_audio_format("wav", "hello")
print(path, client.tts.generate_to_file(path, text="Hello.", voice="Adrian", language="en") == path.stat().st_size)
buffer = io.BytesIO()
print(
    client.tts.generate_to_file(
        buffer, text="Hello.", language="en", config=CreateTtsConfig(audio_format="pcm_s16le", sample_rate=16000)
    )
)
try:
    client.tts.generate(text="", voice="Adrian", language="en")
except ValueError:
    print("refused")
