import copy
import json

from soniox import SonioxClient
from soniox.types import CreateTranscriptionConfig, CreateTranscriptionPayload, TranslationConfig


class Ours(CreateTranscriptionConfig):
    """A subclass."""


client = SonioxClient()
base = CreateTranscriptionConfig(language_hints=["en"])
german = base.model_copy(update={"language_hints": ["de"]}, deep=True)
print(base.language_hints, german.language_hints, base == CreateTranscriptionConfig(language_hints=["en"]))
print(json.dumps(base.model_dump(exclude_none=True)), base.model_dump_json(exclude_none=True, indent=2))
print(Ours(language_hints=["en"]).model_dump(exclude_unset=True))
one = client.stt.create(audio_url="https://a.example/b.mp3", config=Ours(enable_speaker_diarization=True))
print(one.enable_speaker_diarization, one.language_hints)
payload = CreateTranscriptionPayload(
    model="stt-async-v5", audio_url="https://a.example/b", **base.model_dump(exclude_none=True)
)
print(payload.model_dump(exclude_none=True))
print(TranslationConfig(type="one_way", target_language="de", language_a="fr").model_dump())
print(CreateTranscriptionConfig.model_validate({"context": {"text": "x"}}).context.text)
print(copy.copy(base) == base, {**base.model_dump(exclude_none=True)})
