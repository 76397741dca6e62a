from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig, Token
from soniox.utils import render_tokens, start_audio_thread, stream_audio

client = SonioxClient()
config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
final: list[Token] = []
with client.realtime.stt.connect(config=config) as session:
    thread = start_audio_thread(session, stream_audio("call.wav", chunk_size_bytes=3200))
    for event in session.receive_events():
        final += [token for token in event.tokens if token.is_final]
        if event.finished:
            print("finished", event.total_audio_proc_ms == event.final_audio_proc_ms)
    thread.join()
print(render_tokens(final, []))
print(final[0].text, final[0].start_ms, final[0].end_ms, final[0].confidence, final[0].is_final)
