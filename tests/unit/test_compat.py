"""``soniox_lite.compat``: the official SDK's name, in processes of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In an environment that has the official SDK, as this one; and in one that has not (-I -S: no site-packages).
PLACES = {"with the official SDK": [], "without it": ["-I", "-S"]}
INSTALL = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import soniox_lite.compat as compat; compat.install()\n"


def run(code: str, *options: str, cwd: Path | None = None) -> str:
    command = [sys.executable, *options, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("place", PLACES)
def test_the_official_modules_are_ours(place: str) -> None:
    code = """
import soniox.realtime.async_stt
from soniox import AsyncSonioxClient, types
from soniox.types.realtime import RealtimeSTTConfig
import importlib.util, soniox_lite.realtime.async_stt, soniox_lite.types.realtime
assert soniox is soniox_lite and soniox.realtime.async_stt is soniox_lite.realtime.async_stt
assert RealtimeSTTConfig is soniox_lite.types.realtime.RealtimeSTTConfig
# The modules are as they would be without it.
assert soniox_lite.realtime.async_stt.__spec__.name == "soniox_lite.realtime.async_stt"
assert importlib.util.find_spec("soniox.api.files").origin == importlib.util.find_spec("soniox_lite.api.files").origin
"""
    run(INSTALL + code, *PLACES[place])


@pytest.mark.parametrize("name", ["soniox.nothing", "soniox.types.nothing", "sonioxy"])
def test_a_module_that_is_not_there_is_missing_as_usual(name: str) -> None:
    code = f"try:\n    import {name}\nexcept ModuleNotFoundError as error:\n    print(error)"

    assert run(INSTALL + code) == f"No module named '{name}'"


@pytest.mark.parametrize("place", PLACES)
def test_the_version_is_the_one_whose_names_are_here(place: str) -> None:
    code = """
from importlib import metadata
print(metadata.version("soniox"), metadata.metadata("soniox")["Name"], metadata.files("soniox"))
assert metadata.distribution("soniox").locate_file("soniox_lite/py.typed").exists()
assert "soniox-of-another" not in [found.metadata["Name"] for found in metadata.distributions()]
compat.uninstall()
try:
    print(metadata.version("soniox"))
except metadata.PackageNotFoundError:
    print("none")
"""
    official = (
        "none" if place == "without it" else run("from importlib import metadata; print(metadata.version('soniox'))")
    )

    assert run(INSTALL + code, *PLACES[place]).split("\n") == ["2.10.0 soniox None", official]


def test_it_refuses_to_replace_what_is_in_use() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import soniox.errors, soniox_lite.compat
try:
    soniox_lite.compat.install()
except RuntimeError as error:
    print(error)
assert soniox.errors.__name__ == "soniox.errors" and sys.modules["soniox"] is soniox is not soniox_lite
"""
    found = run(code)

    assert found.startswith("soniox was imported before, from ")
    assert found.endswith("__init__.py: call soniox_lite.compat.install() first")


@pytest.mark.parametrize("place", PLACES)
def test_what_was_installed_can_be_taken_back(place: str) -> None:
    code = """
compat.install()
import soniox.types
compat.uninstall()
compat.uninstall()
assert not [name for name in sys.modules if name.startswith("soniox.")]
try:
    import soniox
    print(soniox.__name__)
except ModuleNotFoundError:
    print("none")
"""
    assert run(INSTALL + code, *PLACES[place]) == ("none" if place == "without it" else "soniox")


def test_many_threads_get_the_same_modules() -> None:
    code = """
import concurrent.futures, importlib, threading
names = ["soniox", "soniox.types", "soniox.realtime.stt", "soniox.api.files"]
start = threading.Barrier(16)

def load(number):
    start.wait(60)
    compat.install()
    return importlib.import_module(names[number % 4])

with concurrent.futures.ThreadPoolExecutor(16) as pool:
    found = list(pool.map(load, range(16)))
print(sorted({module.__name__ for module in found}), len({id(module) for module in found}))
compat.uninstall()
assert compat._FINDER not in sys.meta_path
"""
    names = ["soniox_lite", "soniox_lite.api.files", "soniox_lite.realtime.stt", "soniox_lite.types"]

    assert run(INSTALL + code) == f"{names} 4"


def test_a_copy_under_another_name_gives_itself(tmp_path: Path) -> None:
    inner = tmp_path / "their_app" / "_vendor" / "speech"
    shutil.copytree(ROOT / "soniox_lite", inner, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import their_app._vendor.speech.compat as compat
compat.install()
import soniox.types.api
print(soniox.__name__, soniox.types.api.File.__module__, any("soniox_lite" in name for name in sys.modules))
"""
    assert run(code, "-I", "-S") == "their_app._vendor.speech their_app._vendor.speech.types.files False"


PROGRAM = "import sys, soniox.client; print(soniox.__name__, __name__, sys.argv[1:], sys.path[0])"


@pytest.mark.parametrize("arguments", [["a b.py"], ["-m", "their_package"]], ids=" ".join)
def test_a_program_is_run_as_it_is(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "a b.py").write_text(PROGRAM)
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package" / "__main__.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "soniox_lite.compat", *arguments, "-x", "1"]

    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=True).stdout

    assert found.strip() == f"soniox_lite __main__ ['-x', '1'] {tmp_path}"


@pytest.mark.parametrize(
    ("arguments", "message"), [([], "python -m soniox_lite.compat program.py"), (["x.py"], "there is no file x.py")]
)
def test_a_program_that_is_not_there_is_refused(arguments: list[str], message: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "soniox_lite.compat", *arguments]

    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_library_does_not_load_it() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import soniox_lite; print(*sorted(sys.modules))"
    loaded = run(code, "-I", "-S").split()

    assert {name for name in loaded if name.startswith("soniox")} == {"soniox_lite", "soniox_lite._lazy"}
