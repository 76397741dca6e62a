"""Signed URLs of objects in S3, made of the credentials in the environment of a Lambda function.

boto3 makes the same; importing it takes longer than everything else at the start of the functions.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
import urllib.request
from urllib.parse import quote, urlencode, urlsplit


def signed_url(method: str, bucket: str, key: str, valid_sec: int = 3600) -> str:
    """A URL that lets its holder make one kind of request for an object (AWS Signature Version 4, in the query).

    Args:
        method: ``GET`` or ``PUT``.
        bucket: The bucket's name.
        key: The object's key.
        valid_sec: For how long, in seconds. It ends with the function's credentials at the latest, after some hours.
    """
    region = os.environ["AWS_REGION"]
    # As for Amazon's own tools: another server than S3, which has the bucket's name in the path.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
    url = f"{endpoint}/{bucket}" if endpoint else f"https://{bucket}.s3.{region}.amazonaws.com"
    parts = urlsplit(f"{url}/{quote(key)}")
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(valid_sec),
        "X-Amz-SignedHeaders": "host",
    }
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        query["X-Amz-Security-Token"] = token
    # Sorted, as the signature needs it.
    asked = urlencode(sorted(query.items()), quote_via=quote, safe="")
    request = "\n".join([method, parts.path, asked, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    signed = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key_of_day = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key_of_day = hmac.digest(key_of_day, part.encode(), "sha256")
    signature = hmac.digest(key_of_day, signed.encode(), "sha256").hex()
    return f"{parts.geturl()}?{asked}&X-Amz-Signature={signature}"


def put(bucket: str, key: str, text: str) -> None:
    """Writes a text file. Raises ``OSError`` if S3 refuses it."""
    request = urllib.request.Request(signed_url("PUT", bucket, key), text.encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=10):
        pass
