from soniox import SonioxClient

client = SonioxClient()
file = client.files.upload("call.wav", client_reference_id="mine")
print(file.filename, file.size, file.client_reference_id)
job = client.stt.create(model="stt-async-v5", file_id=file.id, client_reference_id="job")
print(job.status, job.model, job.file_id == file.id, job.filename)
done = client.stt.wait(job.id, interval_sec=0.05, timeout_sec=30)
print(done.status, done.audio_duration_ms, done.error_type, done.error_message)
transcript = client.stt.get_transcript(job.id)
print(transcript.text, transcript.id == job.id)
for token in transcript.tokens:
    print(token.text, token.start_ms, token.end_ms, token.confidence, token.speaker, token.language)
client.stt.delete(job.id)
client.files.delete(file.id)
print(client.files.count(), client.stt.count())
print(client.files.get_or_none(file.id), client.stt.get_or_none(job.id))
client.close()
