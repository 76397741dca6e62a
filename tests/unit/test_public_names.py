"""What can be imported, and how its signatures compare with the official SDK's and the reference's."""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import soniox_lite
from soniox_lite import errors
from soniox_lite.types import api as types_api

from ..support.tables import each_row

SURFACE = (Path(__file__).parents[1] / "data" / "official-surface-2.10.txt").read_text(encoding="utf-8")
# What a realtime session can be told beyond the official SDK.
SESSION_OPTIONS = {
    "close_timeout_sec",
    "keep_alive_interval_sec",
    "send_timeout_sec",
    "ping_interval_sec",
    "ping_timeout_sec",
    "event_timeout_sec",
    "stream_heartbeat_sec",
    "resume",
    "max_queued_bytes",
    "max_queued_messages",
    "max_message_bytes",
    "raise_on_error",
    "start_on_open",
    "ssl_context",
    "tape",
}
# Modules that only list names, and those that define some of theirs.
TABLES = ["soniox_lite", "soniox_lite.api", "soniox_lite.types", "soniox_lite.types.api"]
LAZY_MODULES = [*TABLES, "soniox_lite.realtime", "soniox_lite.types.realtime"]


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

    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@each_row("name", LAZY_MODULES)
@each_row("unknown", ["Nothing", "soniox", "_private", "__wrapped__", ""])
def test_an_unknown_name_is_an_attribute_error(name: str, unknown: str) -> None:
    module = importlib.import_module(name)

    with pytest.raises(AttributeError, match=re.escape(f"module {name!r} has no attribute {unknown!r}")):
        getattr(module, unknown)
    assert not hasattr(module, unknown)


@pytest.mark.parametrize("name", LAZY_MODULES)
def test_what_type_checkers_import_is_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(inspect.getsource(module))
    exported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in {alias.asname, "*"}
    }
    if "*" in exported:
        exported = (exported - {"*"}) | set(types_api.__all__)
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    defined |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    assert exported <= set(module.__all__)
    assert set(module.__all__) <= exported | defined


@pytest.mark.parametrize("name", TABLES)
def test_lazy_names_and_all_agree(name: str) -> None:
    code = (
        f"import sys, {name} as module\n"
        "private = [name for name in dir(module) if name[0] != '_' and name not in module.__all__"
        " and type(getattr(module, name)) is not type(sys)]\n"
        "print(','.join(private))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, timeout=300, capture_output=True, text=True).stdout
    others = {"NAMES", "TYPE_CHECKING", "annotations", "lazy_names"}

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
    """A section of the list, which is a module: what it holds, each with its text."""

    callables: dict[str, dict[str, str]]
    """Class to method to parameters (or ``property``); the functions of the module are those of the class ``""``."""
    models: dict[str, str]
    """Name to what stands behind it: base class, ``methods: ...``."""
    values: dict[str, str]
    """Aliases, constants and enums, as Python expressions."""


def _sections() -> dict[str, Official]:
    sections: dict[str, Official] = {}
    section = current = None
    for line in SURFACE.splitlines():
        if match := re.match(r"## soniox\.([\w.]+)$", line):
            section, current = sections.setdefault(match.group(1), Official({}, {}, {})), None
        elif line.startswith("## "):
            section = None
        elif section is None:
            continue
        elif match := re.match(r"class (\w+)(?:\(.*?\))?(?: init(\(.*\)))?", line):
            current = section.callables.setdefault(match.group(1), {})
            if match.group(2):
                current["__init__"] = match.group(2).partition(" -> ")[0]
        elif match := re.match(r"def (\w+)(\(.*\)) -> ", line):
            section.callables.setdefault("", {})[match.group(1)] = match.group(2)
        elif match := re.match(r"model (\w+)(.*)", line):
            section.models[match.group(1)], current = match.group(2), None
        elif match := re.match(r"(?:enum )?(\w+)(?: =|:) (.*)", line):
            # The first is an import of theirs.
            if match.group(1) != "Literal":
                section.values[match.group(1)] = match.group(2)
        elif (match := re.match(r"    (\w+)(\(.*\)) -> ", line)) and current is not None:
            current[match.group(1)] = match.group(2)
        elif (match := re.match(r"    (\w+) : property", line)) and current is not None:
            current[match.group(1)] = "property"
        else:
            # A field, which test_types.py compares.
            assert not line or (line.startswith("    ") and section.models), line
    return sections


SECTIONS = _sections()
TYPE_MODULES = [name for name in SECTIONS if name.startswith("types.")]
CALLABLE_MODULES = [name for name in SECTIONS if name not in ("errors", *TYPE_MODULES)]
# (class, method) -> why there is none. Each one is checked to be missing still.
MISSING: dict[tuple[str, str], str] = {}
# Parameters that are ours alone, all of them optional: by keyword, or behind all others.
WAITING = {"cleanup", "on_progress", "on_status_change"}
ADDED = {
    "wait": {"on_status_change"},
    "transcribe": {"on_progress"},
    "transcribe_from_file": {"on_progress"},
    "transcribe_file_with_webhook": {"on_progress"},
    "transcribe_and_wait": WAITING,
    "transcribe_and_wait_with_tokens": WAITING,
    "translate": {"on_progress"},
    "translate_from_file": {"on_progress"},
    "translate_and_wait": WAITING,
    "translate_and_wait_with_tokens": WAITING,
    "upload": {"on_progress"},
    "verify_signature": {"allow_unverified"},
    "unwrap": {"allow_unverified"},
    "request": {"on_progress", "deadline_sec"},
    "generate": {"client_reference_id", "deadline_sec"},
    "generate_to_file": {"client_reference_id", "deadline_sec", "keep_partial"},
    "receive_event": {"timeout_sec"},
    "receive_events": {"raise_on_error"},
    "finalize": {"trailing_silence_ms"},
    "__init__": {
        "region",
        "base_domain",
        "connect_timeout_sec",
        "max_retries",
        "ssl_context",
        "opener",
        "on_request",
        "on_response",
        "on_error",
        "on_handshake",
        "on_disconnect",
        "retry",
        "default_headers",
        "proxy",
        "verify",
        "trust_env",
        "stt_defaults",
        "tts_defaults",
        "settings",
        "client",
        *SESSION_OPTIONS,
    },
    "connect": {*SESSION_OPTIONS, "resume"},
    "connect_multi_stream": {"api_key", *SESSION_OPTIONS},
}
# Parameters that differ in kind or default: (class, method, name) -> reason.
OTHER_KINDS = {
    ("SonioxClient", "__init__", name): "positional too, as in the official async client"
    for name in (
        "api_key",
        "api_base_url",
        "websocket_base_url",
        "tts_api_base_url",
        "tts_websocket_base_url",
        "timeout_sec",
        "webhook_secret",
        "webhook_signature_header",
    )
}
OTHER_DEFAULTS = {
    (cls, "__init__", "api_key"): "may also come from the configuration (generation 1) or the environment"
    for cls in (
        "RealtimeSTTSession",
        "AsyncRealtimeSTTSession",
        "RealtimeTTSConnection",
        "AsyncRealtimeTTSConnection",
        "RealtimeTTSMultiplexedConnection",
        "AsyncRealtimeTTSMultiplexedConnection",
    )
} | {
    (cls, "send_bytes", "finish"): "True there ends the audio after an iterable only; here that is None"
    for cls in ("RealtimeSTTSession", "AsyncRealtimeSTTSession")
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
        if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
            default = "" if parameter.default is parameter.empty else repr(parameter.default)
            found[parameter.name] = (parameter.kind is parameter.KEYWORD_ONLY, default)
    return found


def _our_module(name: str) -> Any:
    return importlib.import_module(f"soniox_lite.{name}")


CALLABLES = [
    (module, cls, name, text)
    for module in CALLABLE_MODULES
    for cls, members in SECTIONS[module].callables.items()
    for name, text in members.items()
]


def test_the_list_of_official_names_was_read() -> None:
    lines = SURFACE.partition("## Generation 1")[0].splitlines()
    methods = [line for line in lines if re.match(r"    \w+(\(.*\) -> | : property)|def ", line)]
    constructors = [line for line in lines if line.startswith("class ") and " init(" in line]
    assert len(CALLABLES) == len(methods) + sum("Error" not in line for line in constructors)
    assert len(CALLABLES) > 300
    assert sum(len(section.models) for section in SECTIONS.values()) == sum(line.startswith("model ") for line in lines)
    assert SECTIONS["api.files"].callables["FilesAPI"]["list"] == "(limit: int = 100, cursor: str | None = None)"


@each_row(("module", "cls", "name", "text"), CALLABLES, ids=[f"{row[0]}-{row[1]}.{row[2]}" for row in CALLABLES])
def test_what_can_be_called_takes_what_the_official_one_takes(module: str, cls: str, name: str, text: str) -> None:
    owner = getattr(_our_module(module), cls) if cls else _our_module(module)
    ours = getattr(owner, name, None)
    if (cls, name) in MISSING:
        assert ours is None, "it exists now: take it off the list"
        return
    assert ours is not None
    if text == "property":
        assert not callable(ours)
        return
    official, own = _official_parameters(text), _our_parameters(ours)
    for extra in ADDED.get(name, set()) & set(own) - set(official):
        by_keyword, default = own[extra]
        assert by_keyword or extra == list(own)[-1]
        assert default != ""
        del own[extra]
    assert list(own) == list(official) or (set(own) == set(official) and all(kind for kind, _ in own.values()))
    for parameter, (by_keyword, default) in official.items():
        if (cls, name, parameter) in OTHER_DEFAULTS:
            assert own[parameter][1] != default, "no difference any more: take it off the list"
        else:
            assert own[parameter][1] == {"Ellipsis": ""}.get(default, default), parameter
        if (cls, name, parameter) in OTHER_KINDS:
            assert own[parameter][0] != by_keyword, "no difference any more: take it off the list"
        else:
            assert own[parameter][0] == by_keyword, parameter


def test_no_exception_is_for_something_that_is_not_there() -> None:
    known = {(cls, name) for _, cls, name, _ in CALLABLES}

    assert {row[:2] for row in (*MISSING, *OTHER_KINDS, *OTHER_DEFAULTS)} <= known
    assert set(ADDED) <= {name for _, name in known}


@each_row("module", [name for name in CALLABLE_MODULES if name.startswith("api.async_") and "webhooks" not in name])
def test_a_method_of_an_async_class_is_async(module: str) -> None:
    (cls,) = SECTIONS[module].callables
    ours = getattr(_our_module(module), cls)

    for method in SECTIONS[module].callables[cls]:
        function = getattr(ours, method)
        if method != "__init__":
            assert inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


@each_row(
    ("module", "cls"), [(module, cls) for module in CALLABLE_MODULES for cls in SECTIONS[module].callables if cls]
)
def test_a_class_of_a_package_can_be_had_from_there(module: str, cls: str) -> None:
    package = soniox_lite if module == "client" else _our_module(module.partition(".")[0])

    assert cls in package.__all__
    assert getattr(package, cls) is getattr(_our_module(module), cls)


ERRORS = SURFACE.partition("## soniox.errors")[2].partition("##")[0]


def _twins() -> list[tuple[type, type]]:
    found = []
    for name in soniox_lite.api.__all__:
        twin = name.replace("SonioxWebhooks", "AsyncSonioxWebhooks") if "Webhooks" in name else f"Async{name}"
        if not name.startswith("Async"):
            found.append((getattr(soniox_lite.api, name), getattr(soniox_lite.api, twin)))
    return found


@each_row(("one", "other"), _twins(), ids=lambda cls: cls.__name__)
def test_sync_and_async_namespaces_have_the_same_methods_and_parameters(one: type, other: type) -> None:
    methods = [method for method in dir(one) if not method.startswith("_")]
    assert methods == [method for method in dir(other) if not method.startswith("_")]
    for method in methods:
        assert _our_parameters(getattr(one, method)) == _our_parameters(getattr(other, method))


@each_row(("name", "base"), re.findall(r"^class (\w+)\((\w+)\)", ERRORS, re.MULTILINE))
def test_the_official_errors_exist(name: str, base: str) -> None:
    ours = getattr(errors, name)

    assert issubclass(ours, getattr(errors, base, Exception))
    own = _our_parameters(ours.__init__)
    for parameter in _official_parameters(SECTIONS["errors"].callables[name].get("__init__", "(message: str)")):
        assert parameter in own


TYPE_NAMES = [
    (module, name) for module in TYPE_MODULES for name in (*SECTIONS[module].models, *SECTIONS[module].values)
]


@each_row(("module", "name"), TYPE_NAMES, ids=lambda value: value)
def test_the_official_types_exist(module: str, name: str) -> None:
    ours = _our_module(module)

    assert name in ours.__all__
    assert getattr(soniox_lite.types, name) is getattr(ours, name)
    assert name in soniox_lite.types.__all__


@pytest.mark.parametrize("package", ["soniox", "soniox.api", "soniox.realtime", "soniox.types"])
def test_what_an_official_package_exports_can_be_had_from_ours(package: str) -> None:
    names = importlib.import_module(package).__all__
    ours = importlib.import_module(package.replace("soniox", "soniox_lite"))

    assert names
    assert {name for name in names if not hasattr(ours, name)} == set()


@pytest.mark.parametrize("name", ["Model", "Voice", "VoiceAge", "VoiceDetails"])
def test_both_spellings_of_text_to_speech_are_one_type(name: str) -> None:
    assert getattr(soniox_lite.types, f"TTS{name}") is getattr(soniox_lite.types, f"Tts{name}")
    assert soniox_lite.types.GetTTSModelsResponse is soniox_lite.types.GetTtsModelsResponse


@each_row(
    ("module", "name", "text"),
    [(module, name, text) for module in TYPE_MODULES for name, text in SECTIONS[module].values.items()],
    ids=lambda value: value[:30],
)
def test_an_official_vocabulary_or_constant_has_the_same_values(module: str, name: str, text: str) -> None:
    ours = getattr(_our_module(module), name)
    expected: list[Any] = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]

    if isinstance(ours, type):
        assert issubclass(ours, enum.Enum)
        assert {member.name: member.value for member in ours} == ast.literal_eval(text)
    elif isinstance(ours, str):
        assert [ours] == expected
    else:
        assert sorted(_words(ours)) == sorted(expected)


def _words(annotation: Any) -> list[Any]:
    """The values of a Literal, or of a union of some."""
    found = []
    for value in typing.get_args(annotation):
        found += _words(value) if typing.get_args(value) else [value]
    return found


@pytest.mark.parametrize(
    ("module", "name", "methods"),
    [
        (module, name, text.partition("methods: ")[2].split(", "))
        for module in TYPE_MODULES
        for name, text in SECTIONS[module].models.items()
        if "methods: " in text
    ],
)
def test_an_official_model_has_its_methods(module: str, name: str, methods: list[str]) -> None:
    for method in methods:
        ours = getattr(getattr(_our_module(module), name), method, None)
        if (name, method) in MISSING_OF_MODELS:
            assert ours is None, "it exists now: take it off the list"
        else:
            assert callable(ours)


MISSING_OF_MODELS = {
    (
        "TranslationConfig",
        "validate_logic",
    ): "a hook that pydantic calls itself; here the rule is checked when the object is built",
}


# Generation 1, at the end of the list, in its own words.

GENERATION_1 = SURFACE.partition("## Generation 1")[2]


def _found(pattern: str) -> list[Any]:
    found = re.findall(pattern, GENERATION_1, re.MULTILINE)
    assert found, pattern
    return found


@pytest.mark.parametrize(("name", "text"), _found(r"^utils\.(\w+)(\(.*?\)) -> "))
def test_a_helper_of_generation_1_still_works(name: str, text: str) -> None:
    ours = getattr(importlib.import_module("soniox_lite.utils"), name)

    assert _our_parameters(ours) == _official_parameters(text)


@pytest.mark.parametrize("cls", ["RealtimeSTTSession", "AsyncRealtimeSTTSession"])
def test_the_methods_of_sessions_of_generation_1_still_work(cls: str) -> None:
    (line,) = _found(r"^    (send_finish.*)$")
    ours = getattr(importlib.import_module("soniox_lite.realtime"), cls)

    for method in re.findall(r"(\w+)\(\)", line):
        required = [name for name, (_, default) in _our_parameters(getattr(ours, method)).items() if not default]
        assert required == []
    # The key was in the configuration.
    assert _our_parameters(ours)["api_key"][1] == "None"


def test_a_configuration_of_generation_1_still_works() -> None:
    ((field, default, method, text),) = _found(
        r"^RealtimeSTTConfig\.(\w+): str \| None = (\w+); RealtimeSTTConfig\.(\w+)(\(.*?\)) ->"
    )
    ours = soniox_lite.types.RealtimeSTTConfig

    assert repr({spec.name: spec for spec in dataclasses.fields(ours)}[field].default) == default
    assert _our_parameters(getattr(ours, method)) == _official_parameters(text)


@pytest.mark.parametrize(("name", "text"), _found(r"^(RealtimeSession\w+Payload): (.*)$"))
def test_a_payload_of_generation_1_still_exists(name: str, text: str) -> None:
    fields = {spec.name: spec for spec in dataclasses.fields(getattr(soniox_lite.types.realtime, name))}
    expected = dict(re.findall(r"(\w+)(?:: [\w| ]+?)?(?: = ([^,]+))?(?:, |$)", text))

    assert len(expected) == text.count(",") + 1
    for field, default in expected.items():
        own = fields[field].default
        assert own is dataclasses.MISSING if not default else repr(own) == default


def test_the_other_types_of_generation_1_still_exist() -> None:
    ((name, text),) = _found(r"^types\.realtime\.(\w+) = (Literal.*)$")
    ((union,),) = [_found(r"^(\w+) = union of the four$")]

    assert sorted(_words(getattr(soniox_lite.types.realtime, name))) == sorted(ast.literal_eval(text[7:]))
    assert len(typing.get_args(getattr(soniox_lite.types.realtime, union))) == 4


@each_row(
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


@each_row("name", REFERENCE_TYPES)
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
    found = subprocess.run([sys.executable, "-c", code], check=True, timeout=300, capture_output=True, text=True).stdout

    assert {name for name in found.strip().split(",") if not name.startswith("soniox_lite")} <= {"__future__"}
