"""Row-level security, tried past the API: a session in an officer's name sees its unit's cases and no others."""

import asyncpg
import pytest

from contracts.lifecycle import Track
from services.chassis.db import SYSTEM, Database, Principal
from services.chassis.settings import Settings
from services.referrals.repository.sql import one, rows
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")
TABLES = ("cases", "case_units", "case_respondents", "tasks", "case_history", "documents",
          "transfer_descriptions")  # fmt: skip


async def seen(db: Database, principal: Principal, case_id: object) -> set[str]:
    """The tables that show the principal anything of the case."""
    async with db.read(principal) as session:
        return {
            table
            for table in TABLES
            if await rows(session, f"SELECT 1 AS yes FROM {table} WHERE case_id = $1", case_id)
        }


async def test_nobody_without_a_principal_sees_anything(office: Office, settings: Settings) -> None:
    await office.new_case()
    connection = await asyncpg.connect(settings.dsn("referrals"))
    try:
        for table in (*TABLES, "case_keys", "commands"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    finally:
        await connection.close()


async def test_units_with_the_case_see_it_and_others_do_not(office: Office, db: Database) -> None:
    case_id = await office.dispatched()
    for unit in ("desk", "hospital"):
        assert {"cases", "tasks", "case_history", "case_units"} <= await seen(
            db, Principal("officer", "x", (unit,)), case_id
        )
    for unit in ("wj", "yb", "desk2", "rdesk"):
        assert await seen(db, Principal("officer", "x", (unit,)), case_id) == set()


async def test_an_accused_unit_and_those_below_never_see_a_report(office: Office, db: Database) -> None:
    """Even when a row of theirs were in case_units, by whatever mistake."""
    case_id = await office.dispatched(Track.INTEGRITY, to="wj")
    async with db.session(SYSTEM) as session:
        await rows(session, "INSERT INTO case_units VALUES ($1, 'hospital', 'HOLDER') RETURNING 1", case_id)
    for restricted in (False, True):
        assert await seen(db, Principal("officer", "x", ("hospital",), restricted), case_id) == set()
    assert "cases" in await seen(db, Principal("officer", "x", ("wj",)), case_id)
    assert "case_respondents" in await seen(db, Principal("officer", "x", ("rdesk",), True), case_id)


async def test_a_supervisor_above_sees_complaints_below_but_no_reports(office: Office, db: Database) -> None:
    complaint = await office.dispatched()
    report = await office.dispatched(Track.INTEGRITY, to="wj-a")
    above = Principal("officer", "x", ("wj", "wj-a", "hospital"))
    assert "cases" in await seen(db, above, complaint)
    assert await seen(db, above, report) == set()


async def test_the_authority_above_sees_a_report_once_it_was_reported_upward(office: Office, db: Database) -> None:
    case_id = await office.dispatched(Track.INTEGRITY, to="wj-a")
    above, other = Principal("officer", "x", ("wj",)), Principal("officer", "x", ("yb",))
    await office.act("handler.wj-a", case_id, "MARK_MAJOR", ground="XF-25", note="涉及面广")
    assert await seen(db, above, case_id) == set()
    answer = await office.try_act("handler.wj-a", case_id, "REPORT_MAJOR", unit_id="yb", note="请核示")
    assert (answer.status_code, answer.json()["code"]) == (422, "NOT_SUPERIOR")
    await office.act("handler.wj-a", case_id, "REPORT_MAJOR", unit_id="wj", note="请核示")
    assert "cases" in await seen(db, above, case_id)
    assert await seen(db, other, case_id) == set()
    page = await office.view("handler.wj", case_id)
    assert page["major"]
    assert page["course"]["major"]["superior"]["unit_id"] == "wj"
    assert [step["note"]["text"] for step in page["timeline"][-2:]] == ["涉及面广", "请核示"]
    assert [act["act"] for act in page["legal_acts"]] == ["RECUSE"]
    answer = await office.try_act("handler.wj-a", case_id, "LIFT_MAJOR", note="并非重大")
    assert (answer.status_code, answer.json()["code"]) == (403, "LEADER_LIFTS")
    assert "cases" in await seen(db, above, case_id), "the authority above keeps its sight of it"


async def test_a_report_that_was_passed_on_is_out_of_sight(office: Office, db: Database) -> None:
    case_id = await office.dispatched(Track.INTEGRITY, to="wj-a")
    await office.act("handler.wj-a", case_id, "SIGN")
    await office.act("handler.wj-a", case_id, "TRANSFER", unit_id="wj", note="请上级办理")
    assert await seen(db, Principal("officer", "x", ("wj-a",)), case_id) == set()
    assert "cases" in await seen(db, Principal("officer", "x", ("wj",)), case_id)


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize(
    "units", [("desk",), ("rdesk",), ("hospital",), ("wj", "wj-a", "hospital"), ("wj-a", "hospital"), ("yb",), ()]
)
async def test_the_set_of_visible_cases_is_what_the_policy_lets_through(
    office: Office, db: Database, units: tuple[str, ...], restricted: bool
) -> None:
    await office.dispatched()
    await office.dispatched(Track.INTEGRITY, to="wj")
    async with db.read(Principal("officer", "x", units, restricted)) as session:
        row_by_row = {row["case_id"] for row in await rows(session, "SELECT case_id FROM cases")}
        at_once = {row["case_id"] for row in await rows(session, "SELECT case_id FROM visible_cases()")}
    assert row_by_row == at_once
    assert bool(at_once) is (units not in ((), ("yb",)))


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize(
    "units", [("desk",), ("rdesk",), ("hospital",), ("wj", "wj-a", "hospital"), ("wj-a", "hospital"), ("yb",), ()]
)
async def test_what_is_watched_is_what_the_policy_lets_through_less_what_a_unit_only_had(
    office: Office, db: Database, units: tuple[str, ...], restricted: bool
) -> None:
    handed_on = await office.dispatched(to="wj-a")
    await office.act("handler.wj-a", handed_on, "SIGN")
    await office.act("handler.wj-a", handed_on, "TRANSFER", unit_id="hospital", note="请医院处理。")
    await office.dispatched(Track.INTEGRITY, to="wj")
    async with db.read(Principal("officer", "x", units, restricted)) as session:
        row_by_row = await rows(
            session,
            "SELECT DISTINCT t.case_id, t.kind, t.unit_id FROM tasks AS t JOIN case_units AS cu USING (case_id)"
            " WHERE cu.part <> 'PAST' AND cu.unit_id = ANY ($1::text[])",
            list(units),
        )
        at_once = await rows(session, "SELECT case_id, kind, unit_id FROM watched_tasks(NULL)")
        own = await rows(session, "SELECT case_id, kind, unit_id FROM watched_tasks($1)", units[0] if units else "")
    assert {tuple(row) for row in row_by_row} == {tuple(row) for row in at_once}
    assert len(at_once) == len({tuple(row) for row in at_once})
    assert {tuple(row) for row in own} == {tuple(row) for row in at_once if row["unit_id"] in units[:1]}
    assert bool(at_once) is (units not in ((), ("yb",)))
    assert (handed_on in {row["case_id"] for row in at_once}) is ("hospital" in units or "desk" in units)


async def test_only_officers_ask_for_their_visible_cases(office: Office, db: Database) -> None:
    for principal in (SYSTEM, Principal("public"), Principal("auditor", "x", ("desk",))):
        async with db.read(principal) as session:
            assert await rows(session, "SELECT case_id FROM visible_cases()") == []
            assert await rows(session, "SELECT case_id FROM watched_tasks(NULL)") == []


async def test_an_officer_writes_nothing(office: Office, db: Database) -> None:
    case_id = await office.new_case()
    async with db.session(Principal("officer", "x", ("desk",))) as session:
        assert await rows(session, "UPDATE cases SET stage = 'CLOSED' WHERE case_id = $1 RETURNING 1", case_id) == []
    for statement in (
        "INSERT INTO case_units VALUES ($1, 'yb', 'HOLDER') RETURNING 1",
        "INSERT INTO tasks (case_id, kind, unit_id, role, opened_sequence, opened_at)"
        " VALUES ($1, 'TRIAGE', 'yb', 'CLERK', 1, now()) RETURNING 1",
    ):
        with pytest.raises(Exception, match="row-level security"):
            async with db.session(Principal("officer", "x", ("desk",))) as session:
                await rows(session, statement, case_id)


async def test_the_service_owns_nothing_and_every_table_of_a_case_forces_its_policies(
    office: Office, db: Database
) -> None:
    async with db.read(SYSTEM) as session:
        owned = await one(
            session,
            "SELECT count(*) AS n FROM pg_class JOIN pg_roles AS r ON r.oid = relowner WHERE r.rolname = 'referrals'",
        )
        forced = await rows(
            session, "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relkind = 'r'"
        )
        bypass = await one(session, "SELECT rolbypassrls OR rolsuper AS yes FROM pg_roles WHERE rolname = current_user")
    assert owned is not None
    assert owned["n"] == 0
    assert {row["relname"] for row in forced} == {
        *TABLES, "case_keys", "case_excluded", "commands", "recounts", "audit_log", "second_factors", "recovery_codes",
        "login_failures", "openid_claims", "openid_subjects", "legal_holds", "erasures",
    }  # fmt: skip
    assert bypass is not None
    assert bypass["yes"] is False


async def test_a_hidden_case_looks_like_one_that_does_not_exist(office: Office) -> None:
    report = await office.dispatched(Track.INTEGRITY, to="wj")
    nowhere = "00000000-0000-4000-8000-000000000000"
    for path in ("/v1/cases/{}", "/v1/cases/{}/routes"):
        hidden = await office.get("handler.hospital", path.format(report))
        absent = await office.get("handler.hospital", path.format(nowhere))
        assert (hidden.status_code, hidden.json()) == (absent.status_code, absent.json())
        assert hidden.status_code == 404
    for path, body in (("grants", {"purpose": "HANDLE"}), ("acts", {"act": "SIGN", "expected_sequence": 4})):
        answers = [
            await office.post("handler.hospital", f"/v1/cases/{case}/{path}", body, **{"Idempotency-Key": nowhere})
            for case in (report, nowhere)
        ]
        assert answers[0].status_code == answers[1].status_code == 404
        assert answers[0].json() == answers[1].json()
