"""Draws three charts as one SVG: growth of memory and time with sessions, tokens and requests."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

from figures import Case

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from compare import Bench

    Points = dict[float, float]

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 250, 190, 62, 52, 58, 84
# Readable on light and dark backgrounds.
BLUE, GREEN, ORANGE, GREY = "#2a78d6", "#1a9c74", "#e0662a", "#8a8a8a"
COLOURS = {"ours": BLUE, "ours, sync": BLUE, "ours, async": GREEN, "official": ORANGE, "floor": GREY}
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #444 }
  .title { font-size: 14px; font-weight: 600; fill: #111 }
  .grid { stroke: #8884; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) { text { fill: #bbb } .title { fill: #eee } }
"""


class Chart:
    """One chart: a line for each name. The axes begin at zero, or are logarithmic."""

    def __init__(self, title: str, x_title: str, lines: dict[str, Points], *, logarithmic: bool = False) -> None:
        self.title = title
        self.x_title = x_title
        self.lines = lines
        self.scale: Callable[[float], float] = math.log10 if logarithmic else float
        xs = [x for points in lines.values() for x in points]
        ys = [y for points in lines.values() for y in points.values()]
        self.x_high = max(xs)
        if logarithmic:
            self.x_ticks, self.y_ticks = powers(xs), powers(ys)
        else:
            self.x_ticks = [tick for tick in steps(self.x_high) if tick <= self.x_high]
            self.y_ticks = steps(max(ys))

    def draw(self, left: float) -> list[str]:
        x_low, x_high = self.scale(self.x_ticks[0]), self.scale(self.x_high)
        y_low, y_high = self.scale(self.y_ticks[0]), self.scale(self.y_ticks[-1])

        def at(x: float, y: float) -> tuple[float, float]:
            return (
                round(left + (self.scale(x) - x_low) / (x_high - x_low) * WIDTH, 1),
                round(TOP + HEIGHT - (self.scale(y) - y_low) / (y_high - y_low) * HEIGHT, 1),
            )

        parts = [f'<text class="title" x="{left}" y="20">{self.title}</text>']
        for tick in self.y_ticks:
            _, y = at(self.x_ticks[0], tick)
            parts += [
                f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{y}" y2="{y}"/>',
                f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:,g}</text>',
            ]
        for tick in self.x_ticks:
            x, _ = at(tick, self.y_ticks[0])
            parts.append(f'<text x="{x}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{tick:,g}</text>')
        parts.append(f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">{self.x_title}</text>')
        for number, (name, points) in enumerate(self.lines.items()):
            colour = COLOURS[name]
            places = [at(x, y) for x, y in points.items()]
            path = " ".join(f"{x},{y}" for x, y in places)
            parts.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
            key = left + number * 90
            parts += [
                f'<rect x="{key}" y="31" width="12" height="4" rx="2" fill="{colour}"/>',
                f'<text x="{key + 17}" y="37">{name}</text>',
            ]
        return parts


def powers(values: list[float]) -> list[float]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**n for n in range(low, max(high, low + 1) + 1)]


def steps(highest: float) -> list[float]:
    """Round numbers from zero to just above the highest value, for an axis."""
    size = 10.0 ** math.floor(math.log10(highest))
    step = next(size * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if highest / (size * part) <= 6)
    return [step * n for n in range(math.ceil(highest / step) + 1)]


def picture(charts: list[Chart]) -> str:
    width, height = len(charts) * (LEFT + WIDTH + GAP) - GAP + 16, TOP + HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{'; '.join(f'{chart.title} by {chart.x_title}' for chart in charts)}</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, chart in enumerate(charts):
        parts += chart.draw(LEFT + number * (LEFT + WIDTH + GAP))
    return "\n".join([*parts, "</svg>\n"])


def measured(
    bench: Bench, clients: tuple[str, ...], workload: str, name: str, asked: dict[float, dict[str, Any]], rounds: int
) -> dict[str, Points]:
    """The values of a figure by client, for each x."""
    lines: dict[str, Points] = {client: {} for client in clients}
    for x, arguments in asked.items():
        case = Case("", workload, arguments, (), clients, rounds, fresh=rounds == 1, timeout_sec=60.0)
        for client, samples in bench.measure(case).items():
            if isinstance(samples, str):
                raise SystemExit(f"{client} {workload} {arguments}: {samples}")
            lines[client][x] = statistics.median(sample[name] for sample in samples)
            print(f"{workload} {x:g}: {client} {lines[client][x]:.4g}", flush=True)
    return lines


def scaled(lines: dict[str, Points], change: Callable[[float, float], float]) -> dict[str, Points]:
    return {name: {x: change(x, y) for x, y in points.items()} for name, points in lines.items()}


def draw(bench: Bench, file: pathlib.Path) -> None:
    sessions = {n: {"port": "tls", "sessions": n} for n in (1, 100, 200, 300, 400, 500)}
    memory = {
        f"ours, {surface}": measured(bench, ("ours",), f"idle{suffix}", "session_kib", sessions, 1)["ours"]
        for surface, suffix in (("sync", ""), ("async", "_async"))
    }
    sizes = {
        n: {"what": "transcript", "port": "plain", "seconds": 0.2, "size": n} for n in (10, 100, 1000, 10_000, 100_000)
    }
    transcripts = measured(bench, ("ours", "official", "floor"), "rest", "rate", sizes, 3)
    threads = {
        n: {"path": "late/v1", "port": "plain", "seconds": 0.5, "concurrent": n} for n in (1, 4, 8, 16, 32, 48, 64)
    }
    requests = measured(bench, ("ours", "official"), "rest_threads", "rate", threads, 2)
    charts = [
        Chart("memory of idle TLS sessions, MiB", "sessions", scaled(memory, lambda x, y: x * y / 1024)),
        Chart(
            "a transcript fetched and read, ms", "tokens", scaled(transcripts, lambda _, y: 1000 / y), logarithmic=True
        ),
        Chart("requests/s, each 50 ms away", "threads on one client", requests),
    ]
    file.write_text(picture(charts), encoding="utf-8")
    print(f"wrote {file}")
