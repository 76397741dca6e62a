from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig

client = SonioxClient()
print(client.stt is client.stt, client.realtime.stt is client.realtime.stt)
config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
audio = open("call.wav", "rb").read()[44:]
with client.realtime.stt.connect(config=config) as session:
    print(session.config is config, session.config.model, session.paused, session.last_message)
    session.send_byte_chunk(audio)
    session.finish()
    raw = session.recv_bytes()
    event = session.parse_event(raw)
    print(type(raw).__name__, type(event).__name__, isinstance(event.tokens, list))
    seen = []
    session.handle_events(seen.append)
    print(len(seen) > 1, session.last_message is seen[-1], seen[-1].finished)
    for token in seen[0].tokens:
        match token:
            case type() if False:
                pass
            case _:
                print(token.is_final, token.confidence is not None)
                break
