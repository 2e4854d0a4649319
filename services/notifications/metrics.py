"""What operators watch of the notices."""

from prometheus_client import Counter, Gauge, Histogram

notices_settled_total = Counter(
    "huiyin_notices_settled_total", "Notices by how they ended", ["state", "way", "template", "reason"]
)
notices_unsettled = Gauge("huiyin_notices_unsettled", "Notices that have not ended", ["state"])
notices_unsettled_age_seconds = Gauge("huiyin_notices_unsettled_age_seconds", "Age of the oldest of them", ["state"])
send_attempts_total = Counter("huiyin_notice_attempts_total", "Attempts to send by result", ["result", "reason"])
send_seconds = Histogram("huiyin_notice_send_seconds", "Time of one attempt", ["result"])
