"""The benchmarks still run: every workload, with next to no work, against the server that they are run against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import trustme

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"

LITTLE: dict[str, Any] = {
    "seconds": 0.05,
    "size": 10,
    "events": 200,
    "chunks": 20,
    "times": 2,
    "sessions": 2,
    "concurrent": 2,
    "connect_timeout_sec": 0.3,
}
LIST_CASES = """
import dataclasses, json, figures
print(json.dumps([dataclasses.asdict(case) for case in figures.all_cases()]))
"""
DRAW = """
import curves
lines = {"ours": {1: 2.0, 64: 130.0}, "official": {1: 3.0, 64: 190.0}}
print(curves.picture([curves.Chart("a", "b", lines), curves.Chart("a", "b", lines, logarithmic=True)]))
"""


def run_in_benchmarks(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True, timeout=300
    ).stdout


def warm_cases(client: str) -> list[dict[str, Any]]:
    cases = json.loads(run_in_benchmarks(LIST_CASES))
    return [case for case in cases if case["workload"] not in {"cold", "closure"} and client in case["clients"]]


@pytest.mark.parametrize("client", ["ours", "floor"])
@pytest.mark.slow
def test_every_workload_gives_the_figures_that_the_table_shows(client: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, trusted, audio = tmp_path / "server.pem", tmp_path / "trusted.pem", tmp_path / "audio.wav"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(trusted))
    audio.write_bytes(bytes(1000))
    questions: list[dict[str, Any]] = []
    expected: list[set[str]] = []
    for case in warm_cases(client):
        arguments = {name: LITTLE.get(name, value) for name, value in case["arguments"].items()}
        if case["workload"] == "upload":
            arguments.update(file=str(audio), warm_up_file=str(audio))
        if "rate" in arguments:
            # Few events, but some.
            arguments.update(rate=100.0, seconds=0.4, sessions=1)
        questions.append({"workload": case["workload"], **arguments})
        expected.append({figure["name"] for figure in case["figures"]})

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(trusted), "NO_PROXY": "*"}
    with subprocess.Popen(
        [sys.executable, "server.py", str(certificate)],
        cwd=BENCHMARKS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        ports = server.stdout.readline()
        try:
            worker = subprocess.run(
                [sys.executable, "clients/worker.py", client, ports],
                cwd=BENCHMARKS,
                env=environment,
                input="".join(f"{json.dumps(question)}\n" for question in questions),
                capture_output=True,
                text=True,
                check=True,
                timeout=300,
            )
        finally:
            server.kill()

    answers = [json.loads(line) for line in worker.stdout.splitlines()]
    assert answers[0] == {"ready": True}
    assert len(answers) == 1 + len(questions)
    for question, names, answer in zip(questions, expected, answers[1:], strict=True):
        missing = names - answer.keys()
        # The floor has no threads to count.
        assert missing <= ({"threads"} if client == "floor" else set()), (question, answer)


def test_the_picture_is_drawn() -> None:
    picture = ET.fromstring(run_in_benchmarks(DRAW))
    lines = picture.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 2, 2, 2]


def test_the_page_has_a_place_for_the_table_and_shows_the_picture() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    begin, end = page.index("<!-- table -->\n"), page.index("\n<!-- end of table -->")
    assert page[begin:end].count("\n| ") > 50
    assert "(performance.svg)" in page
    ET.fromstring((ROOT / "docs" / "performance.svg").read_text(encoding="utf-8"))
