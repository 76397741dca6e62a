"""The scripts that set up an environment, in a checkout of a project that has nothing to download."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ["demo", "test", "check", "benchmark", "official", "foreign", "fuzz", "mutate", "screenshots"]

_PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "soniox-lite"
version = "1"
"""
# Just enough of a build backend for ``pip install --editable``.
_BACKEND = """
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "soniox_lite-1-py3-none-any.whl"
    info = "soniox_lite-1.dist-info"
    files = {
        "soniox_lite.pth": os.getcwd(),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: soniox-lite\\nVersion: 1\\nProvides-Extra: testing\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: none\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"]))
    return name
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for name in ("examples", "soniox_lite"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    (folder / "backend.py").write_text(_BACKEND)
    (folder / "soniox_lite" / "__init__.py").touch()
    (folder / "examples" / "offline_demo.py").write_text("import soniox_lite; print('done by', soniox_lite.__file__)")
    return folder


def start(checkout: Path, *command: str, **variables: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "SONIOX_LITE_VENV"}}
    command = command or ("scripts/demo",)
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=checkout,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_done(checkout: Path, *processes: subprocess.Popen[str]) -> str:
    """Fails unless all did what the script is for; what they said besides."""
    said = ""
    for process in processes or [start(checkout)]:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, f"done by {checkout / 'soniox_lite' / '__init__.py'}\n"), err
        said += err
    return said


def check_sentence(process: subprocess.Popen[str], sentence: str) -> None:
    """Fails unless it ends with this as its last line, and no traceback."""
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert sentence in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.slow
def test_an_environment_is_completed_or_made_anew_until_it_fits(checkout: Path, tmp_path: Path) -> None:
    # One story, because each environment takes seconds to make. As an interruption, or a lost Python, leaves it:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/no/such/python")
    backend = checkout / "backend.py"
    backend.write_text(_BACKEND.replace("Version: 1\\n", "Version: 1\\nRequires-Dist: no-such-package-of-ours\\n", 1))
    process = start(checkout, PIP_INDEX_URL="http://127.0.0.1:1/simple", PIP_RETRIES="1", no_proxy="127.0.0.1")
    check_sentence(process, "pip cannot reach its index, and a network is needed the first time")

    # Whole but for the installation, which one of two does.
    backend.write_text(_BACKEND)
    said = check_done(checkout, start(checkout), start(checkout))
    assert "Removing" not in said
    assert said.count("Installing") == 1
    assert check_done(checkout) == ""

    # It cannot be moved.
    assert "Removing the environment" in check_done(checkout.rename(tmp_path / "elsewhere"))


def test_what_is_no_environment_is_left_alone(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "thesis.txt").write_text("years")
    check_sentence(start(checkout), "is no virtual environment: remove it, or set SONIOX_LITE_VENV")
    assert (checkout / ".venv" / "thesis.txt").read_text() == "years"


@pytest.mark.slow
def test_an_environment_that_a_person_made_is_left_alone(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    check_sentence(start(checkout), "is an environment that these scripts did not make")
    assert (checkout / ".venv" / "pyvenv.cfg").exists()


def test_a_python_that_makes_no_environments_is_told(checkout: Path) -> None:
    code = (
        "import runpy, sys; sys.modules['ensurepip'] = None; sys.path.insert(0, 'scripts')\n"
        "sys.argv = ['scripts/demo']; runpy.run_path('scripts/demo', run_name='__main__')"
    )
    check_sentence(start(checkout, "-c", code), "install python3-venv")
    assert not (checkout / ".venv").exists()


def test_a_folder_that_cannot_be_written_is_told(checkout: Path) -> None:
    # No user, not even root, can make a folder there.
    process = start(checkout, SONIOX_LITE_VENV="/dev/null/venv")
    check_sentence(process, "cannot be written (Not a directory): set SONIOX_LITE_VENV to a writable folder")


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_helps_without_an_environment(checkout: Path, name: str) -> None:
    out, err = start(checkout, f"scripts/{name}", "--help").communicate(timeout=300)
    docstring = ast.get_docstring(ast.parse((ROOT / "scripts" / name).read_text()))
    assert (out.strip(), err) == (docstring, "")
    assert not (checkout / ".venv").exists()


def test_a_recording_that_is_not_there_is_told_before_all_else(checkout: Path) -> None:
    process = start(checkout, "scripts/demo", "missing.wav")
    assert process.communicate(timeout=300) == ("", "There is no file 'missing.wav'.\n")
    assert process.returncode == 2


@pytest.mark.parametrize("name", [*SCRIPTS, "environment.py"])
def test_an_old_python_can_read_what_it_is_told_by(name: str) -> None:
    source = (ROOT / "scripts" / name).read_text()
    # ast knows the grammar of Python 3.6, but not which names __future__ had then.
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__" not in source


def test_an_old_python_is_told(checkout: Path) -> None:
    code = (
        "import runpy, sys; sys.version_info = (3, 6, 15, 'final', 0); sys.path.insert(0, 'scripts')\n"
        "sys.argv = ['scripts/demo']; runpy.run_path('scripts/demo', run_name='__main__')"
    )
    check_sentence(start(checkout, "-c", code), "Python 3.10 or newer is needed; this is ")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads a script as a module."""
    monkeypatch.syspath_prepend(ROOT / "scripts")

    def load(name: str) -> Any:
        made = types.ModuleType(name)
        SourceFileLoader(name, str(ROOT / "scripts" / name)).exec_module(made)
        return made

    return load


def test_the_fast_check_knows_tests_of_each_module(script: Any) -> None:
    tests_of = script("check").tests_of
    without = [
        path.relative_to(ROOT).as_posix()
        for package in ("soniox_lite", "soniox_testing")
        for path in (ROOT / package).rglob("*.py")
        if not any((ROOT / test).exists() for test in tests_of(path.relative_to(ROOT).as_posix()))
    ]
    assert without == []


def test_the_fast_check_takes_what_fits_into_a_minute(script: Any) -> None:
    affordable = script("check").affordable
    assert affordable(set()) == ([], [])
    # The most expensive room alone, without a file of it that is in it anyway.
    assert affordable({"tests/unit/realtime", "tests/unit/realtime/test_words.py"}) == (["tests/unit/realtime"], [])
    three = {"tests/unit/realtime", "tests/unit/http", "tests/unit/net"}
    assert affordable(three) == (["tests/unit/net", "tests/unit/http"], ["tests/unit/realtime"])
    # A file of a room that is left out.
    chosen, _ = affordable({*three, "tests/unit/realtime/test_words.py"})
    assert chosen == ["tests/unit/realtime/test_words.py", "tests/unit/net", "tests/unit/http"]


def test_every_target_of_the_fuzzer_takes_good_inputs_and_a_damaged_one(script: Any) -> None:
    for make_target in script("fuzz").TARGETS.values():
        inputs, target = make_target()
        assert inputs
        for data in (*inputs, inputs[0][:-3] + b"\xff{"):
            target(data)


def test_the_fuzzer_fails_where_something_else_than_the_documented_errors_is_raised(script: Any) -> None:
    def target(data: bytes) -> None:
        data.decode()

    with pytest.raises(UnicodeDecodeError):
        script("fuzz").fuzz_with_hypothesis([b"good"], target, 60)


MUTATED = """
_LIMIT = 5  # of all

def is_small(size: int = 1) -> bool:
    if size < _LIMIT and size:
        log()
    return size + 1
"""


def test_mutants_are_single_changes_of_code_and_always_the_same(script: Any) -> None:
    mutate = script("mutate")
    path = Path(mutate.ROOT, "some.py")
    found = list(mutate.mutants(MUTATED, path))
    assert sorted(f"{mutant.line} {mutant.name}" for mutant in found) == [
        "2 some.py module: _LIMIT = 5  # of all: constant: 5 -> 6",
        "4 some.py module: def is_small(size: int = 1) -> bool:: constant: 1 -> 2",
        "5 some.py is_small: if size < _LIMIT and size:: comparison: size < _LIMIT -> size <= _LIMIT",
        "5 some.py is_small: if size < _LIMIT and size:: condition: if size < _LIMIT and size: -> if not (size < _LIMIT and size):",  # noqa: E501 - one name
        "5 some.py is_small: if size < _LIMIT and size:: operator: size < _LIMIT and size -> size < _LIMIT or size",
        "6 some.py is_small: log(): call left out: log() -> None",
        "7 some.py is_small: return size + 1: constant: 1 -> 2",
        "7 some.py is_small: return size + 1: operator: size + 1 -> size - 1",
        "7 some.py is_small: return size + 1: result: return size + 1 -> return None",
    ]
    first = mutate.sample(found, 3, seed=1)
    assert mutate.sample(reversed(found), 3, seed=1) == first
    changed = {ast.unparse(mutant.apply(MUTATED)) for mutant in first}
    assert len(changed - {ast.unparse(ast.parse(MUTATED))}) == 3


def test_every_place_of_the_mutants_and_their_tests_exists(script: Any) -> None:
    mutate = script("mutate")
    for room, (places, tests) in mutate.ROOMS.items():
        assert [place for place in [*places, *tests] if not (ROOT / place).exists()] == [], room


def test_every_mutant_that_counts_as_equivalent_exists_and_says_why(script: Any) -> None:
    mutate = script("mutate")
    names = {mutant.name for room in mutate.ROOMS for mutant in mutate.mutants_of(room)}
    assert sorted(set(mutate.EQUIVALENT) - names) == []
    assert [name for name, reason in mutate.EQUIVALENT.items() if not reason.endswith(".")] == []
