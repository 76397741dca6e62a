"""Measures how long a Lambda function with each SDK takes to start, its first two invocations, and its memory.

    python benchmarks/lambda_start.py [ROUNDS]

The functions run in Lambda's own runtime client (awslambdaric, which is installed into a folder of the benchmarks)
against an emulation of the Runtime API and the fake service, over https with as many trusted certificates as the system
has. They take turns, round by round; the values are medians.
"""

from __future__ import annotations

import compileall
import json
import py_compile
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from environments import OFFICIAL, ROOT, Environments, run

sys.path.insert(0, str(ROOT))

from soniox_testing import FakeSoniox
from tests.support.lambda_runtime import Function

SECRET = "a secret of more than 32 characters"
COLUMNS = ("zipped", "INIT", "first call", "second call", "INIT, processor", "all, processor", "peak memory")


class Packages:
    """Folders for the path of a function."""

    def __init__(self) -> None:
        self.directory = Environments().directory / "lambda"
        shutil.rmtree(self.directory, ignore_errors=True)
        self.runtime = self.install("runtime", "awslambdaric")
        compileall.compile_dir(self.runtime, quiet=1)

    def install(self, name: str, *what: str) -> Path:
        """Packages from the index, without bytecode, as they are packed for Lambda."""
        folder = self.directory / name
        run(sys.executable, "-m", "pip", "--quiet", "install", "--no-compile", "--target", folder, *what)
        return folder

    def compiled(self, folder: Path) -> Path:
        """A copy with bytecode."""
        copy = folder.with_name(f"{folder.name}-compiled")
        shutil.copytree(folder, copy)
        compileall.compile_dir(copy, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        return copy

    def layer(self, name: str, *options: str) -> Path:
        """The layer of the example."""
        folder = self.directory / name
        folder.mkdir()
        archive = folder / "layer.zip"
        run(sys.executable, ROOT / "examples" / "lambda" / "build_layer.py", *options, "--output", archive)
        with zipfile.ZipFile(archive) as layer:
            layer.extractall(folder)
        archive.unlink()
        return folder / "python"


def zipped_kib(folder: Path | None) -> float:
    if folder is None:
        return 0.0
    with tempfile.TemporaryFile() as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
        archive.close()
        return file.tell() / 1024


def status_of(pid: int) -> tuple[float, float]:
    """Milliseconds of the processor that the main thread has used, and KiB of memory that the process had at most."""
    processor = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    status = Path(f"/proc/{pid}/status").read_text()
    return processor, float(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def measure(fake: FakeSoniox, job_id: str, python: Path, sdk: str, path: list[Path], trusted: Path) -> list[float]:
    variables = {
        **fake.environment(),
        "SDK": sdk,
        "URL": fake.api_base_url,
        "SONIOX_API_WEBHOOK_SECRET": SECRET,
        "SSL_CERT_FILE": str(trusted),
    }
    handler = f"lambda_handler.{'ended' if sdk else 'nothing'}"
    event = {
        "body": json.dumps({"id": job_id, "status": "completed"}),
        "headers": {"X-Soniox-Webhook-Secret": SECRET},
    }
    code = ROOT / "benchmarks" / "clients"
    with Function(handler, code, path, variables, python=str(python)) as function:
        processor, _ = status_of(function.process.pid)
        calls = []
        for _ in range(2):
            began = time.perf_counter()
            function.invoke(event)
            calls.append((time.perf_counter() - began) * 1000)
        in_all, peak = status_of(function.process.pid)
    return [function.init_sec * 1000, *calls, processor, in_all, peak / 1024]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    packages = Packages()
    # Without any site-packages.
    python = packages.directory / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
    official = packages.install("official", OFFICIAL)
    layer = packages.layer("layer")
    kinds: dict[str, tuple[str, Path | None]] = {
        "a function without either": ("", None),
        "soniox_lite, the layer of the example": ("soniox_lite", layer),
        "soniox_lite, the layer with bytecode": ("soniox_lite", packages.layer("layer-compiled", "--bytecode")),
        "official SDK": ("soniox", official),
        "official SDK, with bytecode": ("soniox", packages.compiled(official)),
    }
    samples: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    with FakeSoniox(tls=True) as fake, tempfile.NamedTemporaryFile("w") as trusted:
        system = Path("/etc/ssl/certs/ca-certificates.crt")
        trusted.write(system.read_text() if system.exists() else "")
        trusted.write(Path(str(fake.ca_file)).read_text())
        trusted.flush()
        job = end_of_a_job(fake)
        for number in range(rounds + 1):
            for kind, (sdk, folder) in kinds.items():
                path = [packages.runtime, *([] if folder is None else [folder])]
                sample = measure(fake, job, python / "bin" / "python", sdk, path, Path(trusted.name))
                # The first round fills the page cache and is not counted.
                if number:
                    samples[kind].append(sample)
    print(f"| function | {' | '.join(COLUMNS)} |")
    print("|---|" + "---:|" * len(COLUMNS))
    for kind, (_, folder) in kinds.items():
        values: Any = [statistics.median(column) for column in zip(*samples[kind], strict=True)]
        times = " | ".join(f"{value:.3g} ms" for value in values[:-1])
        print(f"| {kind} | {zipped_kib(folder):,.0f} KiB | {times} | {values[-1]:.1f} MiB |")


def end_of_a_job(fake: FakeSoniox) -> str:
    """The ID of a job that has a transcript of 200 tokens."""
    from soniox_lite import SonioxClient  # noqa: PLC0415 - only here

    fake.add_transcript("word " * 200)
    with SonioxClient(fake.api_key, api_base_url=fake.api_base_url, ssl_context=fake.ssl_context()) as client:
        return client.stt.wait(client.stt.create(audio_url="https://a.example/a.wav").id).id


if __name__ == "__main__":
    main()
