"""The closing table of the demonstration: what became of each case, read back through the public APIs."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table

from contracts.cases import OUTCOME_ZH, Outcome
from contracts.lifecycle import Act, HandoverKind, Stage
from contracts.terms import KIND_ZH, STAGE_ZH
from deploy.demo.driver import Played
from deploy.demo.plan import acts

CHANNEL_ZH = {"HOTLINE": "热线", "MINI_PROGRAM": "小程序", "WEB": "网页"}
WAY_ZH = {
    Act.REJECT: "不予受理",
    Act.SUPPLEMENT: "补充材料",
    Act.SUPPLEMENT_LAPSED: "逾期未补充",
    Act.SPLIT: "拆单",
    Act.MERGE: "并入他件",
    Act.ABSORB: "并案主件",
    Act.HAND_TO_DESK: "移交外地",
    Act.DESIGNATE: "两次退回,指定管辖",
    Act.TRANSFER: "部门间移送",
    Act.ADD_SUPPORT: "主办协办",
    Act.GRANT_EXTENSION: "延期",
    Act.SUSPEND_CLOCK: "中止计时",
    Act.URGE: "超期催办",
    Act.REVIEW_FAIL: "审核退回",
    Act.SILENCE_LAPSED: "逾期未评价",
}
"""The acts that give a way its name: hand-overs first, what may happen beside them after."""
TOLD_ZH = {"DELIVERED": "已送达", "FAILED": "未送达", "SKIPPED": "查询页"}


@dataclass(frozen=True)
class Line:
    """One case of the table. ``way``: what sets it apart; ``path``: its units; ``days``: from acceptance to the answer,
    and its limit."""

    case_number: str
    title: str
    channel: str
    track: str
    way: str
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
    if view["stage"] == "MERGED":
        outcome += "·由主件答复"
    return Line(
        played.receipt.case_number,
        played.sample.title,
        CHANNEL_ZH[played.sample.channel],
        "举报" if view["facts"]["track"] == "INTEGRITY" else "投诉",
        way(view, played.refusals),
        _path(view["timeline"], view["course"]["receiver"]),
        _days(view["timeline"]),
        outcome,
        _told(deliveries),
    )


def way(view: dict[str, Any], refusals: list[str]) -> str:
    """The name of the way that a case has gone, a line for each thing that sets it apart."""
    done, course = acts(view), view["course"]
    names = ["拒转被举报单位"] if refusals else []
    names += ["拆出的投诉"] if course["extract"] else []
    names += [name for act, name in WAY_ZH.items() if act in done]
    if course["kind"] in (HandoverKind.ASSIGN, HandoverKind.FORWARD) and not course["designated"]:
        names.append(KIND_ZH[HandoverKind(course["kind"])])
    if course["receiver"]:
        keyed_in = any(
            step["act"] == Act.RECORD_RECEIPT and step["unit_id"] != course["receiver"]["unit_id"]
            for step in view["timeline"]
        )
        names.append("移送(系统外)" if keyed_in else "双向移送")
    if view["redo_count"]:
        names.append("不满意重办")
    return "\n".join(names or ["默认签收" if Act.SIGN_LAPSED in done else "转办"])


def _path(timeline: list[dict[str, Any]], receiver: dict[str, Any] | None) -> str:
    names: list[str] = []
    for step in timeline:
        unit = (step.get("holder") or step["desk"])["name"]
        moved = step["act"] in (Act.REGISTER, Act.SPLIT, Act.HAND_TO_DESK, Act.DISPATCH, Act.TRANSFER, Act.DESIGNATE)
        if moved and (not names or names[-1] != unit):
            names.append(unit)
    return "\n→ ".join([*names, receiver["name"]] if receiver else names)


_MOVES = (Act.ACCEPT, Act.GRANT_EXTENSION, Act.RESUME_CLOCK)
"""The acts that set the deadline of the answer, or set it anew."""


def _days(timeline: list[dict[str, Any]]) -> str:
    first = next((step for step in timeline if step["act"] == "ACCEPT"), None)
    last = next((step for step in timeline if step["to_stage"] == "PENDING_VISIT"), None)
    if first is None or last is None or first["due_at"] is None:
        return "—"
    start = datetime.fromisoformat(first["at"])
    took = (datetime.fromisoformat(last["at"]) - start).total_seconds() / 86400
    moved = [step["due_at"] for step in timeline if step["act"] in _MOVES and step["due_at"]]
    limit = (datetime.fromisoformat(moved[-1]) - start).total_seconds() / 86400
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


ROOMY = 110
"""Columns of a terminal from which on each thing has a column of its own."""


def table(lines: list[Line], width: int) -> Table:
    """The lines for a terminal of ``width`` columns, from 80: on a narrow one more stands above one another."""
    roomy = width >= ROOMY
    shown = Table(
        title="件件有回音",
        title_style="bold",
        header_style="bold",
        box=box.HORIZONTALS,
        show_lines=True,
        padding=(0, 1),
    )
    shown.add_column("编号 / 事项" if roomy else "编号 / 事项 / 路径", no_wrap=True)
    if roomy:
        shown.add_column("路径", no_wrap=True)
    shown.add_column("经过单位", min_width=26)
    if roomy:
        shown.add_column("天数 / 时限", no_wrap=True)
    shown.add_column("结果 / 告知" if roomy else "结果 / 天数 / 告知")
    for row in lines:
        case = f"{row.case_number}\n{row.title}\n{row.channel}·{row.track}"
        if roomy:
            shown.add_row(case, row.way, row.path, row.days, f"{row.outcome}\n{row.told}")
        else:
            shown.add_row(f"{case}\n{row.way}", row.path, f"{row.outcome}\n{row.days}\n{row.told}")
    return shown
