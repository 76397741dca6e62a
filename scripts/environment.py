"""The project's virtual environment, created on first use in ``.venv``.

Virtual environments cannot be moved, so it is created in its final place. Marker files are written last: without them,
after an interruption, it is completed or created again. This file and the scripts must be valid for Python 3.6, so that
an old Python can report which version is needed. An environment that a person made is never removed.
"""

import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

try:
    import fcntl
except ImportError:  # Windows: without locks, scripts must not be started at the same time on first use
    fcntl = None  # type: ignore[assignment]

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Many tests wait for time-outs, so more workers than processors are useful.
TEST_WORKERS = str(max(4, os.cpu_count() or 1))
VENV = pathlib.Path(os.environ.get("SONIOX_LITE_VENV") or ROOT / ".venv").absolute()

_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Records the path and the Python version, because an environment is valid for one of each.
_MADE_FOR = VENV / "made-for"
_IDENTITY = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} {ROOT}"
_IS_WHOLE = f"sys.version_info[:2] == {tuple(sys.version_info[:2])} and find('pip')"
_HAS_PROJECT = f"find('soniox_lite') and find('soniox_lite').origin == {str(ROOT / 'soniox_lite' / '__init__.py')!r}"
# A folder is only removed if it contains nothing else than these.
_NAMES_IN_VENVS = {"bin", "include", "lib", "lib64", "share", "Scripts", "Include", "Lib", "pyvenv.cfg", "made-for"}
_NAMES_IN_VENVS |= {"installed-testing", "installed-dev"}
_SIGNS_OF_NO_NETWORK = ("connection broken by", "NewConnectionError", "ConnectTimeoutError")
_NO_VENV = "This Python cannot make virtual environments; on Debian and Ubuntu install python3-venv."


def prepared_python(extra):
    """The interpreter of an environment with this project (editable) and one of its extras installed."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this runs with whatever Python the machine has
        sys.exit(f"Python 3.10 or newer is needed; this is {sys.version.split()[0]}.")
    # Held until this process ends, so that no other process installs packages while tests run.
    lock = _opened_lock()
    _hold(lock, exclusive=False)
    if not _is_ready(extra):
        try:
            _hold(lock, exclusive=True)
            if not _is_ready(extra):
                _make(extra)
        except KeyboardInterrupt:
            sys.exit(130)
        _hold(lock, exclusive=False)
    return str(_PYTHON)


def run(*command):
    """Runs a command in the project's folder and returns its exit status."""
    try:
        return subprocess.run(command, cwd=str(ROOT), check=False).returncode
    except KeyboardInterrupt:
        return 130


def show_help_if_asked(text):
    """Prints the script's docstring and exits if ``--help`` was given."""
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(text.strip())
        sys.exit(0)


def _stamp(extra):
    return VENV / f"installed-{extra}"


def _wanted():
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def _text_of(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _is_ready(extra):
    return _fits() and _text_of(_stamp(extra)) == _wanted() and _answer(_HAS_PROJECT)


def _fits():
    """Whether the environment runs here, has this version of Python, and has pip."""
    return _text_of(_MADE_FOR) in ("", _IDENTITY) and _answer(_IS_WHOLE)


def _answer(code):
    """Whether an expression is true in the environment's Python; False if it cannot run."""
    command = [
        str(_PYTHON),
        "-I",
        "-c",
        f"import sys; from importlib.util import find_spec as find\nsys.exit(not ({code}))",
    ]
    try:
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _make(extra):
    try:
        if not _fits():
            _remove_old()
            print(f"Making a virtual environment in {VENV} ...", file=sys.stderr)
            _make_empty()
        whole = [stamp for stamp in VENV.glob("installed-*") if _text_of(stamp) == _wanted()]
        # An interrupted installation may break the other extras, so all markers are removed first.
        for stamp in VENV.glob("installed-*"):
            stamp.unlink()
        print(f"Installing soniox-lite[{extra}] ... (some minutes the first time)", file=sys.stderr)
        _install(extra)
        # The packages of the tests include those of the demo.
        for stamp in {*whole, _stamp(extra), *([_stamp("testing")] if extra == "dev" else [])}:
            stamp.write_text(_wanted(), encoding="utf-8")
    except OSError as error:
        sys.exit(f"{VENV} cannot be written ({error.strerror or error}): set SONIOX_LITE_VENV to a writable folder.")


def _remove_old():
    if not os.path.lexists(str(VENV)):
        return
    if not VENV.is_dir() or not all(path.name in _NAMES_IN_VENVS or path.name[0] == "." for path in VENV.iterdir()):
        sys.exit(f"{VENV} is no virtual environment: remove it, or set SONIOX_LITE_VENV to another folder.")
    if any(VENV.iterdir()):
        if not _MADE_FOR.exists() and _answer("True"):
            # Made by a person, who may still need what is installed there.
            version = ".".join(str(part) for part in sys.version_info[:2])
            sys.exit(
                f"{VENV} is an environment that these scripts did not make, and has no pip or not Python {version}: "
                "remove it, or set SONIOX_LITE_VENV to another folder."
            )
        print(f"Removing the environment in {VENV}, which is not whole or not for here ...", file=sys.stderr)
    shutil.rmtree(str(VENV))


def _make_empty():
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(_NO_VENV)
    VENV.mkdir(parents=True)
    _MADE_FOR.touch()  # So that it counts as ours if this is interrupted.
    # Not sys.executable if it belongs to the environment that was removed.
    python = getattr(sys, "_base_executable", None) or sys.executable
    command = [python, "-m", "venv", str(VENV)]
    made = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        shutil.rmtree(str(VENV), ignore_errors=True)
        if b"ensurepip" in made.stdout:
            sys.exit(_NO_VENV)
        said = made.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
        sys.exit(f"No virtual environment could be made in {VENV}: {said[-1]}")
    _MADE_FOR.write_text(_IDENTITY, encoding="utf-8")


def _install(extra):
    command = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run([*command, "--editable", f"{ROOT}[{extra}]"], check=False, stderr=subprocess.PIPE)
    if done.returncode == 0:
        return
    said = done.stderr.decode(errors="replace")
    if any(sign in said for sign in _SIGNS_OF_NO_NETWORK):
        sys.exit(
            "The packages cannot be downloaded: pip cannot reach its index, and a network is needed the first time."
        )
    sys.stderr.write(said)
    sys.exit("Installing failed; pip says above why.")


def _opened_lock():
    """The open lock file; None if it cannot be created: then no environment can be created either."""
    try:
        VENV.parent.mkdir(parents=True, exist_ok=True)
        return open(str(VENV) + ".lock", "a")
    except OSError:
        return None


def _hold(lock, exclusive):
    if lock is None or fcntl is None:
        return
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting for another script that uses {VENV} ...", file=sys.stderr)
        fcntl.flock(lock, kind)
    except OSError:
        # The file system does not support locks.
        return
