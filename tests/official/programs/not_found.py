from soniox import SonioxClient
from soniox.errors import SonioxAPIError, SonioxError, SonioxNotFoundError

client = SonioxClient()
try:
    client.files.get("00000000-0000-4000-8000-000000000000")
except SonioxNotFoundError as error:
    print(type(error).__name__, isinstance(error, SonioxAPIError), isinstance(error, SonioxError))
    print(error.status_code, error.api_error.message, bool(error.request_id), error.api_error.validation_errors)
    print(error.response.status_code, error.response.json()["error_type"], error.response.headers["content-type"])
    print(error.response.is_error, error.response.is_success, error.response.reason_phrase.lower())
    print(str(error.response.url).rpartition("/")[2], error.response.text[:1])
    print(error.api_error.error_type)
    print(str(error).startswith(error.api_error.message))
client.files.delete_if_exists("00000000-0000-4000-8000-000000000000")
print(client.stt.get_or_none("00000000-0000-4000-8000-000000000000"))
