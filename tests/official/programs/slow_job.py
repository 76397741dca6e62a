from soniox import SonioxClient

client = SonioxClient()
job = client.stt.transcribe(audio_url="https://a.example/slow.mp3")
try:
    client.stt.wait(job.id, interval_sec=0.05, timeout_sec=0.2)
except TimeoutError as error:
    print("still running", isinstance(error, TimeoutError))
