"""A virtual environment of the project's own, made when first needed and kept in ``.venv``."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Many tests wait for a timeout that they are about, so that more of them run at once than there are processors.
TEST_WORKERS = str(max(4, os.cpu_count() or 1))
VENV = pathlib.Path(os.environ.get("SONIOX_LITE_VENV", ROOT / ".venv"))


def prepared_python(extra: str) -> str:
    """The interpreter of an environment that has this project, as it stands, and one of its extras installed."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this runs with whatever Python the machine has
        sys.exit("Python 3.10 or newer is needed; this is " + sys.version.split()[0])
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"Making a virtual environment in {VENV} ...", file=sys.stderr)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        except subprocess.CalledProcessError:
            sys.exit("This Python cannot make virtual environments; on Debian and Ubuntu install python3-venv.")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / f"installed-{extra}"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing soniox-lite[{extra}] ...", file=sys.stderr)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*install, "--editable", f"{ROOT}[{extra}]"], check=False).returncode != 0:
            sys.exit("Installing failed; pip says above why.")
        stamp.write_text(wanted)
    return str(python)


def run(*command: str) -> int:
    """Runs a command in the project's folder and returns its exit status."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode
