"""Whoever asks, and however: list, search, count, queue, board, page and paper tell of the same cases, and never of one
beyond the officer's sight. Random cases, officers and questions, beside the rule written down once more, plainly.

The rule (信访工作条例 30; 回避): complaints are seen by the units with a part in them and by the supervisors above;
reports by the units that have one now and by the restricted desk, never by an accused unit or one below it; and nothing
by an account that is excluded or recused.
"""

import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from contracts.cases import UnitRef
from contracts.course import Course, Support
from contracts.lifecycle import Act, Channel, Party, Role, Stage, TaskKind, Track
from contracts.messages import Actor, CaseFacts, Task, Transition
from services.chassis.db import Database, Principal
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.domain import UnitKind
from services.referrals.repository.sql import rows
from services.referrals.service.registry import NewAccount
from tests.integration.referrals.browsing import Browser, Browsers
from tests.integration.referrals.office import PEOPLE, TREE, Office, steps_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASES, OFFICERS = 80, 14
SEED = 20261122
UNITS = {unit.unit_id: unit for unit in TREE}
REFS = {unit.unit_id: UnitRef(unit_id=unit.unit_id, name=unit.name, region=unit.region) for unit in TREE}
DESK = "desk"
HOLDERS = ["wj", "wj-a", "jj", "hospital"]
ACCUSED = ["wj", "wj-a", "hospital"]
"""The other units' lists, and cases about them, are other tests' own."""


@dataclass(frozen=True)
class Made:
    """A case as it was made up."""

    step: Transition
    past: frozenset[str]

    @property
    def case_id(self) -> UUID:
        return self.step.facts.case_id

    @property
    def present(self) -> set[str]:
        step = self.step
        seats = [step.desk, step.holder, *(support.unit for support in step.course.supports)]
        return {seat.unit_id for seat in seats if seat is not None}

    @property
    def report(self) -> bool:
        return self.step.facts.track is Track.INTEGRITY or self.step.course.restricted


def path(unit_id: str) -> set[str]:
    """The unit and all above it."""
    above: set[str] = set()
    step: str | None = unit_id
    while step is not None:
        above.add(step)
        step = UNITS[step].parent_id
    return above


def sees(officer: NewAccount, case: Made) -> bool:
    """The rule."""
    own = officer.unit_id
    if own is None or officer.username in (*case.step.course.excluded, *case.step.course.recused):
        return False
    below = {unit for unit in UNITS if own in path(unit)} if Role.SUPERVISOR in officer.roles else {own}
    if not case.report:
        return bool(below & (case.present | case.past))
    if path(own) & set(case.step.respondent_units):
        return False
    if UNITS[own].kind is UnitKind.RESTRICTED_DESK:
        return bool(below & (case.present | case.past))
    return own in case.present


def make_up(rng: random.Random, ids: dict[str, str]) -> list[Transition]:
    """A case in two steps: who had it before, and who has it now."""
    now = datetime.now(UTC)
    track = rng.choice([Track.GENERAL, Track.INTEGRITY])
    desk = REFS["rdesk"] if track is Track.INTEGRITY else REFS[DESK]
    before, holder = rng.choice([None, *HOLDERS]), rng.choice([None, *HOLDERS])
    accused = tuple(rng.sample(ACCUSED, rng.choice([0, 0, 1, 2])))
    helping = rng.sample(HOLDERS, rng.choice([0, 0, 1]))
    shut_out = rng.sample(sorted(ids), rng.choice([0, 0, 3]))
    recused = rng.sample(sorted(ids), rng.choice([0, 0, 3]))
    course = Course(
        restricted=rng.random() < 0.2,
        urgent=rng.random() < 0.2,
        excluded=tuple(ids[username] for username in shut_out),
        recused=tuple(ids[username] for username in recused),
        supports=tuple(Support(unit=REFS[unit], asked_sequence=1) for unit in helping if unit != holder),
    )
    stage = rng.choice([Stage.TRIAGE, Stage.PENDING_DISPATCH, Stage.HANDLING, Stage.CLOSED, Stage.ARCHIVED])
    task_of = {Stage.TRIAGE: (TaskKind.TRIAGE, Role.CLERK), Stage.HANDLING: (TaskKind.HANDLE, Role.HANDLER)}
    kind = task_of.get(stage)
    at_unit = holder if stage is Stage.HANDLING and holder else desk.unit_id
    facts = CaseFacts(
        case_id=uuid4(),
        case_number=f"HYB{uuid4().hex[:10].upper()}",
        complaint_ids=(uuid4(),),
        channel=Channel.WEB,
        track=track,
        category="1101" if track is Track.GENERAL else "0801",
        region="370102",
        named=False,
        respondent_count=len(accused),
        submitted_at=now,
    )
    first = Transition(
        facts=facts,
        sequence=1,
        changed_sequence=1,
        act=Act.REGISTER,
        actor=Actor(party=Party.SYSTEM),
        at=now,
        from_stage=Stage.SUBMITTED,
        to_stage=Stage.TRIAGE,
        desk=desk,
        holder=REFS[before] if before else None,
    )
    second = first.model_copy(
        update={
            "sequence": 2,
            "changed_sequence": 2,
            "act": Act.TRANSFER,
            "from_stage": Stage.TRIAGE,
            "to_stage": stage,
            "holder": REFS[holder] if holder else None,
            "respondent_units": accused,
            "linked": bool(accused),
            "course": course,
            "task": Task(kind=kind[0], unit_id=at_unit, role=kind[1], opened_sequence=2) if kind else None,
        }
    )
    return [first, second]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made(office: Office, db: Database) -> AsyncIterator[list[Made]]:
    """Cases of every sort, recorded as steps are."""
    rng = random.Random(SEED)
    known = await office.get("admin", "/v1/accounts")
    ids = {row["username"]: row["account_id"] for row in known.json()["items"]}
    steps, found = steps_of(db, StateCouncilCalendar()), []
    by_id = {account_id: username for username, account_id in ids.items()}
    for _ in range(CASES):
        taken = make_up(rng, ids)
        for step in taken:
            await steps.record(step)
        last = taken[-1]
        kept = {field: getattr(last.course, field) for field in ("excluded", "recused")}
        named = last.course.model_copy(
            update={field: tuple(by_id[one] for one in accounts) for field, accounts in kept.items()}
        )
        holder = taken[0].holder
        found.append(
            Made(last.model_copy(update={"course": named}), frozenset({holder.unit_id}) if holder else frozenset())
        )
    yield found


def officers(rng: random.Random) -> list[NewAccount]:
    """Some of everybody, and always a supervisor above, one of a restricted desk, and one of an accused unit."""
    always = ("supervisor.wj", "supervisor.rdesk", "handler.hospital")
    chosen = [account for account in PEOPLE if account.username in always]
    others = [account for account in PEOPLE if account.unit_id is not None and account not in chosen]
    return [*chosen, *rng.sample(others, OFFICERS - len(chosen))]


async def listed(office: Office, username: str, path: str, **query: str) -> list[str]:
    """Every row's case, over all pages."""
    found: list[str] = []
    after: str | None = None
    while True:
        answer = await office.get(username, path, limit=50, **query, **({"after": after} if after else {}))
        assert answer.status_code == 200, answer.text
        found += [item["case_id"] for item in answer.json()["items"]]
        after = answer.json()["next"]
        if after is None:
            return found


async def shown(browser: Browser, path: str) -> set[str]:
    """Every case that a list on a page links to, over all pages."""
    found: set[str] = set()
    following: str | None = path
    while following:
        page = (await browser.get(following)).answer.text
        found |= set(re.findall(r"/workbench/cases/([0-9a-f-]{36})", page))
        after = re.search(r'href="([^"]+)" rel="next"', page)
        following = after[1].replace("&amp;", "&") if after else None
    return found


@pytest.mark.parametrize("account", officers(random.Random(SEED)), ids=lambda account: account.username)
async def test_every_way_of_asking_shows_the_same_cases(
    account: NewAccount, office: Office, db: Database, browsers: Browsers, made: list[Made]
) -> None:
    username, rng = account.username, random.Random(f"{SEED} {account.username}")
    mine = {str(case.case_id) for case in made}
    expected = {str(case.case_id) for case in made if sees(account, case)}

    everything = await listed(office, username, "/v1/cases")
    assert len(everything) == len(set(everything))
    assert set(everything) & mine == expected

    counted = (await office.get(username, "/v1/stats")).json()["by_stage"]
    assert sum(row["cases"] for row in counted) == len(everything)
    for stage in ("TRIAGE", "HANDLING", "ARCHIVED"):
        of_stage = await listed(office, username, "/v1/cases", stage=stage)
        assert sum(row["cases"] for row in counted if row["stage"] == stage) == len(of_stage)
        assert {case for case in of_stage if case in mine} == {
            str(case.case_id) for case in made if str(case.case_id) in expected and case.step.to_stage == stage
        }

    browser = await browsers.of(username)
    assert await shown(browser, "/workbench/search") & mine == expected
    for path in ("/v1/queues/unit", "/v1/queues/mine"):
        assert set(await listed(office, username, path)) & mine <= expected
    for path in ("/workbench/unit", "/workbench/mine", "/workbench/board?watch=OPEN", "/workbench/board?watch=OVERDUE"):
        assert await shown(browser, path) & mine <= expected

    for case in rng.sample(made, 12):
        case_id, number = str(case.case_id), case.step.facts.case_number
        may = case_id in expected
        by_number = (await office.get(username, "/v1/cases", case_number=number)).json()["items"]
        assert [item["case_id"] for item in by_number] == ([case_id] if may else [])
        for way in ("", "/clocks", "/routes", "/duplicates", "/exports", "/transfer-records"):
            answer = await office.get(username, f"/v1/cases/{case_id}{way}")
            assert (answer.status_code != 404) is may, (way, answer.text)
        papers = await office.post(username, f"/v1/cases/{case_id}/grants", {"purpose": "TRIAGE"})
        assert may or papers.status_code == 404
        assert may or (await browser.get(f"/workbench/cases/{case_id}")).status == 404


@pytest.mark.parametrize("account", officers(random.Random(SEED)), ids=lambda account: account.username)
async def test_past_the_first_wall_the_second_one_holds_to_the_same_line(
    account: NewAccount, office: Office, db: Database, made: list[Made]
) -> None:
    """Statements that ask for everything, in the officer's name: what the database itself lets through."""
    current = (await office.get(account.username, "/v1/sessions/current")).json()
    own = account.unit_id or ""
    below = [unit for unit in UNITS if own in path(unit)] if Role.SUPERVISOR in account.roles else [own]
    units = (own, *(unit for unit in below if unit != own))
    restricted = UNITS[own].kind is UnitKind.RESTRICTED_DESK
    expected = {case.case_id for case in made if sees(account, case)}
    async with db.read(Principal("officer", current["account_id"], units, restricted)) as session:
        for table in ("cases", "case_history", "case_units", "case_respondents", "tasks"):
            found = await rows(session, f"SELECT DISTINCT case_id FROM {table}")
            seen = {row["case_id"] for row in found} & {case.case_id for case in made}
            assert seen <= expected, table
            if table in ("cases", "case_history", "case_units"):
                assert seen == expected, table


async def test_the_cases_put_the_rule_to_the_test(made: list[Made]) -> None:
    """Each clause of it decides for somebody."""
    people = [account for account in PEOPLE if account.unit_id is not None]
    pairs = [(account, case) for account in people for case in made]
    seat = [(account, case) for account, case in pairs if account.unit_id in case.present]
    assert any(not sees(account, case) and account.username in case.step.course.excluded for account, case in seat)
    assert any(not sees(account, case) and account.username in case.step.course.recused for account, case in seat)
    accused = [
        (account, case) for account, case in seat if path(account.unit_id or "") & set(case.step.respondent_units)
    ]
    assert any(not sees(account, case) for account, case in accused if case.report)
    assert any(sees(account, case) for account, case in accused if not case.report)
    assert any(sees(account, case) for account, case in pairs if account.unit_id not in case.present | case.past)
    assert any(not sees(account, case) for account, case in pairs if account.unit_id in case.past and case.report)
