from soniox import SonioxClient

client = SonioxClient()
for model in client.models.list().models:
    print(model.id, model.name, model.transcription_mode, len(model.languages), model.languages[0].code)
for model in client.tts_models.list().models:
    print(model.id, [voice.id for voice in model.voices][:2])
model = client.models.list().models[0]
print({"id", "languages", "name"} <= set(model.model_dump()))
print(model.languages[:2])
print(client.request("GET", "/models").json()["models"][0]["id"])
