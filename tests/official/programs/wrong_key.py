from soniox import SonioxClient
from soniox.errors import SonioxAuthenticationError

client = SonioxClient(api_key="not-a-key")
try:
    client.models.list()
except SonioxAuthenticationError as error:
    print(error.status_code, error.api_error.error_type, error.api_error.message)
