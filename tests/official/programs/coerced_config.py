import uuid

from soniox.types import CreateTranscriptionConfig, CreateTranscriptionPayload, RealtimeSTTConfig, RealtimeTTSConfig

print(
    RealtimeSTTConfig(model="m", sample_rate="16000", num_channels=1.0, enable_endpoint_detection=1).model_dump(
        exclude_none=True
    )
)
print(
    RealtimeTTSConfig(
        stream_id="s", model="m", language="en", voice="v", audio_format="wav", sample_rate=24000
    ).model_dump(exclude_none=True)
)
print(CreateTranscriptionConfig(language_hints=("en", "de")).language_hints)
print(
    CreateTranscriptionConfig(context={"general": [{"key": "a", "value": "b"}], "terms": ["t"]}).model_dump(
        exclude_none=True
    )
)
print(CreateTranscriptionConfig(translation={"type": "two_way", "language_a": "en", "language_b": "de"}).translation)
config = CreateTranscriptionConfig()
config.language_hints = ["sl"]
print(config.model_dump(exclude_none=True))
