"""The Prometheus metrics of all services: one module, so that dashboards find each name once."""

from prometheus_client import Counter, Gauge, Histogram

outbox_lag_seconds = Gauge("huiyin_outbox_lag_seconds", "Age of the oldest event that is not sent yet", ["service"])
outbox_rows = Gauge("huiyin_outbox_rows", "Events that are not sent yet", ["service"])
relay_sent_total = Counter("huiyin_relay_sent_total", "Events sent and acknowledged", ["service"])
relay_unsendable_total = Counter("huiyin_relay_unsendable_total", "Events moved to the dead letters", ["service"])
relay_leader = Gauge("huiyin_relay_leader", "1 in the process that sends", ["service"])

audit_pending = Gauge("huiyin_audit_pending", "Rows of the audit that the last round found not anchored", ["service"])
audit_sealed_batches = Counter("huiyin_audit_sealed_batches", "Batches of the audit that were anchored", ["service"])

consumer_lag = Gauge("huiyin_consumer_lag", "Records not handled yet", ["consumer", "topic", "partition"])
consumer_events_total = Counter(
    "huiyin_consumer_events_total",
    "Records by what became of them: done, duplicate, ignored, parked, waiting, failed",
    ["consumer", "outcome"],
)
consumer_seconds = Histogram(
    "huiyin_consumer_seconds",
    "Time to handle one event",
    ["consumer"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
dead_letters = Gauge("huiyin_dead_letters", "Parked messages", ["consumer", "state"])

http_seconds = Histogram(
    "huiyin_http_seconds",
    "Time to answer a request",
    ["service", "method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

throttled_total = Counter("huiyin_throttled_total", "Requests refused because their client came too often")

task_latency_seconds = Histogram(
    "huiyin_task_latency_seconds",
    "Time from scheduling an activity to its start",
    ["task_queue", "activity"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600),
)
task_seconds = Histogram(
    "huiyin_task_seconds",
    "Time an activity took",
    ["task_queue", "activity", "result"],
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60),
)
cases_by_stage = Gauge("huiyin_cases_by_stage", "Open cases", ["stage", "track"])
deadlines_missed_total = Counter("huiyin_deadlines_missed_total", "Deadlines passed without the act", ["clock"])
