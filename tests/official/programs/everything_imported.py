from soniox import *
from soniox import api, realtime, types
from soniox.api import FilesAPI, SttAPI
from soniox.api.stt import DEFAULT_MODEL
from soniox.api.webhooks import DEFAULT_WEBHOOK_HEADER, SONIOX_API_WEBHOOK_SECRET_ENV
from soniox.client import AsyncSonioxClient, SonioxClient
from soniox.realtime import RealtimeSTTSession
from soniox.realtime.async_stt import AsyncRealtimeSTTSession
from soniox.types.realtime import TOKEN_TEXT_END, TOKEN_TEXT_FIN

print(DEFAULT_MODEL, DEFAULT_WEBHOOK_HEADER, SONIOX_API_WEBHOOK_SECRET_ENV, TOKEN_TEXT_END, TOKEN_TEXT_FIN)
print(types.Token.__name__, realtime.RealtimeAPI.__name__, api.FilesAPI.__name__)
client = SonioxClient()
print(isinstance(client.stt, SttAPI), isinstance(client.files, FilesAPI), issubclass(AsyncSonioxClient, object))
