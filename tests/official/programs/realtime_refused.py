from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig

client = SonioxClient()
config = RealtimeSTTConfig(model="no-such-model", audio_format="auto")
with client.realtime.stt.connect(config=config) as session:
    for event in session.receive_events():
        print(event.error_code, event.error_message, event.tokens, event.finished)
        if event.error_code:
            break
