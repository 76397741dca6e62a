import io
from pathlib import Path

from soniox import SonioxClient

client = SonioxClient()
print(client.files.upload(Path("call.wav")).filename)
print(client.files.upload(file="call.wav", filename="other.wav").filename)
print(client.files.upload(b"bytes").filename)
print(client.files.upload(io.BytesIO(b"stream")).filename)
named = io.BytesIO(b"named")
named.name = "named.mp3"
print(client.files.upload(named).filename)
with open("call.wav", "rb") as file:
    print(client.files.upload(file).filename, file.closed)
print(sorted(file.size for file in client.files.list().files))
try:
    client.files.upload(42)
except TypeError as error:
    print("not a file")
