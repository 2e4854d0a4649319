"""The life of a case as a page: the table of stage × act × role and a state diagram, from contracts/lifecycle."""

from collections.abc import Iterable, Sequence
from datetime import date

from contracts.lifecycle import DUTY, FINAL, INSTEAD, LAPSE, RULES, TOLD_TO_REPORTER, Act, Party, Purpose, Rule, Stage
from contracts.reference.tables import Line
from contracts.terms import ACT_ZH, STAGE_ZH

HEAD = """# The life of a case

Made from `contracts/lifecycle` by `python -m deploy.docs`. The same table drives the workflow and what each page and
each answer of the API says is legal now; how units, kinds of hand-over and running clocks narrow it further is in
`contracts/judge.py` and in `contracts/reference/transfers.csv`, `handovers.csv` and `suspensions.csv`.
"""

NO_BEGINNING = date(2000, 1, 1)

KEY = """*Who* is a role at a seat: the desk, the holder (主办), a helper (协办), the arbiter who designates, the
receiver of a referral (移送), the sender of it (the holder, or the desk for want of one); without a seat any unit
that sees the case. `a / b` after *needs*: b may stand in for a; in brackets: what it may bring beside. A stage in
brackets: it stays there. Where LINK_RESPONDENTS or CORRECT_RESPONDENTS show that a report's holder, receiver or
arbiter is accused, the case leaves it for PENDING_DISPATCH at once.
"""

NARROWED = {
    (Act.SUPPLEMENT, Stage.SUPPLEMENT): (Stage.TRIAGE,),
    (Act.REPLY, Stage.REFERRED): (Stage.FEEDBACK,),
    (Act.RATE, Stage.CLOSED): (Stage.CLOSED,),
}
"""Where the stage decides more than the row says (workflows/decide.py)."""


def text() -> str:
    """The whole document."""
    lines = [HEAD, "## Stages", "", *_stages(), "", "## State diagram", "", *_diagram(), ""]
    lines += ["## Acts in each stage", "", KEY]
    for stage in Stage:
        if stage not in FINAL:
            lines += [f"### {stage} {STAGE_ZH[stage]}", "", *_acts(stage), ""]
    return "\n".join(lines)


def targets(rule: Rule, stage: Stage) -> tuple[Stage, ...]:
    """Where an act can lead from a stage; the stage itself where it stays."""
    if (rule.act, stage) in NARROWED:
        return NARROWED[rule.act, stage]
    if rule.to is not None:
        return (rule.to,)
    wide = rule.decided == rule.stages  # what may be done in every open stage rarely leaves it
    return (stage,) if wide or not rule.decided else rule.decided


def _stages() -> Iterable[str]:
    rows = []
    for stage in Stage:
        duty = DUTY.get(stage)
        ends = [f"{act} ({purpose})" for purpose, act in LAPSE.items() if _ends(stage, purpose)]
        task = (duty.kind, f"{duty.role} at {duty.seat}") if duty else ("", "")
        rows.append([stage.value, STAGE_ZH[stage], *task, ", ".join(ends)])
    return table(("stage", "阶段", "task", "whose", "ended by a clock"), rows)


def _ends(stage: Stage, purpose: Purpose) -> bool:
    rule = next(rule for rule in RULES if rule.act is LAPSE[purpose])
    return stage in rule.stages and (rule.to is not None or bool(rule.starts))


def _diagram() -> Iterable[str]:
    """Moves between stages; acts with the same ends share an arrow."""
    arrows: dict[tuple[Stage, Stage], list[str]] = {}
    for rule in RULES:
        for stage in rule.stages:
            for to in targets(rule, stage):
                if to is not stage:
                    arrows.setdefault((stage, to), []).append(ACT_ZH[rule.act])
    yield "```mermaid"
    yield "stateDiagram-v2"
    for stage in Stage:
        yield f'    state "{STAGE_ZH[stage]}" as {stage}'
    yield f"    [*] --> {Stage.SUBMITTED}"
    for (start, to), acts in arrows.items():
        yield f"    {start} --> {to}: {'、'.join(acts)}"
    for stage in sorted(FINAL):
        yield f"    {stage} --> [*]"
    yield "```"


def _acts(stage: Stage) -> Iterable[str]:
    rows = [
        [
            f"{rule.act}<br>{ACT_ZH[rule.act]}", _who(rule), _fields(rule),
            ", ".join(f"({to})" if to is stage else to.value for to in targets(rule, stage)),
            ", ".join(rule.starts), ", ".join(rule.stops), "yes" if rule.act in TOLD_TO_REPORTER else "",
        ]
        for rule in RULES
        if stage in rule.stages
    ]  # fmt: skip
    return table(("act", "who", "needs", "leads to", "starts clocks", "stops clocks", "reporter told"), rows)


def _who(rule: Rule) -> str:
    if rule.party is not Party.OFFICER:
        return "the reporter" if rule.party is Party.REPORTER else "the system"
    who = " or ".join(rule.roles) or "whose task it is"
    return f"{who} at {' or '.join(rule.seats)}" if rule.seats else who


def _fields(rule: Rule) -> str:
    needs = [f"{need} / {INSTEAD[need]}" if need in INSTEAD else need.value for need in rule.needs]
    return ", ".join([*needs, *(f"[{field}]" for field in rule.may)])


def since(line: Line) -> str:
    """From when a row applies; empty where no beginning is known."""
    day: date = line.values["effective_from"]
    return "" if day == NO_BEGINNING else day.isoformat()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """A Markdown table, line by line."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"
