from soniox import SonioxClient

client = SonioxClient()
voice = client.voices.create("call.wav", name="mine")
print(voice.name, client.voices.count(), [found.name for found in client.voices.list_all()])
print(client.voices.get(voice.id).name)
page = client.voices.list_shared("tts-rt-v2", limit=2)
print([shared.id for shared in page.voices], page.next_page_cursor is not None)
print(len(list(client.voices.list_all_shared("tts-rt-v2", gender="female"))) > 0)
client.voices.delete(voice.id)
print(client.voices.get_or_none(voice.id))
