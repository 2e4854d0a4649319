"""Reminders fall in the unit's working hours, unless they are urgent; whatever else a step says never waits."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from contracts import reference
from contracts.cases import UnitRef
from contracts.lifecycle import Act, Purpose, Stage
from contracts.messages import Transition
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import CHINA
from services.referrals.service.reminding import remind_at
from tests.unit.referrals.test_steps import deadline, step

HOURS = "unit,morning_from,morning_to,afternoon_from,afternoon_to,source,status,effective_from\n"
HOLDER = UnitRef(unit_id="wj", name="w", region="370100")


@pytest.fixture
def own_hours(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "working_hours.csv").write_text(
        HOURS + "wj,08:30,11:30,14:00,18:00,本局作息,V,2026-01-01\n", encoding="utf-8"
    )
    reference.use(tmp_path)
    yield
    reference.use(None)


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def reminder(
    act: Act, at: str, *, clock: str = "HOSP-2", due: str = "2026-04-30", category: str = "0401"
) -> Transition:
    about = deadline(Purpose.HANDLE).model_copy(update={"clock_id": clock, "due_at": china(due)})
    done = step(act, Stage.HANDLING, Stage.HANDLING, at=china(at), holder=HOLDER, deadline=about)
    return done.model_copy(update={"facts": done.facts.model_copy(update={"category": category})})


def moments(done: Transition) -> dict[str, str]:
    found = remind_at(done, StateCouncilCalendar())
    return {moment.unit_id: moment.at.astimezone(CHINA).strftime("%m-%d %H:%M") for moment in found}


@pytest.mark.parametrize(
    ("at", "desk", "holder"),
    [
        ("2026-03-03T00:00", "03-03 09:00", "03-03 08:30"),
        ("2026-03-03T11:45", "03-03 11:45", "03-03 14:00"),
        ("2026-03-03T17:45", "03-04 09:00", "03-03 17:45"),
        ("2026-04-03T20:00", "04-07 09:00", "04-07 08:30"),  # 清明
    ],
)
def test_each_unit_is_reminded_when_it_works(own_hours: None, at: str, desk: str, holder: str) -> None:
    assert moments(reminder(Act.OVERDUE, at)) == {"desk": desk, "wj": holder}


def test_other_steps_never_wait() -> None:
    assert moments(reminder(Act.URGE, "2026-03-03T03:00")) == {}
    assert moments(step(Act.OVERDUE, Stage.HANDLING, Stage.HANDLING)) == {}


def test_what_is_urgent_is_not_held_back() -> None:
    urgent = next(code for code, category in reference.categories().items() if category.priority == "HIGH")
    assert moments(reminder(Act.OVERDUE, "2026-03-03T03:00", category=urgent)) == {}
    hours = next(rule.id for rule in reference.clock_rules().values() if rule.unit in ("hour", "minute"))
    assert moments(reminder(Act.OVERDUE, "2026-03-03T03:00", clock=hours)) == {}


def test_a_warning_is_not_held_beyond_the_deadline() -> None:
    assert moments(reminder(Act.DUE_SOON, "2026-03-03T20:00", due="2026-03-04")) == {}
    assert moments(reminder(Act.DUE_SOON, "2026-03-03T20:00", due="2026-03-05")) != {}
