from soniox import SonioxClient

with SonioxClient() as client:
    for number in range(5):
        client.files.upload(b"x" * (number + 1), filename=f"{number}.wav")
    first = client.files.list(limit=2)
    print([file.filename for file in first.files], first.next_page_cursor is not None)
    second = client.files.list(limit=2, cursor=first.next_page_cursor)
    print([file.filename for file in second.files])
    print(sorted(file.filename for file in client.files.list_all(limit=2)))
    jobs = [client.stt.create(file_id=file.id) for file in client.files.list_all()]
    for job in jobs:
        client.stt.wait(job.id, interval_sec=0.05)
    print(len(list(client.stt.list_all(limit=2))), client.stt.list().transcriptions[0].status)
    client.stt.destroy(jobs[0].id)
    client.stt.destroy_all()
    client.files.delete_all()
    print(client.files.count(), client.stt.count())
