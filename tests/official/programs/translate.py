from soniox import SonioxClient
from soniox.types import CreateTranscriptionConfig

client = SonioxClient()
job = client.stt.translate(
    to="de", audio_url="https://a.example/b.mp3", config=CreateTranscriptionConfig(language_hints=["en"])
)
print(job.status in ("queued", "processing"), job.language_hints, job.enable_language_identification)
transcript = client.stt.translate_and_wait_with_tokens(between=("en", "de"), file="call.wav", wait_interval_sec=0.05)
print(sorted({token.translation_status for token in transcript.tokens}))
print(transcript.text)
for arguments in ({}, {"to": "de", "between": ("en", "de")}):
    try:
        client.stt.translate(audio_url="https://a.example/b.mp3", **arguments)
    except Exception as error:
        print(type(error).__name__)
