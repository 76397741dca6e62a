"""The marker ``soniox_tape``, in test suites of their own."""

from __future__ import annotations

import pytest

from soniox_testing import FakeSoniox
from tests.fake.server.test_plugin import _PLUGIN, _installed
from tests.fake.tapes.test_recording import KEY

pytest_plugins = ["pytester"]

SUITE = """
    import os, pytest

    @pytest.mark.soniox_tape
    @pytest.mark.parametrize("limit", [1, 2])
    def test_lists(soniox_client, limit):
        assert soniox_client.files.list(limit=limit).files == []

    @pytest.mark.soniox_tape("calls/named", mask_text=True, ignore=("sample_rate",))
    def test_session(soniox_client, soniox_env):
        config = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": RATE, "num_channels": 1}
        with soniox_client.realtime.stt.connect(config=config) as session:
            session.send_byte_chunk(bytes(32_000))
            session.finish()
            assert list(session.receive_events())[-1].finished
"""


NAMES = """
    import pytest

    class TestA:
        @pytest.mark.soniox_tape
        def test_lists(self, soniox_client):
            assert soniox_client.files.list(limit=1).files == []

    class TestB:
        @pytest.mark.soniox_tape
        def test_lists(self, soniox_client):
            assert soniox_client.files.list(limit=2).files == []

    @pytest.mark.soniox_tape
    @pytest.mark.parametrize("text", ["a b", "a/b"])
    def test_text(soniox_client, text):
        assert soniox_client.files.list(limit=3 if "/" in text else 4).files == []
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # In this process: a new one takes most of a second.
    return pytester.runpytest_inprocess("-q", *([] if _installed() else _PLUGIN), *arguments)


def test_tapes_are_recorded_with_the_option_and_played_without(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(SUITE.replace("RATE", "16000"))
    monkeypatch.delenv("SONIOX_API_KEY", raising=False)
    missing = run(pytester)
    missing.assert_outcomes(errors=3)
    missing.stdout.fnmatch_lines(["there is no tape */tapes/*/test_lists-1.tape; --soniox-record=once records*"])
    run(pytester, "--soniox-record").stdout.fnmatch_lines(["*set SONIOX_API_KEY*"])
    folder = pytester.path / "tapes"
    assert not folder.exists()
    with FakeSoniox(api_keys=[KEY]) as service:
        monkeypatch.setenv("SONIOX_API_KEY", KEY)
        to = f"--soniox-record-to={service.url}"
        run(pytester, "--soniox-record=once", to, "-k", "session").assert_outcomes(passed=1)
        assert (len(service.sessions), len(service.requests)) == (1, 0)
        run(pytester, "--soniox-record=once", to).assert_outcomes(passed=3)
        assert (len(service.sessions), len(service.requests)) == (1, 2)
        run(pytester, "--soniox-record", to).assert_outcomes(passed=3)
        assert (len(service.sessions), len(service.requests)) == (2, 4)
    monkeypatch.delenv("SONIOX_API_KEY")
    tapes = {str(path.relative_to(folder)) for path in folder.rglob("*.tape")}
    module = next(path.name for path in folder.iterdir() if path.name != "calls")
    assert tapes == {"calls/named.tape", f"{module}/test_lists-1.tape", f"{module}/test_lists-2.tape"}
    assert KEY not in "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.tape"))
    run(pytester).assert_outcomes(passed=3)
    changed = pytester.path / f"{module}.py"
    changed.write_text(changed.read_text().replace("16000", "8000").replace("limit=limit", "limit=limit + 5"))
    played = run(pytester)
    played.assert_outcomes(passed=1, failed=2, errors=2)
    played.stdout.fnmatch_lines(
        ["*test_lists-1.tape, request 1 (line 2): expected GET /v1/files?limit=1, got GET*limit=6"]
    )


def test_each_test_has_a_tape_of_its_own(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(test_names=NAMES)
    with FakeSoniox(api_keys=[KEY]) as service:
        monkeypatch.setenv("SONIOX_API_KEY", KEY)
        run(pytester, "--soniox-record", f"--soniox-record-to={service.url}").assert_outcomes(passed=4)
    tapes = sorted(path.name for path in (pytester.path / "tapes" / "test_names").iterdir())
    assert tapes == ["TestA.test_lists.tape", "TestB.test_lists.tape", "test_text-a b.tape", "test_text-a%2Fb.tape"]
    run(pytester).assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("pause=True", "the marker soniox_tape() has no pause; did you mean pauses?"),
        ("7", "the marker soniox_tape(): name must be str | None, not 7"),
        ("'a', 'b'", "the marker soniox_tape(): too many positional arguments"),
    ],
)
def test_what_the_marker_does_not_take_is_told(pytester: pytest.Pytester, arguments: str, complaint: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.soniox_tape({arguments})
        def test_lists(soniox_client):
            pass
        """
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    assert complaint in result.outlines
