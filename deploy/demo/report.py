"""The closing table of the demonstration: what became of each case, read back through the public APIs."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table

from contracts.cases import OUTCOME_ZH, Outcome
from contracts.lifecycle import Stage
from contracts.terms import STAGE_ZH
from deploy.demo.driver import Played

CHANNEL_ZH = {"HOTLINE": "热线", "MINI_PROGRAM": "小程序", "WEB": "网页"}
TOLD_ZH = {"DELIVERED": "已送达", "FAILED": "未送达", "SKIPPED": "查询页"}


@dataclass(frozen=True)
class Line:
    """One case of the table. ``days``: from acceptance to the reviewed reply, and its limit."""

    case_number: str
    title: str
    channel: str
    track: str
    path: str
    days: str
    outcome: str
    told: str


def line(played: Played, deliveries: list[dict[str, Any]]) -> Line:
    """The line of one played case."""
    view = played.view
    outcome = STAGE_ZH[Stage(view["stage"])]
    if view.get("outcome") and view["stage"] != "REJECTED":
        outcome += f"·{OUTCOME_ZH[Outcome(view['outcome'])]}"
    if view["redo_count"]:
        outcome += "·重办"
    return Line(
        played.receipt.case_number,
        played.sample.title,
        CHANNEL_ZH[played.sample.channel],
        "举报" if view["facts"]["track"] == "INTEGRITY" else "投诉",
        _path(view["timeline"], played.refusals),
        _days(view["timeline"]),
        outcome,
        _told(deliveries),
    )


def _path(timeline: list[dict[str, Any]], refusals: list[str]) -> str:
    names: list[str] = []
    for step in timeline:
        unit = (step.get("holder") or step["desk"])["name"]
        if step["act"] in ("REGISTER", "HAND_TO_DESK", "DISPATCH", "TRANSFER") and (not names or names[-1] != unit):
            names.append(unit)
    path = "\n→ ".join(names)
    return f"{path}\n× 转被举报单位:拒绝" if refusals else path


def _days(timeline: list[dict[str, Any]]) -> str:
    first = next((step for step in timeline if step["act"] == "ACCEPT"), None)
    last = next((step for step in timeline if step["act"] == "REVIEW_PASS"), None)
    if first is None or last is None or first["due_at"] is None:
        return "—"
    start = datetime.fromisoformat(first["at"])
    took = (datetime.fromisoformat(last["at"]) - start).total_seconds() / 86400
    limit = (datetime.fromisoformat(first["due_at"]) - start).total_seconds() / 86400
    marks = ["超期"] * (took > limit) + ["暂定"] * first["provisional"]
    return "\n".join([f"{took:.1f} / {limit:.1f}", *marks])


def _told(deliveries: list[dict[str, Any]]) -> str:
    counts = Counter(row["state"] for row in deliveries if row["recipient"] == "reporter")
    mails = counts["DELIVERED"]
    parts = [f"邮件 {mails} 封"] if mails else ["查询页"]
    if counts["FAILED"]:
        parts.append(f"失败 {counts['FAILED']}")
    waiting = sum(counts.values()) - sum(counts[state] for state in TOLD_ZH)
    if waiting:
        parts.append(f"待发 {waiting}")
    return ",".join(parts)


def table(lines: list[Line]) -> Table:
    """The lines for a terminal, also a narrow one: what belongs together stands above one another."""
    shown = Table(
        title="件件有回音",
        title_style="bold",
        header_style="bold",
        box=box.HORIZONTALS,
        show_lines=True,
        padding=(0, 1),
    )
    shown.add_column("编号 / 事项", no_wrap=True)
    shown.add_column("经过单位", min_width=26)
    shown.add_column("天数 / 时限", no_wrap=True)
    shown.add_column("结果 / 告知")
    for row in lines:
        shown.add_row(
            f"{row.case_number}\n{row.title}\n{row.channel}·{row.track}",
            row.path,
            row.days,
            f"{row.outcome}\n{row.told}",
        )
    return shown
