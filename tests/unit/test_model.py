"""Random lives of cases: whatever officers, reporters and clocks do, no case is lost, leaked, held twice or stuck.

The world (world.py) runs the workflow's own moves and steps by the service's own rules. After every step the invariants
hold for every case, and from every kind of state that is reached a way to the archive is found.
"""

from collections.abc import Iterator
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts import judge
from contracts.lifecycle import DUTY, ENDED, FINAL, LAPSE, Act, Purpose, Stage, TaskKind, Track
from contracts.messages import CaseState, ReporterMessage
from services.referrals import domain
from tests.unit.world import OFFICERS, UNITS, World, parts
from workflows import clocks

P, S = Purpose, Stage
HELD = {S.DISPATCHED, S.RETURN_REQ, S.SIGNED, S.HANDLING, S.REDO}
ANSWERED = {S.FEEDBACK, S.PENDING_VISIT, S.CLOSED, S.ARCHIVED}
HANDLED = {*HELD, S.PENDING_DISPATCH, S.ARBITRATION, S.REFERRED, S.FEEDBACK}
PERIODS = {P.HANDLE, P.REDO, P.ANSWER, P.RECEIPT, P.DISPOSAL}
AT_HOME = {
    P.ACKNOWLEDGE: {S.TRIAGE, S.SUPPLEMENT},
    P.SUPPLEMENT: {S.SUPPLEMENT},
    P.SIGN: {S.DISPATCHED},
    P.RETURN: {S.DISPATCHED, S.SIGNED, S.HANDLING},
    P.DESIGNATE: {S.ARBITRATION},
    P.HANDLE: HANDLED - {S.REFERRED},
    P.REDO: HANDLED - {S.REFERRED},
    P.RECEIPT: {S.REFERRED},
    P.DISPOSAL: {S.REFERRED},
    P.ANSWER: {S.REFERRED, S.FEEDBACK},
    P.REPORT_UP: {S.TRIAGE, S.SUPPLEMENT, S.PENDING_DISPATCH, S.ARBITRATION, S.REFERRED, *HELD},
    P.VISIT: {S.PENDING_VISIT},
    P.SILENCE: {S.PENDING_VISIT},
    P.REVIEW_REQUEST: {S.CLOSED, S.REJECTED},
}
"""In which stages a clock may run: anywhere else it was left behind."""

TOWARDS_THE_END = (
    Act.UNMERGE, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.RELEASE_SUPPORT, Act.DENY_RETURN, Act.DESIGNATE,
    Act.RECORD_DISPOSAL, Act.REPLY, Act.REVIEW_PASS, Act.RECORD_VISIT, Act.REFERRAL_RETURNED, Act.LINK_RESPONDENTS,
    Act.LIFT_MAJOR, Act.REJECT, Act.RECALL, Act.APPROVE_RETURN, Act.RECLASSIFY, Act.REASSIGN,
)  # fmt: skip
DEPTH, TRIES = 25, 60


def guarded(state: CaseState) -> bool:
    """A report, and what was sent past a unit's superior, stays away from whom it accuses."""
    return state.facts.track is Track.INTEGRITY or state.course.restricted


def purposes(state: CaseState) -> set[Purpose]:
    return {Purpose(clock.deadline.purpose) for clock in state.clocks}


def owned(state: CaseState) -> None:
    assert state.desk is not None
    if state.stage in HELD:
        assert state.holder is not None, "nobody holds the case"
    if state.stage not in (HELD | ANSWERED | {S.REFERRED}):
        assert state.holder is None, "the holder kept what it has no more"
    assert (state.course.arbiter is not None) == (state.stage is S.ARBITRATION)
    assert (state.course.receiver is not None) or state.stage is not S.REFERRED
    if state.course.receiver is not None:
        assert state.stage in ANSWERED | {S.REFERRED}


def held_once(state: CaseState) -> None:
    supports = [support.unit.unit_id for support in state.course.supports]
    assert len(supports) == len(set(supports))
    if state.holder is not None:
        assert state.holder.unit_id not in supports, "a unit answers to itself"
        assert not supports or state.stage in HELD | ANSWERED


def hidden(state: CaseState) -> None:
    if not guarded(state):
        return
    for unit_id in parts(state):
        assert not domain.accused(UNITS[unit_id], state.respondent_units), f"{unit_id} is accused and sees the case"
    if state.task is not None:
        assert state.task.assignee not in state.course.barred, "the task is the accused person's"


def timed(state: CaseState) -> None:
    running = purposes(state)
    assert len(running) == len(state.clocks), "two clocks for one purpose"
    for purpose in running & AT_HOME.keys():
        assert state.stage in AT_HOME[purpose], f"{purpose} was left behind in {state.stage}"
    if state.stage in HANDLED:
        assert running & PERIODS, "handled without a deadline"
    if state.stage in (S.TRIAGE, S.SUPPLEMENT):
        assert P.ACKNOWLEDGE in running
    if state.stage is S.DISPATCHED:
        assert P.SIGN in running
    if state.stage is S.ARBITRATION:
        assert P.DESIGNATE in running
    if state.stage is S.PENDING_VISIT:
        assert running & {P.VISIT, P.SILENCE}
    if state.stage in ENDED - FINAL:
        assert P.REVIEW_REQUEST in running
    if state.stage in FINAL or state.stage is S.MERGED:
        assert not running
    for clock in state.clocks:
        if clocks.stands_on(clock) == "HEARING":
            assert state.holder is not None, "the hearing was the unit's own, which has the case no more"
    assert {P.HANDLE, P.REDO} - running, "two periods for one handling"


def attended(state: CaseState) -> None:
    """What is asked of somebody beside the holder has its clock, and no clock runs for what nobody was asked."""
    running, course = purposes(state), state.course
    assert (P.SUPPORT in running) == bool(course.waiting_supports())
    assert (P.REPORT_UP in running) == (course.major is not None and not course.major.reported)
    request = course.request
    referral = request is not None and request.act is Act.PROPOSE_REFERRAL
    asked = referral and not request.approved and (request.verified_by or not request.verify)  # type: ignore[union-attr]
    assert (P.DECIDE_REFERRAL in running) == bool(asked), "the leader's days run from the report of who verified"
    assert (P.SEND_REFERRAL in running) == (referral and request.approved)  # type: ignore[union-attr]
    if request is not None:
        assert state.stage in HELD, "a request outlived its holder"
        assert not request.approved or not request.verify or request.verified_by, "decided before it was verified"
        assert request.verified_by is None or request.verified_by != request.asked_by
    if course.receiver is not None and course.receiver.unit_id == "ga-a" and state.holder is not None:
        assert {"TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY"} <= set(course.papers)


def seen(state: CaseState) -> None:
    """Somebody sees the case and can go on with it, or a clock will."""
    if state.stage in FINAL:
        return
    ended_by_clock = any(purpose in LAPSE for purpose in purposes(state) - {P.RETURN})
    silent = state.stage is S.PENDING_VISIT and P.SILENCE in purposes(state)
    assert (state.task is not None) == (state.stage in DUTY and not silent)
    if state.task is None:
        assert ended_by_clock or state.stage is S.MERGED
        return
    can = [it for it in OFFICERS if it.unit_id == state.task.unit_id and it.account_id not in state.course.barred]
    aside = {Act.CLAIM, Act.REASSIGN, Act.URGE, Act.RECUSE, Act.ORDER_RECUSAL, Act.LIFT_RECUSAL}
    forward = {act for act in Act if act not in aside}
    assert any(found.act in forward for officer in can for found in judge.legal(officer, state)), "nobody can go on"
    assert state.task.kind is not TaskKind.SUPPORT


def kind_of(state: CaseState) -> tuple[object, ...]:
    """What of a state decides where it can go; states alike in it need one search."""
    course = state.course
    request = course.request and (course.request.act, course.request.approved, course.unverified())
    seats = tuple(unit and unit.unit_id for unit in (state.desk, state.holder, course.arbiter, course.receiver))
    clock_kinds = tuple(sorted((it.deadline.purpose, it.suspended) for it in state.clocks))
    helpers = tuple(sorted((it.unit.unit_id, it.document is None) for it in course.supports))
    major = course.major and (course.major.reported, course.major.superior and course.major.superior.unit_id)
    flags = (
        major,
        course.designated,
        course.received,
        course.disposal,
        course.restricted,
        course.kind,
        course.barred,
        course.leaderless,
    )
    return (
        state.stage, state.facts.track, state.facts.category, state.linked, state.respondent_units, state.redo_count,
        min(course.bounces, 2), seats, request, clock_kinds, helpers, flags, state.task and state.task.assignee,
    )  # fmt: skip


ENDING: set[tuple[object, ...]] = set()


def can_end(world: World, case_id: UUID) -> bool:
    """Is there a sequence of legal acts and lapses to the archive, of at most DEPTH steps?"""
    met: set[tuple[object, ...]] = set()

    def ends(here: World, depth: int) -> bool:
        state = here.cases[case_id]
        kind = kind_of(state)
        if state.stage in FINAL or kind in ENDING:
            return True
        if kind in met or len(met) == TRIES or depth == DEPTH:
            return False
        met.add(kind)
        found = any(ends(there, depth + 1) for there in _next(here, case_id))
        if found:
            ENDING.add(kind)
        return found

    return ends(world, 0)


def _next(world: World, case_id: UUID) -> Iterator[World]:
    legal = sorted(
        ((TOWARDS_THE_END.index(row.act), officer, row) for officer, row in world.legal(case_id)
         if row.act in TOWARDS_THE_END),
        key=lambda found: found[0],
    )  # fmt: skip
    done = set()
    for _, officer, row in legal:
        if row.act in done:
            continue
        for command in world.commands(case_id, officer, row):
            there = world.alone(case_id)
            if there.does(case_id, command) is None:
                done.add(row.act)
                yield there
                break
    there, kind = world.alone(case_id), kind_of(world.cases[case_id])
    while there.passes(case_id):  # warnings change nothing
        if kind_of(there.cases[case_id]) != kind:
            yield there
            return


class Lives(RuleBasedStateMachine):
    """Two desks' cases, lived at random."""

    @initialize(first=st.sampled_from(Track), second=st.sampled_from(Track))
    def cases_come_in(self, first: Track, second: Track) -> None:
        self.world = World()
        self.world.new(first)
        self.world.new(second)

    def _one(self, data: st.DataObject) -> UUID:
        going = [case_id for case_id, state in self.world.cases.items() if state.stage not in FINAL]
        return data.draw(st.sampled_from(going or list(self.world.cases)), label="case")

    @rule(data=st.data(), obstinate=st.booleans())
    def an_officer_acts(self, data: st.DataObject, obstinate: bool) -> None:
        """Any officer, any act that is legal; mostly towards a unit, clock or case that the rules allow."""
        case_id = self._one(data)
        legal = self.world.legal(case_id)
        if not legal:
            return
        act = data.draw(st.sampled_from(sorted({row.act for _, row in legal})), label="act")
        officer, row = data.draw(st.sampled_from([found for found in legal if found[1].act is act]), label="officer")
        ways = list(self.world.commands(case_id, officer, row))
        if not obstinate:
            ways = [way for way in ways if self.world.alone(case_id).does(case_id, way) is None]
        if not ways:
            return
        before = self.world.cases[case_id]
        refused = self.world.does(case_id, data.draw(st.sampled_from(ways), label="command"))
        assert refused is None or self.world.cases[case_id] is before

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        self.world.passes(self._one(data))

    @rule(data=st.data(), satisfaction=st.sampled_from([None, 1, 5]))
    def the_reporter_speaks(self, data: st.DataObject, satisfaction: int | None) -> None:
        act = Act.SUPPLEMENT if satisfaction is None else Act.RATE
        message = ReporterMessage(message_id=uuid4(), act=act, satisfaction=satisfaction)
        self.world.says(self._one(data), message)

    @rule()
    def a_word_arrives(self) -> None:
        if self.world.words:
            self.world.hears()

    @rule(data=st.data())
    def a_unit_is_merged_into_another(self, data: st.DataObject) -> None:
        case_id = self._one(data)
        seats = sorted(set(parts(self.world.cases[case_id])))
        unit = UNITS[data.draw(st.sampled_from(seats), label="unit")]
        heirs = [it.unit_id for it in UNITS.values() if it.kind is unit.kind and it.on_system and it is not unit]
        if heirs:
            self.world.succeeds(case_id, unit.unit_id, data.draw(st.sampled_from(heirs), label="successor"))

    @invariant()
    def every_case_is_in_good_hands(self) -> None:
        for state in self.world.cases.values():
            for check in (owned, held_once, hidden, timed, attended, seen):
                check(state)

    @invariant()
    def every_case_keeps_its_own_complaint(self) -> None:
        for state in self.world.cases.values():
            assert state.facts.complaint_ids, "a case has lost its reporter"
            assert state.course.main_case is None or state.stage in (S.MERGED, S.ARCHIVED)

    @invariant()
    def every_case_can_end(self) -> None:
        for case_id, state in self.world.cases.items():
            if kind_of(state) not in ENDING:
                assert can_end(self.world, case_id), f"stuck in {state.stage}"


Lives.TestCase.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLives = Lives.TestCase
