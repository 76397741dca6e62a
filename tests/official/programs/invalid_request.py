from soniox import SonioxClient
from soniox.errors import SonioxConflictError, SonioxInvalidRequestError

client = SonioxClient()
for arguments in (
    {"model": "no-such-model", "audio_url": "https://a.example/b"},
    {"file_id": "00000000-0000-4000-8000-000000000000"},
):
    try:
        client.stt.create(**arguments)
    except SonioxInvalidRequestError as error:
        print(error.status_code, error.api_error.error_type, error.api_error.message)
        for detail in error.api_error.validation_errors:
            print(detail.error_type, detail.location, detail.message)
job = client.stt.create(audio_url="https://a.example/b.mp3")
try:
    client.stt.get_transcript(job.id)
except SonioxConflictError as error:
    print(type(error).__name__, error.status_code)
print(client.stt.wait(job.id, interval_sec=0.05).status)
