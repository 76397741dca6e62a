from soniox import SonioxClient

client = SonioxClient(timeout_sec=12)
response = client.request("GET", "/files", params={"limit": 1})
print(response.status_code, response.is_success, response.json(), response.headers["Content-Type"])
response = client.request("POST", "/files", files={"file": ("a.wav", b"audio")}, data={"client_reference_id": "r"})
print(response.status_code, response.json()["filename"], response.json()["client_reference_id"])
response = client.request("GET", "/nothing")
print(response.status_code, response.is_error, response.reason_phrase.lower())
response = client.request("POST", "/transcriptions", json={"model": "stt-async-v5"})
print(response.status_code, response.json()["error_type"])
print(client.timeout_sec, client.api_key[:0], client.api_base_url.startswith("http"))
