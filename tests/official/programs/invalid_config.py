from soniox import SonioxClient
from soniox.types import CreateTranscriptionConfig, RealtimeSTTConfig, TranslationConfig

for make in (
    lambda: TranslationConfig(type="one_way"),
    lambda: TranslationConfig(type="sideways", target_language="de"),
    lambda: CreateTranscriptionConfig(language_hints="en"),
    lambda: CreateTranscriptionConfig(enable_speaker_diarization="perhaps"),
    lambda: RealtimeSTTConfig(),
    lambda: RealtimeSTTConfig(model="m", sample_rate="many"),
    lambda: SonioxClient().files.list(limit=0),
    lambda: SonioxClient().stt.create(),
):
    try:
        print(make())
    except ValueError:
        print("refused")
