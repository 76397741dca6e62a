"""The package works where nothing is installed, and as a copy under another name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soniox_lite.cli import main
from soniox_testing import FakeSoniox

ROOT = Path(__file__).parents[2]

MAIN_JOB = """
import sys
sys.path.insert(0, sys.argv[1])
import {package} as package
with package.SonioxClient(sys.argv[2], api_base_url=sys.argv[3]) as client:
    file = client.files.upload(sys.argv[4])
    job = client.stt.wait(client.stt.create(file_id=file.id).id)
    print(client.stt.get_transcript(job.id).text)
    client.stt.destroy(job.id)
import asyncio
async def main():
    async with package.AsyncSonioxClient(sys.argv[2], api_base_url=sys.argv[3]) as client:
        transcript = await client.stt.transcribe_and_wait_with_tokens(file=sys.argv[4], delete_after=True)
        print(transcript.text)
asyncio.run(main())
foreign = sorted(name for name in sys.modules if "site-packages" in (getattr(sys.modules[name], "__file__", "") or ""))
print("foreign modules:", foreign)
"""


def run_main_job(folder: Path, package: str, fake: FakeSoniox) -> str:
    spoken = ROOT / "examples" / "spoken.wav"
    for _ in range(2):
        fake.add_transcript("no strings attached")
    code = MAIN_JOB.format(package=package)
    # -I and -S: no environment, no user site, no site-packages.
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code, str(folder), fake.api_key, fake.api_base_url]
    result = subprocess.run([*command, str(spoken)], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return result.stdout


def test_rest_works_with_nothing_installed(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "soniox_lite", tmp_path / "soniox_lite", ignore=shutil.ignore_patterns("__pycache__"))
    assert run_main_job(tmp_path, "soniox_lite", fake_soniox) == "no strings attached\n" * 2 + "foreign modules: []\n"


def test_a_copy_under_another_name_works(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    inner = tmp_path / "their_app" / "_vendor" / "speech"
    shutil.copytree(ROOT / "soniox_lite", inner, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (tmp_path / "their_app", tmp_path / "their_app" / "_vendor"):
        (folder / "__init__.py").touch()
    output = run_main_job(tmp_path, "their_app._vendor.speech", fake_soniox)
    assert output == "no strings attached\n" * 2 + "foreign modules: []\n"
    for needed in ("LICENSE", "py.typed", "_version.py"):
        assert (inner / needed).exists()


TWO_COPIES = """
import sys
sys.path[:0] = sys.argv[1:]
import soniox_lite as one
import their_app._vendor.soniox_lite as other
from their_app._vendor.soniox_lite._data.callbacks import logger
translation = other.types.api.TranslationConfig(type="one_way", target_language="de")
config = other.types.api.CreateTranscriptionConfig(language_hints=["en"], translation=translation, extra={"new": 1})
print(one.types.api.CreateTranscriptionPayload.of({"model": "m", "file_id": "f", "translation": translation}).to_dict())
client = one.SonioxClient("key", api_base_url="http://127.0.0.1:9/v1", max_retries=0)
try:
    client.stt.create(file_id="f", config=config)
except one.SonioxConnectionError:
    print("sent")
token = other.types.common.Token.from_dict({"text": "Hello", "start_ms": 0, "end_ms": 900, "confidence": 1.0})
print(one.subtitles.to_text([token]))
print(logger().name)
"""


def test_two_copies_take_each_others_records_and_log_under_their_own_names(tmp_path: Path) -> None:
    place = tmp_path / "their_app" / "_vendor"
    assert main(["vendor", str(place)]) == 0
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", TWO_COPIES, str(tmp_path), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    payload = {"model": "m", "file_id": "f", "translation": {"type": "one_way", "target_language": "de"}}
    assert result.stdout.splitlines() == [str(payload), "sent", "Hello", "their_app._vendor.soniox_lite"]


@pytest.mark.slow
def test_a_copy_passes_the_contract_suite(tmp_path: Path) -> None:
    place = tmp_path / "their_app" / "_vendor"
    assert main(["vendor", str(place), "--with-websocket", "--compact"]) == 0
    for folder in (tmp_path / "their_app", place):
        (folder / "__init__.py").touch()
    suite = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.support.vendored_client", "tests/contract"]
    done = subprocess.run(
        [*suite, "-k", "not official", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "VENDORED_IN": "their_app._vendor", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout
