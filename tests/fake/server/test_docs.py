"""docs/testing.md: every snippet runs, and its tables are the code's."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from soniox_testing import FakeSoniox, Hearing, Limits, SpeechRules, plugin
from soniox_testing.control import api, conversations, scripts
from soniox_testing.control.scripts import add_script
from soniox_testing.control.standalone import Standalone

_ROOT = Path(__file__).parents[3]
_TEXT = (_ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
_PYTHON = re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL)
_SHELL = re.findall(r"```sh\n(.*?)```", _TEXT, re.DOTALL)
_JSON = re.findall(r"```json\n(.*?)```", _TEXT, re.DOTALL)
_JS = re.findall(r"```js\n(.*?)```", _TEXT, re.DOTALL)


def _run(command, folder):
    environment = {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_there_is_something_to_run():
    assert (len(_PYTHON) >= 20, len(_SHELL), len(_JSON)) == (True, 2, 2)


@pytest.mark.slow
def test_the_python_snippets_pass_as_they_stand(tmp_path):
    for number, code in enumerate(_PYTHON):
        (tmp_path / f"test_{number:02}.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-W", "error", "-p", "no:cacheprovider"]
    # Where the project is installed its entry point has loaded the plugin already; twice is an error.
    if not any(point.name == "soniox_testing" for point in entry_points(group="pytest11")):
        command += ["-p", "soniox_testing.plugin"]
    done = _run(command, tmp_path)
    assert done.returncode == 0, done.stdout
    passed = set(re.findall(r"^PASSED (test_\d\d)", done.stdout, re.MULTILINE))
    assert len(passed) == len(_PYTHON), done.stdout


def test_the_script_can_be_used():
    fake = FakeSoniox()
    add_script(fake, json.loads(_JSON[0]))
    with pytest.raises(AssertionError) as caught:
        fake.check()
    assert str(caught.value).count("\n  ") == 4, caught.value


def test_the_seed_can_be_used(tmp_path):
    fake = FakeSoniox()
    for name in ("call.wav", "ada.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    (tmp_path / "seed.json").write_text(_JSON[1], encoding="utf-8")
    scripts.run_script(fake, tmp_path / "seed.json")
    assert [(job.filename, job.status) for job in fake.transcriptions] == [("call.wav", "completed")]
    assert [voice.name for voice in fake.voices] == ["Ada"]


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("sh") is None, reason="needs sh and curl")
def test_the_shell_snippet_runs(tmp_path):
    assert _SHELL[0] == 'pip install "soniox-lite[testing]"\n'
    (tmp_path / "script.json").write_text(_JSON[0], encoding="utf-8")
    done = _run(["sh", "-e", "-c", _SHELL[1]], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"now_sec":20' in done.stdout
    assert '"transcriptions":[]' in done.stdout


_USE_OF_SUB_FAKE = """
import { startFake } from "./fake.mjs";
const fake = await startFake({ name: "worker 1", api_keys: ["k"] });
const ask = () => fetch(`${process.env.SONIOX_API_BASE_URL}/v1/files`, { headers: { Authorization: "Bearer k" } });
const before = (await ask()).status;
await fake.stop();
console.log(fake.name, before, (await ask()).status);
await startFake({ sped: 1 }).catch((error) => console.log(error.message.slice(0, 23)));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_snippet_for_node_makes_a_sub_fake(tmp_path):
    (tmp_path / "use.mjs").write_text(_USE_OF_SUB_FAKE, encoding="utf-8")
    with Standalone({}) as server:
        code = _JS[0].replace("http://127.0.0.1:8080", server.fake.url)
        (tmp_path / "fake.mjs").write_text(code, encoding="utf-8")
        done = _run(["node", "use.mjs"], tmp_path)
    assert (done.stderr, done.stdout) == ("", "worker 1 200 410\nthere is no option sped\n")


def test_the_table_of_fixtures_is_the_plugin():
    named = {name for row in re.findall(r"^\| (`.*?) \|", _TEXT, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    made = {name for name in vars(plugin) if "soniox" in name and not name.startswith("_")}
    assert made <= named


def test_the_tables_name_every_request_and_every_verb():
    routes = api.ControlApi(None, open_to_all=False).routes
    assert {f"{method} {name}" for method, name in routes} == set(
        re.findall(r"^\| `((?:GET|POST|DELETE) [\w/{}]+)` \|", _TEXT, re.MULTILINE)
    )
    assert list(scripts.SECTIONS) == re.findall(
        r"^\| `(\w+)` \|", _TEXT.partition("| section |")[2].partition("\n\n")[0], re.MULTILINE
    )
    assert list(scripts.STORED) == re.findall(
        r"^\| `(\w+)` \|", _TEXT.partition("| section | fields")[2].partition("\n\n")[0], re.MULTILINE
    )
    for verb in (*scripts.VERBS, *conversations.VERBS):
        assert f"`{verb}`" in _TEXT
    for record in api.record_names(FakeSoniox):
        assert f"`{record}`" in _TEXT


def test_the_table_of_speech_rules_is_the_code():
    table = _TEXT.partition("| field of `SpeechRules` |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines() if row.startswith("| `")]
    defaults = {name: meaning for names, meaning in rows for name in re.findall(r"`(\w+)`", names)}
    fields = dataclasses.fields(SpeechRules)
    assert list(defaults) == [field.name for field in fields]
    for field in fields:
        assert f"{field.default}".removesuffix(".0") in defaults[field.name]


def test_the_table_of_hearing_has_every_field():
    table = _TEXT.partition("| field of `Hearing` |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert ["seed", *named] == [field.name for field in dataclasses.fields(Hearing)]


def test_the_table_of_limits_is_the_code():
    table = _TEXT.partition("| field of `Limits` |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:3]] for row in table.splitlines()[2:]]
    service = {**vars(Limits.service()), "max_storage_bytes": "10 GiB"}
    shown = {name.strip("`"): value.removesuffix(", assumed") for name, value in rows}
    assert list(shown) == [field.name for field in dataclasses.fields(Limits)]
    unset = {name for name, value in shown.items() if value in {"none", "not known"}}
    assert {name: value for name, value in shown.items() if name not in unset} == {
        name: str(value) for name, value in service.items() if value is not None and name != "project"
    }


def test_each_rule_of_the_service_names_tests_that_there_are():
    section = _TEXT.partition("## The rules of the service\n")[2].partition("\n## ")[0]
    rows = [row.split(" | ") for row in re.findall(r"^\| (.*\.py::.*) \|$", section, re.MULTILINE)]
    assert len(rows) > 70
    sources = {file.name: file.read_text(encoding="utf-8") for file in (_ROOT / "tests" / "fake").rglob("test_*.py")}
    for rule, fake, tests in rows:
        assert fake.startswith(("implemented", "switch", "unknown")), rule
        named = re.findall(r"`(\w+\.py)::(test_\w+)`", tests)
        assert named, rule
        for file, test in named:
            assert re.search(rf"^ *def {test}\(", sources[file], re.MULTILINE), (rule, file, test)
    # No row without a test.
    assert len(rows) == len([row for row in re.findall(r"^\| .*$", section, re.MULTILINE) if "| rule |" not in row])


def test_the_table_of_clients_has_the_versions_that_are_run():
    table = _TEXT.partition("## Clients that were tried\n")[2].partition("\n## ")[0]
    script = (_ROOT / "scripts" / "foreign").read_text(encoding="utf-8")
    packages = set(re.findall(r'"(@[\w/-]+|[\w-]+)(?:\[\w+\])?(?:@|==)[\d.]+"', script)) - {"ws"}
    versions = set(re.findall(r"\d+\.\d+\.\d+", script))
    assert len(packages) == 7
    assert len(versions) > 6
    assert {name for name in packages if f"`{name}`" not in table} == set()
    assert versions == set(re.findall(r"\d+\.\d+\.\d+", table))
