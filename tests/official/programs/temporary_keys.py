from soniox import SonioxClient
from soniox.types import CreateTemporaryApiKeyPayload

client = SonioxClient()
key = client.auth.create_temporary_api_key(
    usage_type="transcribe_websocket", expires_in_seconds=60, client_reference_id="browser"
)
print(key.api_key.startswith("temp"), key.expires_at.tzinfo is not None)
print(CreateTemporaryApiKeyPayload(usage_type="tts_rt", expires_in_seconds="60").model_dump(exclude_none=True))
try:
    client.auth.create_temporary_api_key(usage_type="transcribe_websocket", expires_in_seconds=0)
except ValueError as error:
    print("refused")
