"""The receivers of docs/webhooks.md, in their frameworks, under their servers, called by the fake."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from soniox_lite import SonioxClient
from soniox_testing import FakeSoniox

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
_PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "long and random"

GUNICORN = ["gunicorn", "ended:app", "--bind", "127.0.0.1:{port}"]
UVICORN = ["uvicorn", "ended:app", "--port", "{port}"]
SERVERS = {
    "Alone, under gunicorn": (GUNICORN, ""),
    "Alone, under uvicorn": (UVICORN, ""),
    "FastAPI": (UVICORN, "ended/"),
    "Flask": (["flask", "--app", "ended", "run", "--port", "{port}"], "ended"),
    "Django": (GUNICORN, "ended"),
}


def code_of(heading: str) -> str:
    """The first block of Python below a heading of the page."""
    found = re.search(rf"^## {re.escape(heading)}\n.*?^```python\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def serve(tmp_path: Path, fake_soniox: FakeSoniox) -> Iterator[Callable[[str], str]]:
    """Starts the receiver below a heading; gives its URL. What it prints goes to ``output.txt``."""
    with contextlib.ExitStack() as stack:

        def start(heading: str) -> str:
            (tmp_path / "ended.py").write_text(code_of(heading), encoding="utf-8")
            with socket.socket() as chosen:
                chosen.bind(("127.0.0.1", 0))
                port = chosen.getsockname()[1]
            command, path = SERVERS[heading]
            output = stack.enter_context((tmp_path / "output.txt").open("wb"))
            server = subprocess.Popen(
                [sys.executable, "-m", *(part.format(port=port) for part in command)],
                cwd=tmp_path,
                env={
                    **os.environ,
                    **fake_soniox.environment(),
                    "SONIOX_API_WEBHOOK_SECRET": SECRET,
                    "PYTHONPATH": str(ROOT),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            stack.callback(server.wait, 60)
            stack.callback(server.terminate)
            # A foreign server in a process of its own: that its port answers is the only event there is.
            deadline = time.monotonic() + 60
            while server.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    return f"http://127.0.0.1:{port}/{path}"
                time.sleep(0.05)
            raise AssertionError((tmp_path / "output.txt").read_text())

        yield start


def status_of(url: str, data: bytes | None, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


# A receiver that is slow would be called again.
@pytest.mark.fake_soniox(webhook_timeout_sec=60)
@pytest.mark.parametrize("heading", SERVERS)
def test_receivers(heading: str, serve: Callable[[str], str], fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    url = serve(heading)
    fake_soniox.add_transcript("words of a call", filename="call.wav")
    with SonioxClient(**{**_urls(fake_soniox), "webhook_secret": SECRET}) as client:
        job = client.stt.transcribe_file_with_webhook(file=b"ID3 audio", filename="call.wav", webhook_url=url)
    assert fake_soniox.wait_for_webhook(job.id, timeout_sec=60).outcome == "delivered"
    assert fake_soniox.send_webhook_again(job.id).outcome == "delivered"
    output = (tmp_path / "output.txt").read_text()
    assert output.count("words of a call") == 1, output
    event = b'{"id": "x", "status": "completed"}'
    assert status_of(url, None) == 405
    assert status_of(url, event, X_Soniox_Webhook_Secret="guess") == 401
    assert status_of(url, b"no event", X_Soniox_Webhook_Secret=SECRET) == 400
    assert status_of(url, bytes(70_000), X_Soniox_Webhook_Secret=SECRET) == 413


def _urls(fake: FakeSoniox) -> dict[str, str]:
    return {"api_key": fake.api_key, "api_base_url": fake.api_base_url}
