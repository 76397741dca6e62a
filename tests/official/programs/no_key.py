import os

from soniox import AsyncSonioxClient, SonioxClient
from soniox.errors import SonioxValidationError

del os.environ["SONIOX_API_KEY"]
for make in (SonioxClient, AsyncSonioxClient):
    try:
        make()
    except SonioxValidationError as error:
        print(type(error).__name__, bool(error.errors))
print(SonioxClient(api_key="mine").api_key)
