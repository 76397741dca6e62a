"""Everything that can be imported from the official SDK can be imported here, or has a reason."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest
import soniox

import soniox_lite

# Names that a module of the official SDK defines, and ours does not -> why.
ABSENT = {
    "api._utils.ModelT": "a variable of annotations, for pydantic models",
    "realtime._utils.KeepaliveTask": "sessions keep themselves alive; utils.keep_alive_async is a task of one's own",
    "realtime._utils.KeepaliveThread": "as KeepaliveTask; utils.start_keep_alive_thread is a thread of one's own",
    "types.webhooks.Headers": "an annotation, which costs a module: types.Headers",
}
MODULES = ["soniox", *(found.name for found in pkgutil.walk_packages(soniox.__path__, "soniox."))]


def ours(module: str) -> ModuleType:
    return importlib.import_module(module.replace("soniox", "soniox_lite", 1))


def defined_names(module: str) -> set[str]:
    """The public names that a module of the official SDK defines itself."""
    names: set[str] = set()
    for node in ast.parse(inspect.getsource(importlib.import_module(module))).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def passed_on_names(module: str) -> dict[str, str]:
    """The public names that a module imports from another one of the official SDK, and which one that is."""
    imported = importlib.import_module(module)
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(imported))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("soniox")):
            home = "." * node.level + (node.module or "")
            found.update({alias.asname or alias.name: home for alias in node.names})
    return {
        name: importlib.util.resolve_name(home, imported.__package__)
        for name, home in found.items()
        if hasattr(imported, name) and not name.startswith("_")
    }


def test_every_module_is_here() -> None:
    assert len(MODULES) >= 40
    for module in MODULES:
        assert ours(module).__doc__


def test_every_name_that_a_module_defines_is_there() -> None:
    checked = {f"{module}.{name}" for module in MODULES for name in defined_names(module)}
    missing = {name for name in checked if not hasattr(ours(name.rpartition(".")[0]), name.rpartition(".")[2])}

    assert len(checked) > 150
    assert missing == {f"soniox.{name}" for name in ABSENT}


def test_a_name_that_a_module_takes_from_another_is_at_least_there() -> None:
    checked = 0
    for module in MODULES:
        for name, home in passed_on_names(module).items():
            if f"{home}.{name}".removeprefix("soniox.") not in ABSENT:
                checked += 1
                assert hasattr(ours(module), name) or hasattr(ours(home), name), f"{module}.{name}"
    assert checked > 150


def test_constants_have_the_official_values() -> None:
    differ = set()
    for module in MODULES:
        for name in defined_names(module):
            value = getattr(importlib.import_module(module), name)
            if isinstance(value, (str, int, float)) and getattr(ours(module), name) != value:
                differ.add(f"{module}.{name}")
    # Connections without messages are closed after 40 s, and a pause of the network may use up some of them.
    assert differ == {"soniox.realtime._constants.TTS_KEEP_ALIVE_INTERVAL_SEC"}


@pytest.mark.parametrize("package", ["soniox", "soniox.api", "soniox.realtime", "soniox.types"])
def test_a_star_import_gives_what_the_official_one_gives(package: str) -> None:
    names: dict[str, object] = {}
    exec(f"from {package.replace('soniox', 'soniox_lite')} import *", names)

    assert set(importlib.import_module(package).__all__) <= set(names)


def test_a_record_is_read_from_a_reply_as_with_the_official_helpers(soniox_client: soniox_lite.SonioxClient) -> None:
    from soniox_lite.api._utils import ensure_success, parse_response
    from soniox_lite.types import GetModelsResponse

    response = soniox_client.request("GET", "/models")
    ensure_success(response)

    assert parse_response(response, GetModelsResponse) == soniox_client.models.list()
    missing = soniox_client.request("GET", "/files/00000000-0000-4000-8000-000000000000")
    with pytest.raises(soniox_lite.SonioxNotFoundError):
        parse_response(missing, GetModelsResponse)


def test_helpers_of_sessions_and_payloads_are_where_the_official_sdk_has_them() -> None:
    from soniox_lite.api import _utils
    from soniox_lite.realtime._utils import auth_headers, validate_connect_timeout_sec

    assert auth_headers("key") == {"Authorization": "Bearer key"}
    assert validate_connect_timeout_sec(2.5) == 2.5
    for wrong in (0, None, "5"):
        with pytest.raises(soniox_lite.SonioxValidationError, match="connect_timeout_sec"):
            validate_connect_timeout_sec(wrong)  # type: ignore[arg-type]
    created = _utils.build_create_payload(
        model="stt-async-v5", file_id="f", audio_url=None, client_reference_id="mine", config={"language_hints": ["en"]}
    )
    assert created.to_dict() == {
        "model": "stt-async-v5", "file_id": "f", "client_reference_id": "mine", "language_hints": ["en"]
    }  # fmt: skip
    spoken = _utils.build_tts_payload(text="Hi", voice="Adrian", model="tts-rt-v2", config=None, language="en")
    assert spoken.to_dict() == {
        "text": "Hi", "voice": "Adrian", "model": "tts-rt-v2", "language": "en", "audio_format": "wav"
    }  # fmt: skip
    config = _utils.build_translate_config(to="de", source=None, between=None, config=None)
    assert config.to_dict()["translation"] == {"type": "one_way", "target_language": "de"}


def test_a_reply_is_read_by_the_official_async_helper() -> None:
    import asyncio

    from soniox_lite.api._utils import parse_async_response
    from soniox_lite.types import GetModelsResponse

    response = soniox_lite.Response(200, content=b'{"models": []}')
    assert asyncio.run(parse_async_response(response, GetModelsResponse)).models == []
