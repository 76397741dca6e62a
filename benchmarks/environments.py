"""What is measured, in places of its own: an environment for ours and one for the official SDK, and a certificate.

They are kept in the system's directory for temporary files. Ours is built and installed anew each time, from the tree
that this file is in.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OFFICIAL = "soniox==2.10.*"
WITHOUT_PYC = "-without-pyc"


def run(*command: str | pathlib.Path) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


class Environments:
    """Interpreters by client: ``ours``, ``official`` and ``floor``, and the same without .pyc files."""

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.gettempdir(), f"soniox-lite-benchmarks-{os.getuid()}")
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if self.directory.lstat().st_uid != os.getuid():
            raise SystemExit(f"{self.directory} belongs to somebody else")

    def python(self, client: str) -> pathlib.Path:
        return self.directory / client / "bin" / "python"

    def packages(self, client: str) -> pathlib.Path:
        return next((self.directory / client / "lib").glob("python*/site-packages"))

    def prepare(self) -> None:
        """Makes what is not there yet, and ours in any case."""
        for client in ("floor", "ours", "official"):
            version = ".".join(map(str, sys.version_info[:3]))
            made_for = self.directory / f"{client}.version"
            if not made_for.exists() or made_for.read_text(encoding="utf-8") != version:
                run(sys.executable, "-m", "venv", "--clear", "--without-pip", self.directory / client)
                if client == "official":
                    self.install(client, OFFICIAL)
                made_for.write_text(version, encoding="utf-8")
        wheels = self.directory / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        isolated = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolated, "--wheel-dir", wheels, ROOT)
        self.install("ours", "--force-reinstall", *wheels.glob("*.whl"))
        for client in ("floor", "ours", "official"):
            bare = self.directory / f"{client}{WITHOUT_PYC}"
            shutil.rmtree(bare, ignore_errors=True)
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(self.directory / client, bare, symlinks=True, ignore=ignored)

    def install(self, client: str, *what: str | pathlib.Path) -> None:
        run(sys.executable, "-m", "pip", "--quiet", "--python", self.python(client), "install", "--compile", *what)

    def closure(self, client: str) -> dict[str, float]:
        """Bytes of everything that installing it brings, as it is and zipped, and how many files are compiled."""
        packages = self.packages(client)
        files = [path for path in packages.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        archive = self.directory / f"{client}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
            for path in files:
                bundle.write(path, path.relative_to(packages))
        return {
            "unpacked": sum(path.stat().st_size for path in files) / 1024,
            "zipped": archive.stat().st_size / 1024,
            "compiled": sum(path.suffix in {".so", ".pyd", ".dylib"} for path in files),
        }

    def certificate(self) -> tuple[pathlib.Path, pathlib.Path]:
        """For 127.0.0.1; and the bundle to trust it by, as large as the system's, whose loading costs time."""
        import trustme  # noqa: PLC0415 - not when the module is only looked at

        authority = trustme.CA()
        server, bundle = self.directory / "server.pem", self.directory / "trusted.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(server))
        system = ssl.get_default_verify_paths().cafile
        bundle.write_bytes(pathlib.Path(system).read_bytes() if system else b"")
        authority.cert_pem.write_to_path(str(bundle), append=True)
        return server, bundle

    def file_of(self, size_mb: int) -> pathlib.Path:
        """A file to upload."""
        path = self.directory / f"{size_mb}.wav"
        if not path.exists():
            with path.open("wb") as stream:
                for _ in range(size_mb):
                    stream.write(os.urandom(1_000_000))
        return path
