from soniox import SonioxClient

client = SonioxClient()
for call in (
    lambda: client.files.upload("nothing.wav"),
    lambda: client.stt.transcribe(file="nothing.wav"),
    lambda: client.stt.transcribe_and_wait_with_tokens(file="nothing.wav"),
    lambda: client.voices.create("nothing.wav", name="x"),
):
    try:
        call()
    except FileNotFoundError as error:
        print(error.filename, error.errno, error.strerror)
try:
    client.files.upload(".")
except IsADirectoryError as error:
    print("a directory")
