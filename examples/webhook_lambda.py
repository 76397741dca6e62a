"""Two AWS Lambda handlers: one starts a transcription, the other is called by Soniox when it has ended.

Environment: ``SONIOX_API_KEY``, ``SONIOX_API_WEBHOOK_SECRET`` (any long random text), ``WEBHOOK_URL`` (the URL of the
second handler). The client is made once and lives as long as the lambda does; its connections are reused.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from soniox_lite import InvalidWebhookSignatureError, SonioxClient, SonioxValidationError

client = SonioxClient(timeout_sec=10)


def start(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Starts a job for the audio in the request's body and answers at once."""
    body = base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event["body"].encode()
    job = client.stt.transcribe_file_with_webhook(
        file=body, filename="upload.wav", webhook_url=os.environ["WEBHOOK_URL"]
    )
    return {"statusCode": 202, "body": job.id}


def ended(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Fetches the transcript of a job that Soniox says has ended. Called several times, it does no harm."""
    try:
        news = client.webhooks.unwrap(event["body"], event["headers"])
    except InvalidWebhookSignatureError:
        return {"statusCode": 401}
    except SonioxValidationError as error:
        return {"statusCode": 400, "body": str(error)}
    job = client.stt.get_or_none(news.id)
    if job is None:
        return {"statusCode": 200, "body": "already handled"}
    text = client.stt.get_transcript(job.id).text if job.status == "completed" else f"failed: {job.error_message}"
    client.stt.destroy(job.id)
    return {"statusCode": 200, "body": text}
