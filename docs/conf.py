"""Builds the documentation site with Sphinx: ``scripts/docs``.

Sphinx because docstrings are reStructuredText, which it checks, links and renders; MyST because the pages are Markdown,
which reads well in the repository, too; Furo for a layout that is readable on any screen, in light and dark.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT))

from soniox_lite import __version__  # noqa: E402 - found by the line above
from soniox_lite._cli.options import parser_for  # noqa: E402 - as above

project = "soniox-lite"
author = "The soniox-lite developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"soniox-lite {release}"
html_show_sourcelink = False
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Types are shown as the source has them: short, and without loading what only annotations name.
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100
# A name that several packages offer may be linked to either.
suppress_warnings = ["ref.python"]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
# Pages link to files of the repository that are no pages.
_OUTSIDE = re.compile(r"\[([^\]]*)\]\((?:\.\./)+((?:examples|scripts|tests|benchmarks|soniox_\w+)[^)#]*)(?:#[^)]*)?\)")
# Where the site is built: next to each public package, the title and what it is for.
_PACKAGES = {
    "soniox_lite": ("soniox_lite", "The clients, the errors, and what hooks and retries are called with."),
    "soniox_lite.types": ("soniox_lite.types", "The records of the API, and the types of arguments."),
    "soniox_lite.api": (
        "soniox_lite.api",
        "The namespaces of a client: ``client.stt``, ``client.files`` and the others.",
    ),
    "soniox_lite.realtime": ("soniox_lite.realtime", "Sessions and streams over WebSockets."),
    "soniox_lite.utils": ("soniox_lite.utils", "Helpers for audio and text."),
    "soniox_lite.transcript": ("soniox_lite.transcript", "Transcripts from tokens."),
    "soniox_lite.subtitles": ("soniox_lite.subtitles", "Subtitles and plain text from tokens."),
    "soniox_testing": ("soniox_testing", "The fake server, and what a test sees of it."),
}


def setup(app: Any) -> None:
    """Adds what this file does to the build."""
    _write_reference(Path(app.srcdir))
    app.connect("source-read", _read)


def _read(_app: Any, name: str, source: list[str]) -> None:
    """Makes the pages that stand at the top of the repository pages of the site."""
    if name in _TOP_PAGES:
        text = (_ROOT / _TOP_PAGES[name]).read_text(encoding="utf-8")
        text = re.sub(r"\]\(docs/", "](", text)
        for page, path in _TOP_PAGES.items():
            text = text.replace(f"]({path})", f"]({page}.md)")
        text = re.sub(r"\[([^\]]*)\]\((?:examples|scripts|LICENSE)[^)]*\)", r"\1", text)
        if name == "index":
            text += _CONTENTS
        source[0] = text
    source[0] = _OUTSIDE.sub(r"`\2`", source[0])


_CONTENTS = """

```{toctree}
:hidden:
:caption: Begin

tutorial
questions
migration
```

```{toctree}
:hidden:
:caption: How to
:glob:

howto/files
howto/live
howto/speakers
howto/vocabulary
howto/translation
howto/subtitles
howto/speech
howto/voices
howto/temporary-keys
webhooks
lambda
vendoring
howto/test
howto/continuous-integration
howto/node
```

```{toctree}
:hidden:
:caption: Guides

usage
realtime
testing
```

```{toctree}
:hidden:
:caption: Why it is so

errors
timeouts
concurrency
security
performance
platforms
architecture
```

```{toctree}
:hidden:
:caption: Reference
:glob:

reference/command-line
reference/*
changelog
versions
contributing
```
"""
# The pages of the site that are files at the top of the repository.
_TOP_PAGES = {"index": "README.md", "changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}


def _write_reference(folder: Path) -> None:
    """Writes the pages of the reference: each public name of each package, each command, each option."""
    reference = folder / "reference"
    reference.mkdir(exist_ok=True)
    places: dict[int, str] = {}
    for name, (title, purpose) in _PACKAGES.items():
        module = importlib.import_module(name)
        lines = [title, "=" * len(title), "", purpose, ""]
        for public in sorted(set(module.__all__) - {"__version__"}):
            value = getattr(module, public)
            if inspect.ismodule(value):
                continue
            # What several packages offer is described once.
            place = places.setdefault(id(value), f"{name}.{public}")
            if place == f"{name}.{public}":
                lines += [f".. auto{_kind_of(value)}:: {place}", ""]
            else:
                lines += [f"``{public}`` is :py:obj:`{place}`.", ""]
        _write(reference / f"{name}.rst", "\n".join(lines))
    os.environ["COLUMNS"] = "100"
    _write(reference / "command-line.md", _command_line())


def _kind_of(value: Any) -> str:
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if inspect.isfunction(value) else "data"


def _command_line() -> str:
    parts = ["# The command line", "", "What `--help` prints, for each command.", ""]

    def add(name: str, parser: argparse.ArgumentParser) -> None:
        parts.extend([f"## {name}", "", "```text", parser.format_help().rstrip(), "```", ""])
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for child_name, child in action.choices.items():
                    add(f"{name} {child_name}", child)

    add("soniox-lite", parser_for(None))
    return "\n".join(parts)


def _write(path: Path, text: str) -> None:
    """Writes a page if it has changed, so that only then it is built again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
