"""What can be imported, and how its signatures compare with the official SDK's and the reference's."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import soniox_lite
from soniox_lite import errors
from soniox_lite.types import api as types_api

SURFACE = (Path(__file__).parents[1] / "data" / "official-surface-2.10.txt").read_text(encoding="utf-8")
LAZY_MODULES = ["soniox_lite", "soniox_lite.api", "soniox_lite.types", "soniox_lite.types.api"]


# Lazy names.


@pytest.mark.parametrize("name", LAZY_MODULES)
def test_every_name_of_all_can_be_had(name: str) -> None:
    module = importlib.import_module(name)

    assert len(module.__all__) == len(set(module.__all__))
    for public in module.__all__:
        assert getattr(module, public) is getattr(module, public)


@pytest.mark.parametrize("name", LAZY_MODULES)
def test_a_star_import_gives_all_of_them(name: str) -> None:
    found: dict[str, Any] = {}
    exec(f"from {name} import *", found)

    assert set(importlib.import_module(name).__all__) <= set(found)


@pytest.mark.parametrize("name", LAZY_MODULES)
def test_dir_lists_names_before_they_are_loaded(name: str) -> None:
    code = f"import {name} as module; assert set(module.__all__) <= set(dir(module))"

    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("name", LAZY_MODULES)
@pytest.mark.parametrize("unknown", ["Nothing", "soniox", "_private", "__wrapped__", ""])
def test_an_unknown_name_is_an_attribute_error(name: str, unknown: str) -> None:
    module = importlib.import_module(name)

    with pytest.raises(AttributeError, match=re.escape(f"module {name!r} has no attribute {unknown!r}")):
        getattr(module, unknown)
    assert not hasattr(module, unknown)


@pytest.mark.parametrize("name", LAZY_MODULES)
def test_what_type_checkers_import_is_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(inspect.getsource(module))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(guarded)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert imported | {"__version__"} == set(module.__all__) | {"__version__"}


@pytest.mark.parametrize("name", LAZY_MODULES)
def test_lazy_names_and_all_agree(name: str) -> None:
    code = (
        f"import sys, {name} as module\n"
        "private = [name for name in dir(module) if name[0] != '_' and name not in module.__all__"
        " and type(getattr(module, name)) is not type(sys)]\n"
        "print(','.join(private))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, timeout=30, capture_output=True, text=True).stdout
    others = {"TYPE_CHECKING", "annotations", "lazy_names"}

    assert {private for private in found.strip().split(",") if private} <= others


def test_every_public_class_is_the_same_one_wherever_it_comes_from() -> None:
    for name in soniox_lite.__all__:
        if hasattr(errors, name) and name != "errors":
            assert getattr(soniox_lite, name) is getattr(errors, name)
    assert soniox_lite.SonioxClient is importlib.import_module("soniox_lite.client").SonioxClient
    assert set(errors.__all__) <= set(soniox_lite.__all__)


@pytest.mark.parametrize("name", ["SonioxClient", "AsyncSonioxClient", "SonioxError", "Response"])
def test_a_name_is_loaded_once(name: str) -> None:
    first = getattr(soniox_lite, name)

    assert vars(soniox_lite)[name] is first


# Names of the official SDK and of the reference.


@dataclasses.dataclass
class Official:
    """A module's section of the list: its plain names, and the callables of its classes."""

    names: list[str]
    classes: dict[str, dict[str, str]]


def _sections() -> dict[str, Official]:
    sections: dict[str, Official] = {}
    section = current = None
    for line in SURFACE.splitlines():
        if match := re.match(r"## soniox\.([\w.]+)$", line):
            section, current = sections.setdefault(match.group(1), Official([], {})), None
        elif line.startswith("## "):
            section = None
        elif section is None:
            continue
        elif match := re.match(r"class (\w+)(?:\(.*?\))?(?: init(\(.*\)))?", line):
            current = section.classes.setdefault(match.group(1), {})
            if match.group(2):
                current["__init__"] = match.group(2).partition(" -> ")[0]
        elif match := re.match(r"(?:model|enum) (\w+)|(\w+) = ", line):
            section.names.append(match.group(1) or match.group(2))
            current = None
        elif (match := re.match(r"    (\w+)(\(.*\)) -> ", line)) and current is not None:
            current[match.group(1)] = match.group(2)
        elif (match := re.match(r"    (\w+) : property", line)) and current is not None:
            current[match.group(1)] = "property"
    return sections


SECTIONS = _sections()
# Their time has not come, or never will.
LATER = re.compile(r"tts|voice|usage|concurren|realtime|^utils", re.IGNORECASE)
MODULES = [
    "api.files",
    "api.async_files",
    "api.stt",
    "api.async_stt",
    "api.models",
    "api.async_models",
    "api.auth",
    "api.async_auth",
    "api.webhooks",
    "api.async_webhooks",
    "client",
]
# (class, method) -> why there is none.
MISSING = {
    (cls, method): "sugar over config.translation, not in the reference"
    for cls in ("SttAPI", "AsyncSttAPI")
    for method in (
        "translate",
        "translate_and_wait",
        "translate_and_wait_with_tokens",
        "translate_from_file",
        "translate_from_file_id",
        "translate_from_url",
    )
}
# Parameters that are ours alone, all of them optional and by keyword.
ADDED = {
    "upload": {"on_progress"},
    "verify_signature": {"allow_unverified"},
    "unwrap": {"allow_unverified"},
    "request": {"on_progress", "deadline_sec"},
    "__init__": {
        "region",
        "base_domain",
        "connect_timeout_sec",
        "max_retries",
        "ssl_context",
        "opener",
        "on_request",
        "on_response",
    },
}
# Parameters that differ in kind; names and defaults are the official ones.
OTHER_KINDS = {
    ("SonioxClient", "__init__", "api_key"): "positional too, as in the official async client",
    **{
        ("AsyncSonioxClient", "__init__", name): "by keyword, as in the official sync client"
        for name in (
            "api_base_url",
            "websocket_base_url",
            "tts_api_base_url",
            "tts_websocket_base_url",
            "timeout_sec",
            "webhook_secret",
            "webhook_signature_header",
        )
    },
}


def _official_parameters(text: str) -> dict[str, tuple[bool, str]]:
    """Name to whether it is by keyword only, and its default as text ('' for none)."""
    function = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    args = function.args
    defaults = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    found = {
        argument.arg: (False, ast.unparse(default) if default else "")
        for argument, default in zip(args.args, defaults, strict=True)
    }
    for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        found[argument.arg] = (True, ast.unparse(default) if default else "")
    return found


def _our_parameters(function: Any) -> dict[str, tuple[bool, str]]:
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name != "self":
            default = "" if parameter.default is parameter.empty else repr(parameter.default)
            found[parameter.name] = (parameter.kind is parameter.KEYWORD_ONLY, default)
    return found


CALLABLES = [
    (module, cls, method, text)
    for module in MODULES
    for cls, methods in SECTIONS[module].classes.items()
    for method, text in methods.items()
    if not LATER.search(method)
]


def test_the_list_of_official_names_was_read() -> None:
    assert len(CALLABLES) > 90
    assert set(MODULES) <= set(SECTIONS)
    assert SECTIONS["api.files"].classes["FilesAPI"]["list"] == "(limit: int = 100, cursor: str | None = None)"
    assert "ApiError" in SECTIONS["types.api"].names


@pytest.mark.parametrize(
    ("module", "cls", "method", "text"), CALLABLES, ids=[f"{row[1]}.{row[2]}" for row in CALLABLES]
)
def test_a_method_takes_what_the_official_one_takes(module: str, cls: str, method: str, text: str) -> None:
    ours = getattr(getattr(importlib.import_module(f"soniox_lite.{module}"), cls), method, None)
    if (cls, method) in MISSING:
        assert ours is None, "it exists now: take it off the list"
        return
    assert ours is not None
    if text == "property":
        assert not callable(ours)
        return
    official, own = _official_parameters(text), _our_parameters(ours)
    for extra in ADDED.get(method, set()) & set(own):
        assert extra not in official
        by_keyword, default = own.pop(extra)
        assert by_keyword
        assert default != ""
    assert list(own) == list(official) or (set(own) == set(official) and all(kind for kind, _ in own.values()))
    for name, (by_keyword, default) in official.items():
        expected = {"Ellipsis": ""}.get(default, default)
        assert own[name][1] == expected, name
        if (cls, method, name) in OTHER_KINDS:
            assert own[name][0] != by_keyword, "no difference any more: take it off the list"
        else:
            assert own[name][0] == by_keyword, name


@pytest.mark.parametrize("module", [module for module in MODULES if "async" in module and "webhooks" not in module])
def test_a_method_of_an_async_class_is_async(module: str) -> None:
    (cls,) = SECTIONS[module].classes
    ours = getattr(importlib.import_module(f"soniox_lite.{module}"), cls)

    for method in SECTIONS[module].classes[cls]:
        function = getattr(ours, method, None)
        if method != "__init__" and function is not None:
            assert inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def test_sync_and_async_namespaces_have_the_same_methods_and_parameters() -> None:
    for name in ("Files", "Stt", "Models", "Auth"):
        one = getattr(importlib.import_module("soniox_lite.api"), f"{name}API")
        other = getattr(importlib.import_module("soniox_lite.api"), f"Async{name}API")
        methods = [method for method in vars(one) if not method.startswith("_")]
        assert methods == [method for method in vars(other) if not method.startswith("_")]
        for method in methods:
            assert _our_parameters(getattr(one, method)) == _our_parameters(getattr(other, method))


@pytest.mark.parametrize("name", sorted(SECTIONS["errors"].classes))
def test_the_official_errors_exist(name: str) -> None:
    ours = getattr(errors, name)

    assert issubclass(ours, errors.SonioxError)
    own = _our_parameters(ours.__init__)
    for parameter in _official_parameters(SECTIONS["errors"].classes[name].get("__init__", "(message: str)")):
        assert parameter in own


@pytest.mark.parametrize("name", [name for name in SECTIONS["types.api"].names if not LATER.search(name)])
def test_the_official_types_of_the_rest_api_exist(name: str) -> None:
    if name == "Literal":
        return  # An import of theirs, not a type.
    assert getattr(types_api, name) is not None
    assert name in types_api.__all__


@pytest.mark.parametrize("name", ["WebhookAuthConfig", "WebhookEvent"])
def test_the_official_types_of_webhooks_exist(name: str) -> None:
    module = importlib.import_module("soniox_lite.types.webhooks")

    assert name in module.__all__
    assert getattr(soniox_lite.types, name) is getattr(module, name)


@pytest.mark.parametrize(
    "name",
    [
        "errors",
        "client",
        "types",
        "types.common",
        "types.webhooks",
        "types.api",
        "api",
        "api.webhooks",
        "api.files",
        "api.async_files",
        "api.auth",
        "api.models",
        "api.async_webhooks",
        "api._utils",
        "api.async_auth",
        "api.async_transcriptions",
        "api.async_models",
        "api.transcriptions",
    ],
)
def test_the_modules_of_the_reference_exist(name: str) -> None:
    assert importlib.import_module(f"soniox_lite.{name}").__doc__


# As listed in the reference (generation 1) under "types.api".
REFERENCE_TYPES = [
    "ApiErrorValidationError",
    "ApiError",
    "GetFilesPayload",
    "File",
    "GetFilesResponse",
    "UploadFilePayload",
    "GetTranscriptionsPayload",
    "StructuredContextGeneralItem",
    "StructuredContextTranslationTerm",
    "StructuredContext",
    "TranslationConfig",
    "CreateTranscriptionPayload",
    "CreateTranscriptionConfig",
    "CreateTemporaryApiKeyPayload",
    "CreateTemporaryApiKeyResponse",
    "Language",
    "TranslationTarget",
    "Model",
    "GetModelsResponse",
    "TranscriptionTranscript",
    "Transcription",
    "GetTranscriptionsResponse",
]
REFERENCE_METHODS = [
    "list",
    "delete_all",
    "create",
    "get",
    "get_or_none",
    "delete",
    "delete_if_exists",
    "destroy",
    "get_transcript",
    "wait",
    "transcribe_from_url",
    "transcribe_from_file_id",
    "transcribe_from_file",
    "transcribe",
    "transcribe_file_with_webhook",
    "transcribe_and_wait",
    "transcribe_and_wait_with_tokens",
]


@pytest.mark.parametrize("name", REFERENCE_TYPES)
def test_the_types_of_the_reference_exist(name: str) -> None:
    assert name in types_api.__all__
    assert dataclasses.is_dataclass(getattr(types_api, name))


@pytest.mark.parametrize(
    ("module", "cls"), [("transcriptions", "TranscriptionsAPI"), ("async_transcriptions", "AsyncTranscriptionsAPI")]
)
def test_the_first_names_of_the_namespace_still_work(module: str, cls: str) -> None:
    ours = getattr(importlib.import_module(f"soniox_lite.api.{module}"), cls)

    for method in REFERENCE_METHODS:
        assert callable(getattr(ours, method))
    assert "limit" in _our_parameters(ours.delete_all)


def test_both_names_of_the_namespace_are_one_object() -> None:
    client = soniox_lite.SonioxClient(api_key="k")

    assert client.transcriptions is client.stt
    assert isinstance(client.stt, importlib.import_module("soniox_lite.api.transcriptions").TranscriptionsAPI)


def test_normalize_file_gives_what_the_reference_says(tmp_path: Path) -> None:
    normalize = importlib.import_module("soniox_lite.api._utils").normalize_file
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")

    for source, name in ((b"x", "upload.bin"), (path, "a.wav"), (str(path), "a.wav")):
        stream, filename, should_close = normalize(source)
        with stream:
            assert (stream.read(), filename, should_close) == (b"x", name, True)


def test_importing_the_package_loads_nothing_but_itself() -> None:
    code = (
        "import sys; before = set(sys.modules); import soniox_lite\nprint(','.join(sorted(set(sys.modules) - before)))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, timeout=30, capture_output=True, text=True).stdout

    assert {name for name in found.strip().split(",") if not name.startswith("soniox_lite")} <= {"__future__"}
