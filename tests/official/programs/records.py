import copy
import json
import pickle

from soniox.types import CreateTranscriptionConfig, File, RealtimeEvent, Token, TranscriptionTranscript

data = {
    "id": "74ca4fc4-13a5-4a45-a3e6-6ff1ad0ca8b1",
    "text": "hello",
    "tokens": [{"text": "hel", "start_ms": 10, "end_ms": 20, "confidence": 0.5}, {"text": "lo", "speaker": "1"}],
}
transcript = TranscriptionTranscript.model_validate(data)
print(transcript.text, len(transcript.tokens), transcript.tokens[1].speaker)
print(transcript.model_dump(exclude_none=True))
print(transcript.model_dump_json(exclude_none=True))
print(TranscriptionTranscript.model_validate_json(json.dumps(data)) == transcript)
print(pickle.loads(pickle.dumps(transcript)) == transcript, copy.deepcopy(transcript) == transcript)
print(transcript.model_copy(update={"text": "bye"}).text, transcript.text)
token = Token(text="a", is_final=True)
print(token.is_final, token.model_dump(exclude_unset=True), sorted(token.model_fields_set))
print(sorted(Token.model_fields))
print(dict(token)["text"], token)
event = RealtimeEvent.model_validate({"tokens": [], "finished": True})
print(event.finished, event.error_code)
config = CreateTranscriptionConfig(language_hints=("en",), enable_speaker_diarization="true")
print(config.model_dump(exclude_none=True, mode="json"))
file = File.model_validate({"id": "x", "filename": "a", "size": 1, "created_at": "2026-04-01T00:00:00Z"})
print(file.created_at.year, file.model_dump(mode="json")["created_at"])
try:
    File.model_validate({"id": "x"})
except ValueError as error:
    print("invalid")
