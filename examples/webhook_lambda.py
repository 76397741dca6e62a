"""Two AWS Lambda handlers: one starts a transcription, Soniox calls the other when it has ended.

Environment: ``SONIOX_API_KEY``, ``SONIOX_API_WEBHOOK_SECRET`` (any long random text), ``WEBHOOK_URL`` (the URL of the
second handler). The client is created once and its connections are reused. Both handlers work behind an API Gateway
(payloads 1.0 and 2.0), as function URLs, and behind a load balancer.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from soniox_lite import InvalidWebhookSignatureError, SonioxClient, SonioxValidationError

client = SonioxClient(timeout_sec=10)


def start(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Starts a job for the audio in the request's body and returns its ID."""
    body = base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event["body"].encode()
    job = client.stt.transcribe_file_with_webhook(
        file=body, filename="upload.wav", webhook_url=os.environ["WEBHOOK_URL"]
    )
    return answer(202, job.id)


def ended(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Fetches the transcript of an ended job and deletes the job. May be called repeatedly for the same job."""
    try:
        # The event has the headers, and says whether the body is base64.
        notification = client.webhooks.unwrap(event["body"], event)
    except InvalidWebhookSignatureError:
        return answer(401, "")
    except SonioxValidationError as error:
        return answer(400, str(error))
    job = client.stt.get_or_none(notification.id)
    if job is None:
        return answer(200, "already handled")
    text = client.stt.get_transcript(job.id).text if job.status == "completed" else f"failed: {job.error_message}"
    client.stt.destroy(job.id)
    return answer(200, text)


def answer(status: int, text: str) -> dict[str, Any]:
    """A response that all of these gateways accept."""
    return {
        "statusCode": status,
        # A load balancer reads one of the two, depending on its configuration.
        "headers": {"Content-Type": "text/plain; charset=utf-8"},
        "multiValueHeaders": {"Content-Type": ["text/plain; charset=utf-8"]},
        "isBase64Encoded": False,
        "body": text,
    }
