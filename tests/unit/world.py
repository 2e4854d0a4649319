"""A small world for the model of the case: two cities and their province, officers, cases, and the real rules.

Nothing here decides anything: moves, steps and verdicts are those of the workflow and the service; only the database,
the engine and the wall clock are away.
"""

import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from contracts import judge
from contracts.cases import Deadline, Outcome
from contracts.clock import wall_clock
from contracts.lifecycle import (
    ADMINISTRATORS,
    FINAL,
    RULE,
    Act,
    Field,
    HandoverKind,
    Party,
    Role,
    Rule,
    Stage,
    Supervision,
    Track,
)
from contracts.messages import (
    Actor,
    ArbiterRequest,
    BypassRequest,
    CaseState,
    ClockChange,
    ClockRequest,
    ClockVerdict,
    Command,
    GroundCheck,
    GroundVerdict,
    Joined,
    LinkCheck,
    LinkVerdict,
    MergeCheck,
    ReporterMessage,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    Succession,
)
from services.referrals import domain, verdicts
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.domain import Level, Unit, UnitKind
from services.referrals.service import clocks as counted
from tests.workflow.office import document, new_case
from workflows import clocks, decide, handover, joining, reorganising, splitting, stepping
from workflows.handover import Moves
from workflows.parts import Move
from workflows.transitions import transition

SYSTEM, REPORTER = Actor(party=Party.SYSTEM), Actor(party=Party.REPORTER)
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
R = TypeVar("R")


def _unit(unit_id: str, kind: UnitKind, region: str, *above: str, department: str | None = None, **more: Any) -> Unit:
    level = Level.PROVINCE if region.endswith("0000") else Level.CITY
    return Unit(unit_id, unit_id, level, kind, region, (*above, unit_id), department, **more)


UNITS = {
    unit.unit_id: unit
    for unit in (
        _unit("rdesk-p", UnitKind.RESTRICTED_DESK, "990000"),
        _unit("wj-p", UnitKind.DEPARTMENT, "990000", department="WJ"),
        _unit("conf-p", UnitKind.CONFERENCE, "990000"),
        _unit("desk-a", UnitKind.DESK, "990100"),
        # Housed with the health commission: a report about that one can't stay here.
        _unit("rdesk-a", UnitKind.RESTRICTED_DESK, "990100", "wj-p", "wj-a"),
        _unit("wj-a", UnitKind.DEPARTMENT, "990100", "wj-p", department="WJ"),
        _unit("yb-a", UnitKind.DEPARTMENT, "990100", department="YB"),
        _unit("jj-a", UnitKind.DEPARTMENT, "990100", department="JJ"),
        _unit("ga-a", UnitKind.DEPARTMENT, "990100", department="GA", on_system=False),
        _unit("hosp-a", UnitKind.INSTITUTION, "990100", "wj-p", "wj-a"),
        _unit("desk-b", UnitKind.DESK, "990200"),
        _unit("rdesk-b", UnitKind.RESTRICTED_DESK, "990200"),
        _unit("wj-b", UnitKind.DEPARTMENT, "990200", "wj-p", department="WJ"),
    )
}
ROLES = tuple(role for role in Role if role not in {*ADMINISTRATORS, Role.ADMIN})
OFFICERS = tuple(
    Actor(party=Party.OFFICER, account_id=f"{unit.unit_id}-{number}", unit_id=unit.unit_id, roles=ROLES)
    for unit in UNITS.values()
    if unit.on_system
    for number in (1, 2)
) + tuple(
    Actor(party=Party.OFFICER, account_id=f"{unit.unit_id}-3", unit_id=unit.unit_id, roles=(Role.LEADER,))
    for unit in UNITS.values()
    if unit.on_system and unit.kind is UnitKind.DEPARTMENT
)
GROUNDS = ("COMPETENCE", "SUSPECTED_CRIME", "XF-22")
PAPERS = ((), ("TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY"))
ACCUSABLE = ("hosp-a", "wj-a", "wj-p", "wj-b", "yb-a", "jj-a", "ga-a")


def parts(state: CaseState) -> Iterator[str]:
    """The ids of the units with a part in the case now."""
    course = state.course
    superior = course.major.superior if course.major else None
    helpers = (support.unit for support in course.supports)
    named = (state.desk, state.holder, course.arbiter, course.receiver, superior, *helpers)
    yield from (unit.unit_id for unit in named if unit is not None)
    yield from (task.unit_id for task in (*judge.tasks_beside(course, state.holder), state.task) if task is not None)


def done(work: Coroutine[Any, Any, R]) -> R:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: R = stop.value
        return result
    raise AssertionError("the core waits for something")


@dataclass
class World:
    """Cases, what they have told one another and not heard yet, and the time."""

    cases: dict[UUID, CaseState] = field(default_factory=dict)
    words: list[tuple[UUID, Joined]] = field(default_factory=list)
    now: datetime = START
    split_by: dict[UUID, str | None] = field(default_factory=dict)
    """The unit that split a case, by the case that keeps the rest."""

    # -- the service, in memory

    async def ask(self, port: Any, argument: Any) -> Any:
        return getattr(self, port.__name__)(argument)

    def route_intake(self, request: RouteRequest) -> RouteVerdict:
        desk = domain.desk_for(request.track, request.region, UNITS.values())
        assert desk is not None
        return RouteVerdict(unit=desk.ref())

    def check_route(self, check: RouteCheck) -> RouteVerdict:
        return verdicts.route(check, UNITS)

    def check_ground(self, check: GroundCheck) -> GroundVerdict:
        return verdicts.ground(check)

    def check_respondents(self, check: LinkCheck) -> LinkVerdict:
        case = self.cases[check.case_id]
        assert case.desk is not None
        wanted = {*check.unit_ids, case.desk.unit_id, check.holder_id, *check.other_ids}
        known = {unit_id: unit for unit_id, unit in UNITS.items() if unit_id in wanted}
        return verdicts.link(check, case.desk.unit_id, judge.guarded(case), known)

    def find_arbiter(self, request: ArbiterRequest) -> RouteVerdict:
        return verdicts.arbiter(request, list(UNITS.values()))

    def find_bypass(self, request: BypassRequest) -> RouteVerdict:
        return verdicts.bypass(request, list(UNITS.values()))

    def check_merge(self, check: MergeCheck) -> RouteVerdict:
        main, triaged = self.cases.get(check.main_case_id), self.cases[check.case_id].stage is Stage.TRIAGE
        split_here = self.split_by.get(check.main_case_id) == check.desk_id
        return verdicts.merge(check, main, split_here=split_here, triaged=triaged)  # type: ignore[arg-type]

    def change_clock(self, change: ClockChange) -> ClockVerdict:
        return counted.changed(change, StateCouncilCalendar())

    def set_clocks(self, requests: list[ClockRequest]) -> list[Deadline]:
        calendar = StateCouncilCalendar()
        return [counted.deadline(request, UNITS.get(request.unit_id or ""), calendar) for request in requests]

    # -- what happens

    def begin(self, state: CaseState) -> UUID:
        """A case is registered at the desk of its place."""
        facts = state.facts
        self.cases[facts.case_id] = state.model_copy(update={"business_clock": wall_clock(START)})
        desk = self.route_intake(
            RouteRequest(case_id=facts.case_id, track=facts.track, category=facts.category, region=facts.region)
        ).unit
        self._step(facts.case_id, Act.REGISTER, SYSTEM, Move(decide.effect(state, Act.REGISTER), {"desk": desk}))
        return facts.case_id

    def new(self, track: Track, category: str | None = None) -> UUID:
        """A complaint or report comes in."""
        state = new_case(track)
        facts = state.facts.model_copy(update={"category": category or state.facts.category})
        return self.begin(state.model_copy(update={"facts": facts}))

    def does(self, case_id: UUID, command: Command) -> str | None:
        """An officer acts; the refusal's code when it is refused."""
        before = self.cases[case_id]
        refusal = decide.refusal(before, command)
        if refusal is not None:
            return refusal
        try:
            move = done(Moves(self.ask, lambda _: True).of(before, command, self.now))
        except handover.Refused as refused:
            return str(refused)
        self._step(case_id, command.act, command.actor, move, command)
        if command.act is Act.SPLIT:
            self.split_by[case_id] = command.actor.unit_id
            self.begin(splitting.split_off(before, command))
        news = joining.news(before, self.cases[case_id], command)
        if news is not None:
            self.words.append(news)
        return None

    def says(self, case_id: UUID, message: ReporterMessage) -> None:
        """The reporter says something more."""
        move = stepping.heard(self.cases[case_id], message)
        if move is not None:
            self._step(case_id, message.act, REPORTER, move, satisfaction=message.satisfaction)

    def hears(self) -> None:
        """One word between two cases arrives."""
        case_id, joined = self.words.pop(0)
        state = self.cases[case_id]
        if joining.declines(state, joined):
            self.words.append(joining.refused(state, joined))
            return
        move = joining.move(state, joined)
        if move is not None:
            self._step(case_id, joined.act, SYSTEM, move)

    def passes(self, case_id: UUID) -> bool:
        """Time runs to the next thing that a clock of the case demands; False when there is none."""
        state = self.cases[case_id]
        due = clocks.next_due(state.clocks, self.now)
        if due is None or state.stage in FINAL:
            return False
        self.now = max(self.now, due.at)
        self._step(case_id, due.act, SYSTEM, stepping.lapsed(state, due))
        if due.act is Act.ARCHIVE:
            self.words.extend(joining.ended(self.cases[case_id]))
        return True

    def succeeds(self, case_id: UUID, unit_id: str, successor: str) -> None:
        """A unit is merged into another, which takes its seats."""
        state, heir = self.cases[case_id], UNITS[successor]
        respondents = set(state.respondent_units)
        if unit_id in respondents:
            respondents.add(successor)
        accused = [it for it in {*parts(state), successor} if domain.accused(UNITS[it], respondents)]
        desk = successor if state.desk and state.desk.unit_id == unit_id else state.desk and state.desk.unit_id
        above = domain.desk_above(UNITS[desk or ""], respondents, UNITS.values())
        said = Succession(
            unit_id=unit_id,
            successor=heir.ref(),
            accused_ids=tuple(accused),
            desk=above.ref() if above and desk in accused else None,
        )
        move = reorganising.succeeded(state, said)
        if move is not None and state.stage in RULE[Act.SUCCEED].stages:
            self._step(case_id, Act.SUCCEED, SYSTEM, move)

    def _step(
        self,
        case_id: UUID,
        act: Act,
        actor: Actor,
        move: Move,
        command: Command | None = None,
        satisfaction: int | None = None,
    ) -> None:
        old = self.cases[case_id]
        wanted = stepping.wanted(old, move, self.now)
        new = stepping.stepped(old, act, move, self.set_clocks(wanted), command, satisfaction)
        transition(old, new, act, actor, self.now, command, None)
        assert old.stage in RULE[act].stages, f"{act} is no act of {old.stage}"
        self.cases[case_id] = new

    # -- what may be done

    def alone(self, case_id: UUID) -> "World":
        """The same world, to try things in."""
        return World(dict(self.cases), list(self.words), self.now, dict(self.split_by))

    def commands(self, case_id: UUID, officer: Actor, rule: Rule) -> Iterator[Command]:
        """The ways in which an officer can do a legal act: to each unit, on each clock, with each ground."""
        state = self.cases[case_id]
        plain = self._complete(state, officer, rule)
        match rule.act:
            case Act.LINK_RESPONDENTS | Act.CORRECT_RESPONDENTS | Act.SPLIT:
                wished: list[dict[str, Any]] = [{"respondent_units": (unit_id,)} for unit_id in ACCUSABLE]
                wished.append({"respondent_units": ()})
                wished.append({"respondent_units": ("hosp-a", "yb-a")})
            case Act.RECLASSIFY:
                wished = [{"category": code, "track": track} for code in ("0801", "0802") for track in (None, *Track)]
            case Act.DISPATCH | Act.TRANSFER:
                wished = [{"unit_id": unit_id, "kind": kind} for unit_id in UNITS for kind in (None, *HandoverKind)]
            case Act.RELEASE_SUPPORT:
                wished = [{"unit_id": support.unit.unit_id} for support in state.course.supports]
            case Act.REQUEST_EXTENSION | Act.SUSPEND_CLOCK | Act.RESUME_CLOCK:
                grounds = ("EXPERTISE", "HEARING", "JUDICIAL")
                wished = [{"purpose": it.deadline.purpose, "ground": g} for it in state.clocks for g in grounds]
            case Act.PROPOSE_REFERRAL | Act.REFER:
                ways = itertools.product(UNITS, GROUNDS, PAPERS if rule.act is Act.REFER else [()])
                wished = [{"unit_id": unit_id, "ground": code, "papers": sent} for unit_id, code, sent in ways]
            case Act.REQUEST_RETURN:
                wished = [{"ground": code} for code in (None, "NOT_COMPETENT", "XF-22")]
            case Act.MARK_MAJOR:
                wished = [{"ground": code} for code in ("XF-25", "XF-22")]
            case Act.MERGE:
                wished = [{"main_case_id": other} for other in self.cases if other != case_id]
            case Act.RECORD_VISIT:
                wished = [{"satisfaction": level} for level in (5, 1, None)]
            case Act.RECUSE if not officer.account_id.endswith("-1"):
                wished = []  # somebody stays who can go on
            case Act.LIFT_RECUSAL:
                wished = [{"assignee": account} for account in state.course.recused]
            case Act.REASSIGN:
                wished = [{"assignee": None}, {"assignee": f"{officer.unit_id}-1"}]
            case _ if Field.UNIT in rule.needs:
                wished = [{"unit_id": unit_id} for unit_id in UNITS]
            case _:
                wished = [{}]
        for wish in wished:
            yield plain.model_copy(update=wish)

    @staticmethod
    def _complete(state: CaseState, officer: Actor, rule: Rule) -> Command:
        needs: dict[Field, Any] = {
            Field.NOTE: document(),
            Field.PUBLIC_REPLY: document(),
            Field.EXTRACT: document(),
            Field.OUTCOME: Outcome.SUBSTANTIATED,
            Field.REASON_CODE: "R08",
            Field.GROUND: "JUDICIAL",
            Field.CATEGORY: "0802",
            Field.AMOUNT: 3.0,
            Field.LEVEL: Supervision.LISTED,
            Field.DISPOSAL: "DEALT_WITH",
            Field.RESPONDENT_ACCOUNTS: (f"{officer.unit_id}-1",),
            Field.ASSIGNEE: f"{officer.unit_id}-1",
        }
        brought = {need.value: needs[need] for need in rule.needs if need in needs}
        return Command(
            command_id=uuid4(),
            act=rule.act,
            actor=officer,
            expected_sequence=state.sequence,
            **{"note": document(), **brought},
        )

    def legal(self, case_id: UUID) -> list[tuple[Actor, Rule]]:
        """Who of the units with a part in the case may do what now."""
        state, near = self.cases[case_id], set(parts(self.cases[case_id]))
        return [
            (officer, rule) for officer in OFFICERS if officer.unit_id in near for rule in judge.legal(officer, state)
        ]
