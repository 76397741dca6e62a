"""Where we differ from the official SDK, on purpose: both sides of each difference, as programs see them.

The rows of the table in docs/migration.md name these tests.
"""

from __future__ import annotations

from soniox_testing import FakeSoniox

from .conftest import Both

CLIENT = "from soniox import AsyncSonioxClient, SonioxClient\n\nclient = SonioxClient()\n"
# How a program finds out what an error is.
ERRORS = """
def show(function, *arguments, **options):
    try:
        print(function(*arguments, **options))
    except Exception as error:
        bases = sorted(base.__name__ for base in type(error).__mro__ if base in KNOWN)
        print(type(error).__name__, *bases)


from soniox.errors import SonioxError

KNOWN = {SonioxError, ValueError, OSError, TimeoutError, ConnectionError}
"""
REPLY = """
import http.server, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = SonioxClient(api_base_url=f"http://127.0.0.1:{server.server_port}/v1")
"""
SESSION = (
    CLIENT
    + """
from soniox.errors import SonioxRealtimeError
from soniox.types import RealtimeSTTConfig

config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
audio = open("call.wav", "rb").read()[44:]
"""
)


# REST.


def test_passing_failures_are_retried(both: Both) -> None:
    program = CLIENT + ERRORS + "show(lambda: len(client.models.list().models) > 0)"

    official, ours = both(program, lambda fake: fake.faults.answer(503, times=2))

    assert (official, ours) == (["SonioxServerError SonioxError"], ["True"])


def test_a_connection_that_cannot_be_made_is_one_of_our_errors(both: Both) -> None:
    program = CLIENT + ERRORS + "show(client.models.list)"

    official, ours = both(program, lambda fake: fake.faults.reset())

    assert official == ["RemoteProtocolError"] or official == ["ReadError"]
    assert set(ours[0].split()) >= {"SonioxConnectionError", "SonioxError", "ConnectionError"}


def test_a_time_out_is_one_of_our_errors(both: Both) -> None:
    program = CLIENT + ERRORS + "client = SonioxClient(timeout_sec=0.3)\nshow(client.models.list)"

    official, ours = both(program, lambda fake: fake.faults.stall())

    assert official == ["ReadTimeout"]
    assert set(ours[0].split()) >= {"SonioxTimeoutError", "SonioxError", "TimeoutError"}


def test_a_reply_of_another_shape_is_an_api_error(both: Both) -> None:
    program = CLIENT + ERRORS + REPLY + "BODY = b'{\"models\": 5}'\nshow(client.models.list)\nserver.shutdown()"

    official, ours = both(program)

    assert (official, ours) == (["ValidationError ValueError"], ["SonioxAPIError SonioxError"])


def test_a_html_page_as_an_answer_is_an_api_error(both: Both) -> None:
    program = CLIENT + ERRORS + "show(client.models.list)"

    official, ours = both(program, lambda fake: fake.faults.html(200))

    assert (official, ours) == (["JSONDecodeError ValueError"], ["SonioxDecodeError SonioxError ValueError"])


def test_invalid_configurations_are_one_of_our_errors(both: Both) -> None:
    program = ERRORS + (
        "from soniox.types import TranslationConfig, CreateTranscriptionConfig\n"
        "show(TranslationConfig, type='one_way')\nshow(CreateTranscriptionConfig, language_hints='en')"
    )

    official, ours = both(program)

    assert official == ["ValidationError ValueError"] * 2
    assert ours == ["SonioxValidationError SonioxError ValueError"] * 2


def test_unknown_keys_of_nested_dicts_are_refused(both: Both) -> None:
    program = ERRORS + (
        "from soniox.types import CreateTranscriptionConfig\n"
        "show(lambda: CreateTranscriptionConfig(context={'term': ['Soniox']}).context.terms)"
    )

    official, ours = both(program)

    assert (official, ours) == (["None"], ["SonioxValidationError SonioxError ValueError"])


def test_fields_that_the_sdk_does_not_know_are_kept(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + REPLY
        + (
            'BODY = b\'{"files": [], "files_in_trash": 3}\'\n'
            "show(lambda: client.files.list().files_in_trash)\nserver.shutdown()"
        )
    )

    official, ours = both(program)

    assert (official, ours) == (["AttributeError"], ["3"])


def test_an_empty_id_does_not_list_everything(both: Both) -> None:
    program = CLIENT + ERRORS + "show(client.files.get, '')\nshow(client.files.delete, '..')"

    official, ours = both(program)

    assert official[0] != "SonioxValidationError SonioxError ValueError"
    assert ours == ["SonioxValidationError SonioxError ValueError"] * 2


def test_an_id_is_one_segment_of_the_path(both: Both) -> None:
    program = CLIENT + ERRORS + "show(client.files.get, 'a/../b?c')"
    fakes: list[FakeSoniox] = []

    both(program, fakes.append)

    assert [[request.path for request in fake.requests] for fake in fakes] == [["/v1/files/b"], ["/v1/files/a/../b?c"]]


def test_configurations_may_be_dicts_everywhere(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + (
            "options = {'to': 'de', 'audio_url': 'https://a.example/b'}\n"
            "show(lambda: client.stt.translate(**options, config={'language_hints': ['en']}).model)\n"
            "options = {'text': 'Hello.', 'voice': 'Adrian', 'language': 'en'}\n"
            "show(lambda: len(client.tts.generate(**options, config={'speed': 1.1})) > 0)"
        )
    )

    official, ours = both(program)

    assert official == ["AttributeError", "AttributeError"]
    assert ours == ["stt-async-v5", "True"]


def test_the_transcript_of_a_failed_job_is_the_jobs_error(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + ("show(client.stt.transcribe_and_wait_with_tokens, audio_url='https://a.example/b', wait_interval_sec=0.05)")
    )

    official, ours = both(program, lambda fake: fake.fail_next_job("internal_error", "broken"))

    assert (official, ours) == (["SonioxConflictError SonioxError"], ["SonioxTranscriptionError SonioxError"])


def test_a_failed_creation_leaves_no_upload(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + ("show(client.stt.transcribe, file=b'audio', model='no-such-model')\nprint(client.files.count().total)")
    )

    official, ours = both(program)

    assert official == ["SonioxInvalidRequestError SonioxError", "1"]
    assert ours == ["SonioxInvalidRequestError SonioxError", "0"]


def test_a_deletion_whose_reply_was_lost_succeeds(both: Both) -> None:
    program = CLIENT + ERRORS + "file = client.files.upload(b'audio')\nshow(client.files.delete, file.id)"

    official, ours = both(program, lambda fake: fake.faults.reset("after", operation="delete_file", times=1))

    assert official == ["RemoteProtocolError"] or official == ["ReadError"]
    assert ours == ["None"]


def test_a_failed_deletion_does_not_cost_the_transcript(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + (
            "show(lambda: len(client.stt.transcribe_and_wait_with_tokens(\n"
            "    file='call.wav', wait_interval_sec=0.05, delete_after=True).text) > 0)"
        )
    )

    official, ours = both(program, lambda fake: fake.faults.answer(409, operation="delete_transcription"))

    assert (official, ours) == (["SonioxConflictError SonioxError"], ["True"])


def test_a_missing_directory_is_told_before_anything_is_spoken(both: Both) -> None:
    program = (
        CLIENT + ERRORS + "show(client.tts.generate_to_file, 'no/where.wav', text='Hi.', voice='Adrian', language='en')"
    )
    fakes: list[FakeSoniox] = []

    official, ours = both(program, fakes.append)

    assert official == ["FileNotFoundError OSError"]
    assert ours == ["SonioxFileNotFoundError OSError SonioxError ValueError"]
    assert [len(fake.speeches) for fake in fakes] == [1, 0]


def test_a_long_text_is_counted_in_the_services_bytes(both: Both) -> None:
    program = CLIENT + ERRORS + "show(client.tts.generate, text='ß' * 3000, voice='Adrian', language='de')"
    fakes: list[FakeSoniox] = []

    official, ours = both(program, fakes.append)

    assert official == ["SonioxInvalidRequestError SonioxError"]
    assert ours == ["SonioxValidationError SonioxError ValueError"]
    assert [len(fake.requests) for fake in fakes] == [1, 0]


def test_secrets_are_not_shown(both: Both) -> None:
    program = CLIENT + (
        "from soniox.types import WebhookAuthConfig\n"
        "print('s3cret' in repr(WebhookAuthConfig(name='X', value='s3cret')))\n"
        "key = client.auth.create_temporary_api_key(usage_type='transcribe_websocket', expires_in_seconds=60)\n"
        "print(key.api_key in repr(key), key.api_key in str(key))"
    )

    official, ours = both(program)

    assert (official, ours) == (["True", "True True"], ["False", "False False"])


def test_a_key_with_a_line_end_is_a_key(both: Both) -> None:
    program = CLIENT + ERRORS + "show(lambda: len(SonioxClient(api_key='key\\n').models.list().models) > 0)"

    official, ours = both(program)

    assert (official, ours) == (["LocalProtocolError"], ["True"])


def test_an_error_names_its_type_and_request(both: Both) -> None:
    program = CLIENT + (
        "try:\n    client.files.get('00000000-0000-4000-8000-000000000000')\n"
        "except Exception as error:\n    print(error)"
    )

    official, ours = both(program)

    assert official == ["No file with this ID exists in your project: 'id-0'. (HTTP 404)"]
    assert ours == ["No file with this ID exists in your project: 'id-0'. (HTTP 404, file_not_found) [request id id-1]"]


def test_records_are_dataclasses(both: Both) -> None:
    program = (
        "import dataclasses, pydantic\nfrom soniox.types import File, Token\n"
        "print(*(dataclasses.is_dataclass(cls) and not issubclass(cls, pydantic.BaseModel) for cls in (Token, File)))"
    )

    official, ours = both(program)

    assert (official, ours) == (["False False"], ["True True"])


def test_a_json_schema_is_made_by_pydantic(both: Both) -> None:
    program = (
        "import pydantic\nfrom soniox.types import Token\nprint(hasattr(Token, 'model_json_schema'))\n"
        "print(*sorted(pydantic.TypeAdapter(Token).json_schema()['properties']))"
    )

    official, ours = both(program)

    assert (official[0], ours[0]) == ("True", "False")
    assert official[1] == ours[1]


def test_a_closed_client_is_one_of_our_errors(both: Both) -> None:
    program = CLIENT + ERRORS + "client.models.list()\nclient.close()\nclient.close()\nshow(client.models.list)"

    official, ours = both(program)

    assert (official, ours) == (["RuntimeError"], ["SonioxError SonioxError"])


def test_strict_validation_is_as_any_other(both: Both) -> None:
    program = (
        ERRORS + "from soniox.types import Token\n"
        "show(lambda: Token.model_validate({'text': 'a', 'start_ms': '5'}, strict=True).start_ms)"
    )

    official, ours = both(program)

    assert (official, ours) == (["ValidationError ValueError"], ["5"])


def test_a_key_is_changed_by_a_function(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + (
            "keys = iter(['first', 'key'])\n"
            "show(setattr, client, 'api_key', 'another')\n"
            "client = SonioxClient(api_key=lambda: next(keys))\n"
            "show(client.models.list)\nshow(lambda: len(client.models.list().models) > 0)"
        )
    )

    official, ours = both(program)

    assert official[0] == "None"
    assert ours == ["AttributeError", "SonioxAuthenticationError SonioxError", "True"]


def test_keywords_for_httpx_are_refused_with_what_to_use_instead(both: Both) -> None:
    program = ERRORS + (
        "from soniox import SonioxClient\n"
        "show(lambda: SonioxClient(http1=True, follow_redirects=True).timeout_sec)\n"
        "try:\n    SonioxClient(event_hooks={})\n    print('accepted')\n"
        "except ValueError as error:\n    print('on_request' in str(error))"
    )

    official, ours = both(program)

    assert official == ["30.0", "accepted"]
    assert ours == ["SonioxValidationError SonioxError ValueError", "True"]


def test_the_library_logs_no_requests(both: Both) -> None:
    program = CLIENT + (
        "import io, logging\n"
        "log = io.StringIO()\nhandler = logging.StreamHandler(log)\nlogging.getLogger().addHandler(handler)\n"
        "logging.getLogger().setLevel(logging.INFO)\nclient.models.list()\n"
        "logging.getLogger().removeHandler(handler)\nprint('GET' in log.getvalue())"
    )

    official, ours = both(program)

    assert (official, ours) == (["True"], ["False"])


# Webhooks.


def test_a_webhook_without_a_secret_is_refused(both: Both) -> None:
    program = CLIENT + ERRORS + "show(client.webhooks.verify_signature, {})"

    official, ours = both(program)

    assert (official, ours) == (["None"], ["InvalidWebhookSignatureError SonioxError"])


def test_a_webhook_of_another_shape_is_one_of_our_errors(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + (
            "hooks = SonioxClient(webhook_secret='s').webhooks\nheaders = {'X-Soniox-Webhook-Secret': 's'}\n"
            "show(hooks.unwrap, '{\"id\": 5}', headers)"
        )
    )

    official, ours = both(program)

    assert (official, ours) == (["ValidationError ValueError"], ["SonioxValidationError SonioxError ValueError"])


def test_headers_of_a_webhook_may_have_any_form(both: Both) -> None:
    program = (
        CLIENT
        + ERRORS
        + (
            "hooks = SonioxClient(webhook_secret='s').webhooks\n"
            "show(hooks.verify_signature, [('X-Soniox-Webhook-Secret', 's')])\n"
            "show(hooks.verify_signature, {'REQUEST_METHOD': 'POST', 'HTTP_X_SONIOX_WEBHOOK_SECRET': 's'})"
        )
    )

    official, ours = both(program)

    assert official == ["AttributeError", "InvalidWebhookSignatureError SonioxError"]
    assert ours == ["None", "None"]


# Realtime.


def test_a_broken_connection_raises(both: Both) -> None:
    program = (
        SESSION
        + """
with client.realtime.stt.connect(config=config) as session:
    try:
        # The rest would meet the break, and fail with both.
        session.send_byte_chunk(audio[:64_000])
        for event in session.receive_events():
            pass
        print("ended")
    except SonioxRealtimeError as error:
        print("broken")
"""
    )

    official, ours = both(program, lambda fake: fake.drop_next_session(after_audio_ms=1000))

    assert (official, ours) == (["ended"], ["broken"])


def test_a_loop_reconnects_after_a_broken_connection(both: Both) -> None:
    program = (
        SESSION
        + """
import time

sent = 0
while sent < len(audio):
    try:
        with client.realtime.stt.connect(config=config) as session:
            session.send_byte_chunk(audio[sent:])
            session.finish()
            for event in session.receive_events():
                pass
            sent = len(audio)
    except SonioxRealtimeError as error:
        print("again")
        time.sleep(0.01)
print("done")
"""
    )

    _, ours = both(program, lambda fake: fake.drop_next_session(after_audio_ms=1000))

    assert ours == ["again", "done"]


def test_after_a_refusal_sending_raises_that_refusal(both: Both) -> None:
    program = (
        SESSION
        + """
with client.realtime.stt.connect(config=RealtimeSTTConfig(model="no-such-model")) as session:
    for event in session.receive_events():
        print(event.error_code)
        break
    try:
        for _ in range(50):
            session.send_byte_chunk(bytes(100_000))
        print("sent")
    except SonioxRealtimeError as error:
        print("no-such-model" in str(error))
"""
    )

    official, ours = both(program)

    assert official[1:] != ["True"]
    assert ours == ["400", "True"]


def test_lifecycle_events_are_sent(both: Both) -> None:
    program = (
        SESSION
        + """
with client.realtime.stt.connect(config=config) as session:
    seen = []
    if hasattr(session, "on"):
        session.on("open", lambda payload: seen.append("open"))
        session.on("finished", lambda payload: seen.append("finished"))
    session.send_byte_chunk(audio)
    session.finish()
    for event in session.receive_events():
        pass
print(hasattr(session, "on"), "finished" in seen)
"""
    )

    official, ours = both(program)

    assert (official, ours) == (["False False"], ["True True"])


def test_text_during_a_pause_is_said_afterwards(both: Both) -> None:
    program = (
        CLIENT
        + """
from soniox.types import RealtimeTTSConfig

config = RealtimeTTSConfig(
    stream_id="one", model="tts-rt-v2", language="en", voice="Adrian", audio_format="pcm_s16le", sample_rate=16000
)
with client.realtime.tts.connect(config=config) as connection:
    connection.send_text_chunk("One ")
    connection.pause()
    connection.send_text_chunk("two ")
    connection.resume()
    connection.send_text_chunk("three.", text_end=True)
    b"".join(connection.receive_audio_chunks())
"""
    )
    fakes: list[FakeSoniox] = []

    both(program, fakes.append)

    assert [fake.speeches[0].text for fake in fakes] == ["One three.", "One two three."]
