"""Transcribes uploads to a bucket: an upload calls ``start``, and Soniox calls ``ended`` at the end of the job.

``template.yaml`` deploys both. Environment: ``SONIOX_API_KEY``, ``SONIOX_API_WEBHOOK_SECRET`` (any long random text),
and for ``start`` also ``WEBHOOK_URL``, the URL of ``ended``. Audio does not pass through Lambda: Soniox fetches it from
S3. The transcript of ``uploads/monday.wav`` becomes ``transcripts/uploads/monday.wav.txt`` in the same bucket.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import s3

from soniox_lite import SonioxClient

if TYPE_CHECKING:
    from soniox_lite.api.webhooks import ReceivedWebhook

# Made once for each instance of a function; its connections are reused while the instance lives.
client = SonioxClient(timeout_sec=10)
# The first use of a namespace loads its modules. Lambda gives more processor time to the start than to invocations.
jobs = client.stt


def start(event: dict[str, Any], _context: object = None) -> list[str]:
    """Starts a job for each upload that an S3 event names, and returns the jobs' IDs."""
    webhook = client.webhooks.webhook_payload(os.environ["WEBHOOK_URL"])
    started = []
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        job = jobs.transcribe_from_url(
            audio_url=s3.signed_url("GET", bucket, key),
            # At most 256 characters.
            client_reference_id=f"{bucket}/{key}",
            config=webhook,
        )
        started.append(job.id)
    return started


def on_ended(webhook: ReceivedWebhook) -> None:
    """Stores the transcript of an ended job, or why it failed, and deletes the job."""
    job = jobs.get_or_none(webhook.id)
    if job is None:
        return  # Soniox has called twice, and another instance was faster.
    bucket, _, key = (job.client_reference_id or "").partition("/")
    if job.status == "completed":
        s3.put(bucket, f"transcripts/{key}.txt", webhook.get_transcript().text)
    else:
        s3.put(bucket, f"transcripts/{key}.error.txt", job.error_message or "failed")
    jobs.destroy(job.id)


# Takes the events of API Gateway (payloads 1.0 and 2.0), function URLs, load balancers and VPC Lattice.
ended = client.webhooks.lambda_handler(on_ended)
