import json

from soniox import SonioxClient
from soniox.errors import InvalidWebhookSignatureError
from soniox.types import WebhookAuthConfig

client = SonioxClient(webhook_secret="s3cret")
hooks = client.webhooks
print(hooks.webhook_payload("https://a.example/hook"))
print(hooks.webhook_payload("https://a.example/hook", auth=WebhookAuthConfig(name="X-Mine", value="v")))
body = json.dumps({"id": "74ca4fc4-13a5-4a45-a3e6-6ff1ad0ca8b1", "status": "completed"})
event = hooks.unwrap(body, {"x-soniox-webhook-secret": "s3cret"})
print(event.id, event.status, event)
for headers in ({}, {"X-Soniox-Webhook-Secret": "wrong"}):
    try:
        hooks.unwrap(body.encode(), headers)
    except InvalidWebhookSignatureError as error:
        print(type(error).__name__)
try:
    hooks.unwrap("not json", {"x-soniox-webhook-secret": "s3cret"})
except ValueError as error:
    print("not JSON")
job = client.stt.transcribe_file_with_webhook(file=b"audio", webhook_url="https://a.example/hook")
print(job.webhook_url, job.webhook_auth_header_name)
print((client.webhook_secret, client.webhook_signature_header))
