"""Running clocks as officers see them: due when, by which article, and counted how."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from contracts.lifecycle import Purpose
from services.referrals import explaining
from services.referrals.deadlines import wording
from services.referrals.explaining import Language
from services.referrals.service.clocks import Choice, Explained
from services.referrals.views import Lamp, clock_view


class RegimeDate(BaseModel):
    """What one regime says of the same purpose; `of_record` marks the one that the case is kept to."""

    clock_id: str
    name: str
    article: str
    source: str
    status: str
    period: str
    due_at: datetime
    due: str
    provisional: bool
    of_record: bool


class ExplainedClock(BaseModel):
    """A running clock with every step that was counted and every day that was not, in words and as data.

    `agrees` is false when the recount gives another date than the deadline of record: `recounted_due_at`.
    """

    purpose: str
    clock_id: str
    name: str
    article: str
    source: str
    status: str
    started_at: datetime
    due_at: datetime
    due: str
    provisional: bool
    provisional_note: str | None
    lamp: Lamp
    calendar_version: str
    explanation: list[str]
    trail: list[dict[str, Any]]
    recounted_due_at: datetime | None
    agrees: bool
    regimes: list[RegimeDate]


class CaseClocks(BaseModel):
    """The clocks that run on a case, the one that is due first at the head."""

    items: list[ExplainedClock]
    business_time: datetime


def _regime(choice: Choice, of_record: bool, language: Language) -> RegimeDate:
    rule, due = choice.rule, choice.counted.due
    assert due is not None
    return RegimeDate(
        clock_id=rule.id,
        name=rule.name_zh if language == "zh" else rule.name_en,
        article=rule.basis(language),
        source=choice.regime.source,
        status=choice.regime.status,
        period=explaining.period(rule.amount, rule.unit, language),
        due_at=due.astimezone(UTC),
        due=wording(due, provisional=choice.counted.provisional, language=language),
        provisional=choice.counted.provisional,
        of_record=of_record,
    )


def explained_clock(found: Explained, now: datetime, language: Language) -> ExplainedClock:
    """One clock at business time ``now``."""
    record, rule, counted = found.running.deadline, found.rule, found.counted
    shown = clock_view(found.running, now)
    name = (rule.name_zh if language == "zh" else rule.name_en) if rule else ""
    return ExplainedClock(
        purpose=record.purpose.value if isinstance(record.purpose, Purpose) else str(record.purpose),
        clock_id=record.clock_id,
        name=name,
        article=rule.basis(language) if rule else record.article,
        source=rule.source if rule else "",
        status=rule.status if rule else "",
        started_at=record.started_at,
        due_at=record.due_at,
        due=wording(record.due_at, provisional=record.provisional, language=language),
        provisional=record.provisional,
        provisional_note=explaining.PROVISIONAL[language] if record.provisional else None,
        lamp=shown.lamp,
        calendar_version=record.calendar_version,
        explanation=explaining.lines(counted, language) if counted else [],
        trail=[explaining.as_data(step, language) for step in counted.trail] if counted else [],
        recounted_due_at=counted.due.astimezone(UTC) if counted and counted.due else None,
        agrees=found.agrees,
        regimes=[_regime(choice, choice.rule.id == record.clock_id, language) for choice in found.choices],
    )
