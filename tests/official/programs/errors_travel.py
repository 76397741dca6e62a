import copy
import pickle
import traceback

from soniox import SonioxClient
from soniox.errors import SonioxAPIError, SonioxError

client = SonioxClient()
try:
    client.files.get("00000000-0000-4000-8000-000000000000")
except SonioxError as error:
    print(error.args == (error.api_error.message,), error.__cause__)
    print(error.response.request.method if hasattr(error.response, "request") else "GET")
    print("SonioxNotFoundError" in "".join(traceback.format_exception(error)))
print(isinstance(SonioxError("mine"), Exception), str(SonioxError("mine")), SonioxError("mine").response)
print(str(SonioxAPIError("mine")), SonioxAPIError("mine").status_code, SonioxAPIError("mine").api_error)
