"""Environments for soniox_lite and the official SDK, and a TLS certificate.

They are kept in the system's directory for temporary files. soniox_lite is built from the working tree and reinstalled
at each run.
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
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
OFFICIAL = "soniox==2.10.*"
WITHOUT_PYC = "-without-pyc"
# The output of ``openssl x509 -subject_hash`` for O = soniox-lite, OU = benchmarks.
SUBJECT_HASH = "72e67e21"


def run(*command: str | pathlib.Path) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


class Certificates(NamedTuple):
    """Paths: the server's certificate and key; CA certificates as a bundle and as a directory; an empty directory."""

    server: pathlib.Path
    bundle: pathlib.Path
    directory: pathlib.Path
    empty_directory: pathlib.Path


class Environments:
    """Interpreters by client: ``ours``, ``official`` and ``floor``, and the same without .pyc files."""

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.gettempdir(), f"soniox-lite-benchmarks-{os.getuid()}")
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if self.directory.lstat().st_uid != os.getuid():
            raise SystemExit(f"{self.directory} belongs to another user")

    def python(self, client: str) -> pathlib.Path:
        return self.directory / client / "bin" / "python"

    def packages(self, client: str) -> pathlib.Path:
        return next((self.directory / client / "lib").glob("python*/site-packages"))

    def prepare(self) -> None:
        """Creates missing environments and reinstalls ours."""
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
        """Size of all installed files in KiB, unpacked and zipped, and the number of compiled extension modules."""
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

    def certificate(self) -> Certificates:
        """A certificate for 127.0.0.1, and as many CA certificates as the system has, since loading them takes time."""
        import trustme  # noqa: PLC0415 - needed by a run only

        authority = trustme.CA(organization_name="soniox-lite", organization_unit_name="benchmarks")
        found = Certificates(*(self.directory / name for name in ("server.pem", "trusted.pem", "trusted", "nothing")))
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(found.server))
        system = ssl.get_default_verify_paths().cafile
        end = "-----END CERTIFICATE-----\n"
        text = pathlib.Path(system).read_text(encoding="utf-8") if system else ""
        trusted = [f"{certificate}{end}" for certificate in text.split(end)[:-1]]
        for directory in (found.directory, found.empty_directory):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        # The other certificates are never looked up, so their names need not be their hashes.
        for number, certificate in enumerate(trusted):
            (found.directory / f"{number:08x}.0").write_text(certificate, encoding="utf-8")
        authority.cert_pem.write_to_path(str(found.directory / f"{SUBJECT_HASH}.0"))
        found.bundle.write_text("".join(trusted), encoding="utf-8")
        authority.cert_pem.write_to_path(str(found.bundle), append=True)
        return found

    def file_of(self, size_mb: int) -> pathlib.Path:
        """A file to upload."""
        path = self.directory / f"{size_mb}.wav"
        if not path.exists():
            with path.open("wb") as stream:
                for _ in range(size_mb):
                    stream.write(os.urandom(1_000_000))
        return path
