"""What holds for every pair of units and every clock: the matrix, the fates of clocks, who designates, what a rule
lets be extended or stand still. On the shipped reference tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.course import ClockEvent, ClockEventType
from contracts.lifecycle import HANDOVER_CLOCKS, Act, HandoverKind, Purpose, Stage
from contracts.messages import ClockChange, MergeCheck, RunningClock
from contracts.reference import categories, clock_rules, departments, grounds, papers, suspensions, transfers
from contracts.reference import handovers as fates
from services.referrals import domain, explaining, handovers, verdicts
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import count
from services.referrals.domain import Hop, Level, Refusal, Unit, UnitKind
from services.referrals.service import clocks
from tests.unit.world import UNITS
from tests.workflow.office import OTHER_DESK, new_case, running

SIDES = ("HOTLINE", "YY", *departments())
CLOCK = {rule.id: rule for rule in clock_rules().values()}
START = datetime(2026, 3, 2, 1, tzinfo=UTC)


def unit_of(side: str, unit_id: str = "one", *, on_system: bool = True) -> Unit:
    """A city's unit that the matrix names so."""
    kind = {"HOTLINE": UnitKind.DESK, "YY": UnitKind.INSTITUTION}.get(side, UnitKind.DEPARTMENT)
    department = side if kind is UnitKind.DEPARTMENT else None
    return Unit(unit_id, unit_id, Level.CITY, kind, "990100", (unit_id,), department, on_system=on_system)


@given(st.sampled_from(SIDES), st.sampled_from(SIDES))
def test_the_most_exact_rows_alone_count(sender: str, receiver: str) -> None:
    rows = list(transfers())
    found = handovers.permits(unit_of(sender), unit_of(receiver, "two"), rows)
    exact = [row for row in rows if (row.sender, row.receiver) == (sender, receiver)]
    if exact:
        assert {permit.source for permit in found} <= {row.source for row in exact}
        others = [row for row in rows if "*" not in (row.sender, row.receiver)]
        assert found == handovers.permits(unit_of(sender), unit_of(receiver, "two"), others)


@pytest.mark.parametrize("on_system", [True, False])
@given(sender=st.sampled_from(SIDES), receiver=st.sampled_from(SIDES), kind=st.sampled_from([None, *HandoverKind]))
def test_every_pair_has_a_permitted_kind_or_a_clear_refusal(
    on_system: bool, sender: str, receiver: str, kind: HandoverKind | None
) -> None:
    to = unit_of(receiver, "two", on_system=on_system)
    answers = {}
    for act in (Act.DISPATCH, Act.TRANSFER, Act.REFER):
        track, category = domain.Track.GENERAL, categories()["0802"]
        hop = Hop(track, category, "990100", unit_of(sender), False, True, (), act=act, kind=kind)
        answers[act] = handovers.judge(to, hop, transfers())
        assert isinstance(answers[act], handovers.Permit | Refusal)
    for answer in answers.values():
        if isinstance(answer, handovers.Permit):
            assert kind in (None, answer.kind)
            assert answer.source


@given(
    act=st.sampled_from([Act.DISPATCH, Act.TRANSFER, Act.REFER, Act.DESIGNATE, Act.HAND_TO_DESK, Act.BYPASS]),
    kind=st.sampled_from([None, *HandoverKind]),
    purposes=st.sets(st.sampled_from(Purpose)),
)
def test_the_fate_of_every_clock_of_the_case_is_known_before_sending(
    act: Act, kind: HandoverKind | None, purposes: set[Purpose]
) -> None:
    effects = handovers.effects(act, kind, purposes, fates())
    assert sorted(effect.purpose for effect in effects) == sorted(purposes - HANDOVER_CLOCKS)


ids = st.sampled_from(sorted(unit_id for unit_id, unit in UNITS.items() if unit.kind is UnitKind.DEPARTMENT))
accusations = st.sets(st.sampled_from(sorted(UNITS)), max_size=3)


@given(bounced=st.lists(ids, min_size=1, max_size=3), accused=accusations, desk=st.sampled_from(["desk-a", "rdesk-a"]))
def test_who_designates_is_never_accused_and_stands_above_all(bounced: list[str], accused: set[str], desk: str) -> None:
    units = [UNITS[unit_id] for unit_id in bounced]
    found = domain.arbiter(units, UNITS[desk], True, "990100", tuple(accused), UNITS.values())
    assert found.unit_id == desk or not domain.accused(found, accused)
    if found.kind is UnitKind.DEPARTMENT:
        assert all(found.unit_id in unit.path[:-1] for unit in units)
        nearer = [it for it in UNITS.values() if found.unit_id in it.path[:-1] and not domain.accused(it, accused)]
        assert not any(all(it.unit_id in unit.path[:-1] for unit in units) for it in nearer), "not the nearest"


@given(desk=st.sampled_from(["desk-a", "rdesk-a", "desk-b", "rdesk-b", "rdesk-p"]), accused=accusations)
def test_the_desk_above_is_the_nearest_that_is_not_accused(desk: str, accused: set[str]) -> None:
    national = replace(UNITS["rdesk-p"], unit_id="rdesk-n", region="100000", path=("rdesk-n",), level=Level.NATIONAL)
    every = [*UNITS.values(), national]
    found = domain.desk_above(UNITS[desk], tuple(accused), every)
    assert found is not None
    assert found.kind is UnitKind.RESTRICTED_DESK
    assert not domain.accused(found, accused)
    assert found.region != UNITS[desk].region
    if found is national:
        assert desk == "rdesk-p" or "rdesk-p" in accused


def clock_of(clock_id: str, purpose: Purpose = Purpose.HANDLE) -> RunningClock:
    """A clock of the shipped rules that runs from START on."""
    plain = running(purpose)
    rule = CLOCK[clock_id]
    changes = {"clock_id": clock_id, "started_at": START, "rule_version": rule.version}
    deadline = plain.deadline.model_copy(update=changes)
    counted = clocks.recounted(plain.model_copy(update={"deadline": deadline}), StateCouncilCalendar())
    return plain.model_copy(update={"deadline": counted})


def asked(clock: RunningClock, amount: float, *, late: bool = False) -> str | None:
    at = clock.deadline.due_at + timedelta(hours=1) if late else START + timedelta(hours=1)
    event = ClockEvent(type=ClockEventType.EXTEND, at=at, amount=amount)
    return clocks.changed(ClockChange(clock=clock, event=event, asked=True), StateCouncilCalendar()).refusal


@given(clock_id=st.sampled_from(sorted(CLOCK)), amount=st.integers(min_value=1, max_value=60))
def test_an_extension_stays_within_its_rule(clock_id: str, amount: int) -> None:
    rule, clock = CLOCK[clock_id], clock_of(clock_id)
    most = rule.extension_max_count or 0
    if not most or rule.extension_unit != rule.unit:
        assert asked(clock, amount) == "NO_EXTENSION"
        return
    too_long = rule.extension_max_amount is not None and amount > rule.extension_max_amount
    assert asked(clock, amount) == ("TOO_LONG" if too_long else None)
    if too_long:
        return
    assert asked(clock, amount, late=True) == "TOO_LATE"
    granted = ClockEvent(type=ClockEventType.EXTEND, at=START, amount=amount)
    assert asked(clock.model_copy(update={"events": (granted,) * most}), amount) == "TOO_OFTEN"
    longer = clocks.changed(ClockChange(clock=clock, event=granted), StateCouncilCalendar()).deadline
    assert longer is not None
    assert longer.due_at >= clock.deadline.due_at  # a day more may end in the same holidays


@given(clock_id=st.sampled_from(sorted(CLOCK)), ground=st.sampled_from([*suspensions(), "NONE"]))
def test_a_clock_stands_still_on_its_own_grounds_alone(clock_id: str, ground: str) -> None:
    event = ClockEvent(type=ClockEventType.SUSPEND, at=START + timedelta(minutes=1))
    change = ClockChange(clock=clock_of(clock_id), event=event, ground=ground)
    verdict = clocks.changed(change, StateCouncilCalendar())
    row = suspensions().get(ground)
    allowed = row is not None and (not row.clocks or clock_id in row.clocks)
    assert verdict.refusal == (None if allowed else "NO_SUSPENSION")
    assert verdict.deadline is None


@given(purpose=st.sampled_from([it for it in Purpose if it not in (Purpose.HANDLE, Purpose.REDO)]))
def test_nothing_but_the_handling_is_extended_or_stands_still(purpose: Purpose) -> None:
    clock = clock_of("XF-DONE", purpose)
    assert asked(clock, 1) == "NO_EXTENSION"
    event = ClockEvent(type=ClockEventType.SUSPEND, at=START + timedelta(minutes=1))
    change = ClockChange(clock=clock, event=event, ground="JUDICIAL")
    assert clocks.changed(change, StateCouncilCalendar()).refusal == "NO_SUSPENSION"


@pytest.mark.parametrize(
    ("code", "use", "receiver", "refusal"),
    [
        (None, "REFER", "GA", None),
        ("SUSPECTED_CRIME", "REFER", "GA", None),
        ("SUSPECTED_CRIME", "REFER", "SW", Refusal.WRONG_GROUND),
        ("SUSPECTED_CRIME", "DISPATCH", "GA", Refusal.WRONG_GROUND),
        ("XF-22", "ASSIGN", "WJ", None),
        ("XF-22", "RETURN", "WJ", Refusal.WRONG_GROUND),
        ("NOT_COMPETENT", "RETURN", "HOTLINE", None),
        ("MY-OWN", "REFER", "GA", Refusal.UNKNOWN_GROUND),
    ],
)
def test_a_ground_is_of_the_table_and_carries_the_kind_to_this_receiver(
    code: str | None, use: str, receiver: str, refusal: Refusal | None
) -> None:
    assert handovers.refuse_ground(code, use, unit_of(receiver), grounds()) is refusal


@given(st.sampled_from(SIDES), st.sampled_from(SIDES))
def test_every_permitted_hand_over_has_a_ground_to_choose(sender: str, receiver: str) -> None:
    to = unit_of(receiver, "two")
    for permit in handovers.permits(unit_of(sender), to, transfers()):
        for act in (Act.TRANSFER, Act.REFER):
            use = handovers.ground_use(act, permit.kind)
            assert any(handovers.refuse_ground(code, use, to, grounds()) is None for code in grounds())


REQUIRED = ("TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY")


@pytest.mark.parametrize(
    ("sender", "given", "refusal"),
    [
        ("YB", REQUIRED, None),
        ("YB", (*REQUIRED, "FINDINGS", "OTHER"), None),
        ("YB", (), "MISSING_PAPERS"),
        ("YB", REQUIRED[1:], "MISSING_PAPERS"),
        ("YB", (*REQUIRED, "LOVE_LETTER"), "UNKNOWN_PAPER"),
        ("YY", (), None),
        ("SJU", ("OTHER",), None),
    ],
)
def test_a_suspected_crime_goes_with_its_papers(sender: str, given: tuple[str, ...], refusal: str | None) -> None:
    police = unit_of("GA", "two", on_system=False)
    (permit,) = handovers.permits(unit_of(sender), police, transfers())
    assert handovers.refuse_papers(given, permit, police, papers()) == refusal
    assert handovers.verified_first(permit, police) is (sender == "YB")


def test_papers_go_to_who_takes_them_alone() -> None:
    tax = unit_of("SW", "two")
    (permit,) = handovers.permits(unit_of("YB"), tax, transfers())
    assert handovers.refuse_papers(("OTHER",), permit, tax, papers()) == "UNKNOWN_PAPER"
    assert handovers.refuse_papers((), permit, tax, papers()) is None


@pytest.mark.parametrize(
    ("sender", "receiver", "track", "linked", "refusal"),
    [
        ("wj-a", "wj-p", domain.Track.GENERAL, True, None),
        ("yb-a", "wj-p", domain.Track.GENERAL, True, None),
        ("hosp-a", "wj-a", domain.Track.GENERAL, True, None),
        ("desk-a", "conf-p", domain.Track.GENERAL, True, None),
        ("wj-a", "yb-a", domain.Track.GENERAL, True, Refusal.NOT_SUPERIOR),
        ("wj-a", "wj-b", domain.Track.GENERAL, True, Refusal.NOT_SUPERIOR),
        ("wj-a", "hosp-a", domain.Track.GENERAL, True, Refusal.NOT_SUPERIOR),
        ("wj-a", "rdesk-p", domain.Track.INTEGRITY, True, Refusal.NOT_SUPERIOR),
        ("rdesk-b", "rdesk-p", domain.Track.INTEGRITY, False, None),
        ("rdesk-b", "wj-p", domain.Track.INTEGRITY, False, Refusal.UNLINKED),
        ("rdesk-b", "conf-p", domain.Track.INTEGRITY, True, Refusal.NOT_SUPERIOR),
        ("wj-b", "wj-p", domain.Track.INTEGRITY, True, Refusal.ACCUSED),
    ],
)
def test_a_major_clue_goes_to_an_authority_above_that_is_not_accused(
    sender: str, receiver: str, track: domain.Track, linked: bool, refusal: Refusal | None
) -> None:
    accused = ("wj-p",) if refusal is Refusal.ACCUSED else ()
    hop = Hop(
        track, categories()["0802"], "990100", UNITS[sender], False, linked, accused, act=Act.REPORT_MAJOR
    )  # fmt: skip
    assert domain.refuse(UNITS[receiver], hop) is refusal


@pytest.mark.parametrize(
    ("ground", "told", "after"),
    [
        ("EXPERTISE", "移交其他单位仍中止", None),
        ("JUDICIAL", "移交其他单位仍中止", None),
        ("HEARING", "移交其他单位时恢复", "案件移交，听证随原单位终止"),
    ],
)
def test_the_trail_of_a_clock_says_what_a_hand_over_made_of_its_suspension(
    ground: str, told: str, after: str | None
) -> None:
    calendar = StateCouncilCalendar()
    clock = clock_of("SJ-MED" if ground == "EXPERTISE" else "XF-DONE")
    stood = ClockEvent(type=ClockEventType.SUSPEND, at=START + timedelta(days=2), ground=ground)
    standing = clock.model_copy(update={"suspended": True, "events": (stood,)})
    left = clocks.given_away(standing, START + timedelta(days=9), calendar)
    assert (left is not None) is (after is not None)
    ended = ClockEvent(type=ClockEventType.RESUME, at=START + timedelta(days=9), ground=ground, handover=True)
    events = (stood, ended) if left is not None else (stood,)
    rule = CLOCK[clock.deadline.clock_id]
    counted = count(
        rule, clock.deadline.started_at, clocks.events_of(clock.model_copy(update={"events": events})), calendar
    )
    lines = explaining.lines(counted, "zh")
    assert any(told in line for line in lines)
    assert after is None or any(after in line for line in lines)


def test_a_clock_that_stands_still_since_before_grounds_were_remembered_goes_on_standing() -> None:
    stood = ClockEvent(type=ClockEventType.SUSPEND, at=START + timedelta(days=2))
    standing = clock_of("XF-DONE").model_copy(update={"suspended": True, "events": (stood,)})
    assert clocks.given_away(standing, START + timedelta(days=9), StateCouncilCalendar()) is None


@pytest.mark.parametrize(
    ("part_of", "split_here", "triaged", "refusal"),
    [
        ("own", True, True, None),
        ("own", True, False, "PART_TOUCHED"),
        ("own", False, True, "NO_MAIN_CASE"),
        ("other", True, True, "NO_MAIN_CASE"),
    ],
)
def test_a_part_goes_back_to_a_report_elsewhere_only_from_the_desk_that_split_it_off(
    part_of: str, split_here: bool, triaged: bool, refusal: str | None
) -> None:
    main = new_case(domain.Track.INTEGRITY).model_copy(update={"desk": OTHER_DESK, "stage": Stage.TRIAGE})
    check = MergeCheck(
        case_id=uuid4(), main_case_id=main.facts.case_id, track=domain.Track.GENERAL, desk_id="desk-a",
        origin_case_id=main.facts.case_id if part_of == "own" else None,
    )  # fmt: skip
    verdict = verdicts.merge(check, main, split_here=split_here, triaged=triaged)  # type: ignore[arg-type]
    assert verdict.refusal == refusal


def test_who_a_leader_has_agreed_to_may_be_chosen_and_nobody_else_by_that() -> None:
    units, category = [UNITS["ga-a"], UNITS["jj-a"]], categories()["0503"]
    hop = Hop(domain.Track.INTEGRITY, category, "990100", UNITS["yb-a"], False, True, (), act=Act.REFER)
    found = {it.unit.unit_id: it.refusal for it in handovers.candidates(units, hop, transfers(), "ga-a")}
    assert found == {"ga-a": None, "jj-a": Refusal.NEEDS_APPROVAL}
