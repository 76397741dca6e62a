"""The Lambda function that is measured: it fetches the transcript of an ended job. Both SDKs have the same names."""

from __future__ import annotations

import importlib
import os
from typing import Any

if os.environ["SDK"]:
    client = importlib.import_module(os.environ["SDK"]).SonioxClient(api_base_url=os.environ["URL"])
    # The first use of a namespace loads its modules.
    webhooks, jobs = client.webhooks, client.stt


def nothing(_event: dict[str, Any], _context: object) -> int:
    return 0


def ended(event: dict[str, Any], _context: object) -> int:
    notification = webhooks.unwrap(event["body"], event["headers"])
    job = jobs.get(notification.id)
    return len(jobs.get_transcript(job.id).tokens)
