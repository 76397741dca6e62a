from soniox import AsyncSonioxClient, SonioxClient

client = SonioxClient(
    api_key="k",
    api_base_url="https://a.example/v1",
    websocket_base_url="wss://b.example/x",
    tts_api_base_url="https://c.example",
    tts_websocket_base_url="wss://d.example/y",
    timeout_sec=3,
    webhook_secret="s",
    webhook_signature_header="X-Sig",
)
names = "api_key api_base_url websocket_base_url tts_api_base_url tts_websocket_base_url timeout_sec webhook_secret webhook_signature_header"
print([getattr(client, name) for name in names.split()])
other = AsyncSonioxClient(
    "k", "https://a.example/v1", "wss://b.example/x", "https://c.example", "wss://d.example/y", 3.5, "s", "X-Sig"
)
print([getattr(other, name) for name in names.split()])
print(SonioxClient(api_key="k").timeout_sec, SonioxClient(api_key="k").webhook_secret)
