"""Compares soniox_lite with the official SDK and the bare standard library, in one table.

    python3 scripts/benchmark [--only TEXT] [--quick] [--json FILE] [--write-docs] [--curves]

Needs trustme, and at the first run a package index, to install the official SDK into a separate environment.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import selectors
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from environments import WITHOUT_PYC, Environments
from figures import Case, Figure, all_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parent / "docs" / "performance.md"
# Later cases have two rounds each, so that a run takes at most five minutes on a busy machine too.
HURRY_AFTER_SEC = 200.0
STOP_CLOCK = "\nimport os; os.write(1, b'.')\n"
PEAK = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"


class Failed(Exception):  # noqa: N818 - not an error of this program
    """A client could not complete a workload; the text gives the reason."""


class Worker:
    """A process that measures one client."""

    def __init__(self, bench: Bench, client: str) -> None:
        command = [str(bench.environments.python(client)), str(HERE / "clients" / "worker.py"), client]
        self.process = subprocess.Popen(
            [*command, json.dumps(bench.ports)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=bench.variables,
        )
        self.output = selectors.DefaultSelector()
        self.output.register(self.process.stdout, selectors.EVENT_READ)

    def ask(self, timeout_sec: float, question: dict[str, Any] | None = None) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if question is not None:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        # Each answer is one line and is written at once.
        if not self.output.select(timeout_sec):
            raise Failed(f"nothing within {timeout_sec:g} s")
        answer = json.loads(self.process.stdout.readline() or b'{"failed": "the process died"}')
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class Bench:
    """The server, the worker processes and their environment variables."""

    def __init__(self, environments: Environments, *, quick: bool) -> None:
        self.environments = environments
        self.quick = quick
        certificates = environments.certificate()
        # The user's proxies, keys and Python options are not passed on. Certificates are stored as on Debian, Ubuntu
        # and Alpine.
        self.variables = {
            "PATH": os.environ["PATH"],
            "SSL_CERT_FILE": str(certificates.bundle),
            "SSL_CERT_DIR": str(certificates.directory),
            "NO_PROXY": "*",
        }
        self.no_directory = str(certificates.empty_directory)
        self.server = subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), str(certificates.server)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.server.stdout is not None
        self.ports: dict[str, int] = json.loads(self.server.stdout.readline())
        self.began = time.monotonic()

    def close(self) -> None:
        self.server.kill()
        self.server.communicate()

    def measure(self, case: Case) -> dict[str, Any]:
        """Samples by client; for a client without samples, the reason as a text."""
        hurried = self.quick or time.monotonic() - self.began > HURRY_AFTER_SEC
        rounds = min(case.rounds, 2) if hurried else case.rounds
        if case.workload == "closure":
            return {client: [self.environments.closure(client)] for client in case.clients}
        if case.workload == "cold":
            return self.measure_cold(case, rounds)
        return self.measure_warm(case, rounds)

    def measure_warm(self, case: Case, rounds: int) -> dict[str, Any]:
        arguments = dict(case.arguments)
        if case.workload == "upload":
            arguments["file"] = str(self.environments.file_of(20 if self.quick else 100))
            arguments["warm_up_file"] = str(self.environments.file_of(1))
        samples: dict[str, list[dict[str, Any]]] = {client: [] for client in case.clients}
        failures: dict[str, list[str]] = {client: [] for client in case.clients}
        workers: dict[str, Worker] = {}
        with contextlib.ExitStack() as stack:
            for _ in range(rounds):
                for client in case.clients:
                    # A single hang or crash may be an accident; after two without a success, the client is skipped.
                    if len(failures[client]) > 1 and not samples[client]:
                        continue
                    question = {"workload": case.workload, **arguments}
                    if client == "official":
                        question.update(case.official)
                    try:
                        if client not in workers or case.fresh:
                            workers[client] = worker = Worker(self, client)
                            stack.callback(worker.end)
                            worker.ask(case.timeout_sec)
                            if case.warm_up and not case.fresh:
                                worker.ask(case.timeout_sec, question)
                        worker = workers[client]
                        samples[client].append(worker.ask(case.timeout_sec, question))
                        if case.fresh:
                            worker.end()
                    except Failed as error:
                        # The next round starts a new process.
                        workers.pop(client).end()
                        failures[client].append(str(error))
        return {client: found or failures[client][0] for client, found in samples.items()}

    def measure_cold(self, case: Case, rounds: int) -> dict[str, Any]:
        host = f"127.0.0.1:{self.ports[case.arguments['port']]}"
        secure = case.arguments["port"] == "tls"
        samples: dict[str, Any] = {client: [] for client in ("bare", *case.clients)}
        for round_number in range(rounds + 1):
            for client, list_of_client in samples.items():
                package = "soniox_lite" if client == "ours" else "soniox"
                code = case.arguments["floor"] if client == "floor" else case.arguments["code"]
                code = code.format(sdk=package, host=host, s="s" * secure, S="S" * secure)
                sample = self.run_cold("" if client == "bare" else code, client, **case.arguments.get("options", {}))
                # The first round fills the page cache and is not counted.
                if round_number:
                    list_of_client.append(sample)
        bare = samples.pop("bare")
        for list_of_client in samples.values():
            for sample in list_of_client:
                sample["total"] = sample["time"]
                for name in ("time", "peak"):
                    sample[name] -= statistics.median(other[name] for other in bare)
        return samples

    def run_cold(
        self, code: str, client: str, *, without_pyc: bool = False, bundle_only: bool = False
    ) -> dict[str, float]:
        home = "floor" if client == "bare" else client
        python = self.environments.python(f"{home}{WITHOUT_PYC}" if without_pyc else home)
        began = time.perf_counter()
        # Without -B the first run would write .pyc files for the second. In another folder than the working tree, which
        # would be imported in place of the installed package.
        process = subprocess.Popen(
            [str(python), "-B", "-c", f"{code}{STOP_CLOCK}{PEAK}"],
            cwd=self.environments.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.variables, "SSL_CERT_DIR": self.no_directory} if bundle_only else self.variables,
            bufsize=0,
        )
        assert process.stdout is not None
        stopped = process.stdout.read(1)
        took = time.perf_counter() - began
        output, errors = process.communicate(timeout=20)
        if stopped != b".":
            raise SystemExit(f"{client}: {errors.decode()}")
        return {"time": took, "peak": float(output)}


@dataclasses.dataclass
class Line:
    """A line of the table."""

    title: str
    unit: str
    values: dict[str, float | str]
    ratio: float | None
    spread: tuple[float, float] | None
    to_floor: float | None
    target: str
    reached: bool | None
    cpu_ratio: float | None
    server_share: float | None


def lines_of(case: Case, samples: dict[str, Any]) -> Iterator[Line]:
    for figure in case.figures:
        values: dict[str, float | str] = {}
        for client, found in samples.items():
            if isinstance(found, str):
                values[client] = found
            elif any(figure.name in sample for sample in found):
                values[client] = statistics.median(sample[figure.name] for sample in found)
        ratios = ratios_of(figure, samples, "official")
        to_floor = ratios_of(figure, samples, "floor")
        share = None
        if not isinstance(samples["ours"], str) and "server_share" in samples["ours"][0]:
            share = statistics.median(sample["server_share"] for sample in samples["ours"])
        ratio = statistics.median(ratios) if ratios else None
        yield Line(
            ", ".join(filter(None, (case.title, figure.title))),
            figure.unit,
            values,
            ratio,
            (min(ratios), max(ratios)) if ratios else None,
            statistics.median(to_floor) if to_floor else None,
            target_of(figure),
            is_reached(figure, values.get("ours"), ratio),
            cpu_ratio_of(figure, samples),
            share,
        )


def ratios_of(figure: Figure, samples: dict[str, Any], other: str) -> list[float]:
    """Ratios of ours to another client, round by round: a disturbance affects all clients of its round."""
    if isinstance(samples["ours"], str) or isinstance(samples.get(other, ""), str):
        return []
    pairs = zip(samples["ours"], samples[other], strict=False)
    return [ours[figure.name] / theirs[figure.name] for ours, theirs in pairs if theirs.get(figure.name)]


def cpu_ratio_of(figure: Figure, samples: dict[str, Any]) -> float | None:
    """Ratio of processor time per operation, ours to the official; other load on the machine affects it little."""
    if figure.unit != "/s" or isinstance(samples["ours"], str) or isinstance(samples.get("official", ""), str):
        return None

    def cost(sample: dict[str, float]) -> float:
        return sample["cpu"] / (sample["wall"] * sample[figure.name])

    return statistics.median(map(cost, samples["ours"])) / statistics.median(map(cost, samples["official"]))


def target_of(figure: Figure) -> str:
    sign = "≥" if figure.unit == "/s" else "≤"
    parts = [f"{sign} {figure.ratio:g}"] if figure.ratio is not None else []
    if figure.most is not None:
        parts.append(f"≤ {figure.most:g} {figure.unit}".strip())
    return ", ".join(parts)


def is_reached(figure: Figure, ours: float | str | None, ratio: float | None) -> bool | None:
    """Whether the targets are reached; None if there are no targets or no samples."""
    verdicts: list[bool] = []
    if figure.most is not None:
        verdicts.append(not isinstance(ours, str) and ours is not None and shown(ours, figure.unit) <= figure.most)
    if figure.ratio is not None and ratio is not None:
        verdicts.append(ratio >= figure.ratio if figure.unit == "/s" else ratio <= figure.ratio)
    elif figure.ratio is not None and isinstance(ours, str):
        verdicts.append(False)
    return all(verdicts) if verdicts else None


def shown(value: float, unit: str) -> float:
    """A value in the unit of the table; measured times are in seconds."""
    return value * {"ms": 1e3, "µs": 1e6}.get(unit, 1)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def cells(line: Line) -> list[str]:
    def value_of(client: str) -> str:
        value = line.values.get(client)
        if value is None:
            return ""
        return "failed" if isinstance(value, str) else f"{number(shown(value, line.unit))} {line.unit}".strip()

    ratio, spread, to_floor = line.ratio, line.spread, line.to_floor
    return [
        line.title,
        value_of("ours"),
        value_of("official"),
        value_of("floor"),
        "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}",
        "" if spread is None else f"{spread[0]:.2f}..{spread[1]:.2f}",
        line.target,
        {True: "yes", False: "NO", None: ""}[line.reached],
        "" if to_floor is None else f"{to_floor:.2f}",
        "" if line.cpu_ratio is None else f"{line.cpu_ratio:.2f}",
        "" if line.server_share is None else f"{line.server_share:.0%}",
    ]


HEADINGS = ["what", "ours", "official", "floor", "ratio", "spread", "target", "reached", "to floor", "CPU", "server"]
WIDTHS = [72, 12, 12, 12, 7, 13, 14, 8, 9, 6, 7]


def print_row(row: list[str]) -> None:
    first, *others = zip(row, WIDTHS, strict=True)
    print(first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others), flush=True)


def machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} cores, {platform.system()}"


def markdown(lines: list[Line]) -> str:
    rows = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *map(cells, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_docs(lines: list[Line]) -> None:
    """Replaces the table between the markers in docs/performance.md."""
    text = DOCS.read_text(encoding="utf-8")
    begin, end = "<!-- table -->\n", "<!-- end of table -->"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    DOCS.write_text(f"{before}{begin}{machine()}\n\n{markdown(lines)}\n{end}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose title contains this")
    parser.add_argument("--quick", action="store_true", help="two rounds and less data; not precise")
    parser.add_argument("--json", metavar="FILE", help="also write all samples to a file")
    parser.add_argument("--write-docs", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--curves", action="store_true", help="draw docs/performance.svg instead")
    options = parser.parse_args()

    environments = Environments()
    environments.prepare()
    bench = Bench(environments, quick=options.quick)
    try:
        if options.curves:
            import curves  # noqa: PLC0415 - only --curves needs it

            curves.draw(bench, DOCS.with_suffix(".svg"))
            return 0
        print(machine())
        print_row(HEADINGS)
        lines: list[Line] = []
        everything: dict[str, Any] = {}
        for case in all_cases():
            if options.only in case.title:
                case_began = time.monotonic()
                samples = bench.measure(case)
                everything[case.title] = {"seconds": time.monotonic() - case_began, "samples": samples}
                for line in lines_of(case, samples):
                    print_row(cells(line))
                    lines.append(line)
                for client, found in samples.items():
                    if isinstance(found, str):
                        print(f"    {client}: {found}")
    finally:
        bench.close()
    missed = sum(line.reached is False for line in lines)
    print(f"{len(lines)} lines, {missed} targets missed, {time.monotonic() - bench.began:.0f} s")
    if options.json:
        report = {"machine": machine(), "cases": everything, "lines": [dataclasses.asdict(line) for line in lines]}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
    if options.write_docs:
        write_docs(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
