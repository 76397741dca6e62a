import datetime

from soniox import SonioxClient

client = SonioxClient()
summary = client.usage.summary(start_time="2026-04-01T00:00:00Z", end_time="2026-04-03T00:00:00Z")
print(summary.total.total_cost_usd, summary.total.days, summary.models)
now = datetime.datetime.now(datetime.timezone.utc)
print(list(client.usage_logs.list_all(start_time=f"{now:%Y-%m-%d}T00:00:00Z", end_time=f"{now:%Y-%m-%d}T23:00:00Z")))
limits = client.concurrency_limits.get()
print(sorted(limits.model_dump()))
history = client.concurrency_limits.history("2026-04-28T09:00:00Z", "2026-04-28T10:00:00Z", period_sec=60, kind="stt")
print(len(history.entries))
