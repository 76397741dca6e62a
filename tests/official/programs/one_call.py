from soniox import SonioxClient
from soniox.types import CreateTranscriptionConfig, StructuredContext, StructuredContextGeneralItem

config = CreateTranscriptionConfig(
    language_hints=["en", "de"],
    enable_speaker_diarization=True,
    enable_language_identification=True,
    context=StructuredContext(
        general=[StructuredContextGeneralItem(key="domain", value="medicine")], text="A call.", terms=["Soniox"]
    ),
)
with SonioxClient() as client:
    for source in ("call.wav", open("call.wav", "rb"), open("call.wav", "rb").read()):
        transcript = client.stt.transcribe_and_wait_with_tokens(
            file=source, config=config, wait_interval_sec=0.05, delete_after=True
        )
        print(transcript.text)
        print([(token.speaker, token.language) for token in transcript.tokens])
    job = client.stt.transcribe_and_wait(audio_url="https://a.example/b.mp3", wait_interval_sec=0.05)
    print(job.status, job.audio_url)
    print(config)
    print(config.model_dump(exclude_none=True))
