from soniox import SonioxClient

client = SonioxClient()
with client:
    print(len(client.models.list().models) > 0)
client.close()
try:
    client.models.list()
except Exception as error:
    print("closed")
