"""A reporter's rights in the own data, from the request by query code to its effect: complaints, vault and referrals as
their processes run them; nobody else's data, and no identity on the code alone."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.complaints import ComplaintSubmitted, RightsAnswered, RightsAsked
from contracts.rights import COPY, DECIDE, Decided, Right
from deploy.stack import Stack
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.chassis.vault_keys import load_vault_public
from services.complaints.main import build
from services.complaints.runtime import Runtime
from services.complaints.vault.words import Words
from services.referrals.service.rights import AnsweringRights
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import Office
from tests.integration.referrals.rights import LEADER, There
from tests.integration.referrals.vault import Vault, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHINA = timedelta(hours=8)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(settings: Settings, stack_engines: Stack) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(stack_engines.config.admin_dsn(settings.dsn("complaints").rsplit("/", 1)[1]))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def there(
    app: FastAPI, office: Office, db: Database, settings: Settings, admin: "asyncpg.Connection[Any]"
) -> AsyncIterator[There]:
    public_app, before = build(settings), app.state.services
    complaints_db = Database(settings.dsn("complaints"))
    started = Runtime.start(settings, complaints_db)
    async with running(settings) as vault:
        mounts = {
            "http://vault": vault.transport,
            "http://complaints": httpx.ASGITransport(public_app, raise_app_exceptions=False),
            "http://referrals": httpx.ASGITransport(app, raise_app_exceptions=False),
        }
        async with (
            httpx.AsyncClient(mounts=mounts) as http,
            httpx.AsyncClient(transport=mounts["http://complaints"], base_url="http://complaints") as public,
        ):
            rights = started.rights
            rights._http, rights._vault, rights._referrals = http, "http://vault", "http://referrals"
            public_app.state.runtime = started
            answering = AnsweringRights(
                db, before.casebook, http, before.tokens, "http://complaints", "http://vault", told_within=timedelta(0)
            )
            app.state.services = replace(before, rights=answering)
            found = There(public, rights, office, admin, settings)
            found.vault = vault.app.state
            found.answering = answering
            yield found
            app.state.services = before
    await started.http.aclose()
    await started.documents.close()
    await complaints_db.close()


async def test_a_request_has_its_date_by_the_clock_and_stands_in_the_officers_list(there: There) -> None:
    person = await there.person()
    request_id = await person.asks("ACCESS")
    due = datetime.fromisoformat((await person.newest())["due_at"])
    asked = datetime.fromisoformat((await person.newest())["asked_at"])
    assert (due + CHINA).date() - (asked + CHINA).date() == timedelta(days=31), "24:00 of the thirtieth day after it"
    (listed,) = [item for item in await there.listed(LEADER) if item["request_id"] == request_id]
    assert (listed["kind"], listed["case_number"]) == ("ACCESS", person.code["case_number"])
    assert datetime.fromisoformat(listed["due_at"]) == due
    assert (await there.event(RightsAsked, person)).request_id == UUID(request_id)


async def test_only_the_desks_supervisor_sees_and_answers_it(there: There) -> None:
    request_id = await (await there.person()).asks("EXPLANATION")
    for other in ("clerk.desk", "supervisor.desk2", "supervisor.rdesk", "handler.hospital", "auditor"):
        assert request_id not in (await there.office.get(other, "/v1/rights")).text
        assert (await there.answer(request_id, granted=True, who=other)).status_code in (403, 404)


async def test_access_gives_the_reporter_a_copy_of_the_own_data_and_of_nobody_elses(there: There) -> None:
    person, other = await there.person(), await there.person()
    request_id = await person.asks("ACCESS")
    assert (await person.post("/copy", **person.proof)).status_code == 409
    assert (await there.answer(request_id, granted=True)).status_code == 200
    copy = await person.post("/copy", **person.proof)
    assert copy.status_code == 200, copy.text
    assert "attachment" in copy.headers["content-disposition"]
    for own in (*person.who.values(), person.code["case_number"]):
        assert own in copy.text
    for foreign in (*other.who.values(), "挂号窗口", "窗口态度恶劣", person.code["query_code"]):
        assert foreign not in copy.text
    strangers = await person.post("/copy", name=person.who["name"], phone="13700000000")
    assert (strangers.status_code, strangers.json()["code"]) == (403, "RIGHTS_UNVERIFIED")


@pytest.mark.parametrize("named", [True, False])
async def test_a_code_and_marks_moved_to_another_complaint_open_no_identity(there: There, named: bool) -> None:
    victim, thief = await there.person(named=named), await there.person()
    await victim.adds_file("我的录音.pdf")
    case_id = (await there.event(ComplaintSubmitted, victim)).case_ids[0]
    await there.moved(thief, victim)
    assert (await there.answer(await thief.asks("ACCESS"), granted=True)).status_code == 200
    refused = await thief.post("/copy", **thief.proof)
    assert (refused.status_code, refused.json()["code"]) == (403, "RIGHTS_UNVERIFIED")
    await there.admin.execute(
        "UPDATE complaints SET contact_token = NULL WHERE case_number = $1", victim.code["case_number"]
    )
    bare = await thief.post("/copy")
    assert (bare.status_code, bare.json()["code"]) == (403, "RIGHTS_UNVERIFIED")
    for answer in (refused, bare):
        assert not any(value in answer.text for value in (*victim.who.values(), "我的录音"))
    logged = await there.admin.fetch(
        "SELECT action FROM vault.audit_log WHERE chain = $1 AND action LIKE 'IDENTITY%'", f"case/{case_id}"
    )
    assert [row["action"] for row in logged] == ["IDENTITY_WITHHELD"] * 2


@pytest.mark.parametrize("by", ["phone", "email"])
async def test_who_left_no_name_collects_by_what_was_left_however_it_is_typed(there: There, by: str) -> None:
    person = await there.person(named=False)
    await there.answer(await person.asks("ACCESS"), granted=True)
    typed = {"phone": f"+86 {person.who['phone'][:3]} {person.who['phone'][3:]}", "email": person.who["email"].upper()}
    copy = await person.post("/copy", **{by: typed[by]})
    assert copy.status_code == 200, copy.text
    assert copy.json()["identity"]["phone"] == person.who["phone"]


async def test_what_files_are_called_is_in_the_copy_of_who_was_known_again_alone(there: There) -> None:
    known, unknown, gone = await there.person(), await there.person(known=False), await there.person()
    for person in (known, unknown, gone):
        await person.adds_file("我叫王丽的录音.pdf")
        await there.answer(await person.asks("ACCESS"), granted=True)
    await there.answer(await gone.asks("DELETION"), granted=True)
    (named,) = (await known.post("/copy", **known.proof)).json()["evidence"]
    assert (named["name"], len(named["sha256"])) == ("我叫王丽的录音.pdf", 64)
    for person in (unknown, gone):
        (nameless,) = (await person.post("/copy", **person.proof)).json()["evidence"]
        assert sorted(nameless) == ["at", "media_type", "size"]


async def test_a_copy_is_collected_in_time_or_asked_for_anew(there: There) -> None:
    person = await there.person()
    await there.answer(await person.asks("ACCESS"), granted=True)
    known = there.vault.settings
    there.vault.settings = known.model_copy(update={"rights_copy_days": 0.0})
    try:
        refused = await person.post("/copy", **person.proof)
    finally:
        there.vault.settings = known
    assert (refused.status_code, refused.json()["code"]) == (409, "RIGHTS_NOT_GRANTED")
    assert (await person.post("/copy", **person.proof)).status_code == 200


async def test_the_code_alone_asks_for_nothing_of_an_identity(there: There) -> None:
    person = await there.person()
    for kind in ("ACCESS", "CORRECTION", "DELETION", "RESTRICTION"):
        for given in ({}, {"name": person.who["name"]}, {"phone": person.who["phone"]}, {"email": person.who["email"]}):
            refused = await person.post("", kind=kind, corrected={"name": "李四"}, **given)
            assert (refused.status_code, refused.json()["code"]) == (403, "RIGHTS_UNVERIFIED")
    assert (await person.post("", kind="EXPLANATION")).status_code == 201
    wrong = await there.public.post("/v1/tracking/rights/standing", json={**person.code, "query_code": "0" * 17})
    assert wrong.status_code == 404


async def test_no_refusal_tells_right_from_wrong_where_nothing_is_kept_of_it(there: There) -> None:
    """What can't be put on record is refused whoever asks, and what waits already too: who has the code sees that."""
    person = await there.person()
    unlike = {**person.proof, "name": "李四"}
    for given in (person.proof, unlike):
        for corrected in ({}, {"corrected": {}}, {"corrected": {"name": "赵新"}, "ways": ["SMS"]}):
            refused = await person.post("", kind="CORRECTION", **corrected, **given)
            assert refused.status_code == 422, refused.text
    await person.asks("ACCESS")
    for given in (person.proof, unlike):
        refused = await person.post("", kind="ACCESS", **given)
        assert (refused.status_code, refused.json()["code"]) == (409, "RIGHTS_WAITING")
    assert await there.audited(person, "RIGHT_UNVERIFIED") == []


async def test_who_was_taken_for_the_reporter_is_on_record_as_who_was_not(there: There) -> None:
    person = await there.person(named=False)
    await person.asks("ACCESS")
    assert (await person.post("", kind="DELETION", phone="13700000000")).status_code == 403
    assert await there.audited(person, "RIGHT_VERIFIED") == ["ACCESS"]
    assert await there.audited(person, "RIGHT_UNVERIFIED") == ["DELETION"]


async def test_who_has_the_code_tries_no_names_where_nobody_is_told(there: There) -> None:
    person = await there.person()
    for name in (person.who["name"], "李四"):
        refused = await person.post("/copy", name=name, phone=person.who["phone"])
        assert (refused.status_code, refused.json()["code"]) == (409, "RIGHTS_NOT_GRANTED")


async def test_names_are_tried_so_many_times_a_day_whoever_tries_and_each_is_on_record(there: There) -> None:
    person = await there.person()
    tries = there.settings.rights_tries
    for guess in range(tries):
        refused = await person.post("", kind="ACCESS", name=f"李{guess}", phone=person.who["phone"])
        assert refused.json()["code"] == "RIGHTS_UNVERIFIED"
    for given in (person.proof, {"name": "李四", "phone": person.who["phone"]}):
        refused = await person.post("", kind="ACCESS", **given)
        assert (refused.status_code, refused.json()["code"]) == (429, "RIGHTS_TOO_MANY"), "right and wrong alike"
    assert await there.audited(person, "RIGHT_UNVERIFIED") == ["ACCESS"] * tries
    await there.admin.execute("UPDATE guesses SET at = at - interval '1 day'")
    await person.asks("ACCESS")


async def test_a_correction_replaces_the_identity_and_what_finds_it(there: There) -> None:
    person = await there.person()
    new = {"name": "赵新", "phone": f"138{uuid4().int % 10**8:08d}", "email": "new@example.org"}
    request_id = await person.asks("CORRECTION", corrected=new)
    before = await there.admin.fetchval(
        "SELECT sealed FROM vault.sealed_identities JOIN complaints USING (complaint_id) WHERE case_number = $1",
        person.code["case_number"],
    )
    assert (await there.answer(request_id, granted=True)).status_code == 200
    assert (await there.answer(request_id, granted=True)).status_code == 404, "answered: it waits no more"
    assert before not in [
        row["sealed"] for table in ("sealed_identities", "corrections")
        for row in await there.admin.fetch(f"SELECT sealed FROM vault.{table}")
    ]  # fmt: skip
    old, person.who = person.who, new
    access = await person.asks("ACCESS")
    assert (await person.post("", kind="EXPLANATION", **old)).status_code == 201
    await there.answer(access, granted=True)
    copy = (await person.post("/copy", **person.proof)).text
    assert "赵新" in copy
    assert old["name"] not in copy
    refused = await person.post("/copy", name=old["name"], phone=old["phone"])
    assert refused.status_code == 403
    event = await there.event(RightsAnswered, person)
    assert event.kind == "ACCESS"


async def test_a_correction_from_before_identities_were_bound_takes_its_place_bound(
    there: There, settings: Settings
) -> None:
    person = await there.person()
    new = {"name": "赵新", "phone": f"138{uuid4().int % 10**8:08d}"}
    request_id = await person.asks("CORRECTION", corrected=new)
    token = await there.admin.fetchval(
        "SELECT contact_token FROM complaints WHERE case_number = $1", person.code["case_number"]
    )
    data = json.dumps({**new, "ways": ["SMS"], "language": "zh"}).encode()
    await there.admin.execute(
        "UPDATE vault.corrections SET sealed = $2 WHERE request_id = $1",
        UUID(request_id),
        load_vault_public(settings.keys_dir).seal(data, str(token).encode()),
    )
    assert (await there.answer(request_id, granted=True)).status_code == 200
    person.who = new
    await there.answer(await person.asks("ACCESS"), granted=True)
    assert "赵新" in (await person.post("/copy", **person.proof)).text


async def test_a_refused_correction_leaves_all_as_it_was_and_keeps_nothing_of_it(there: There) -> None:
    person = await there.person()
    request_id = await person.asks("CORRECTION", corrected={"name": "赵新", "phone": "13800000009"})
    assert (await there.answer(request_id, granted=False)).status_code == 422
    assert (await there.answer(request_id, granted=False, ground="UNVERIFIED", text="未能核实。")).status_code == 200
    told = await person.newest()
    assert (told["state"], told["ground"], told["answer"]) == ("REFUSED", "UNVERIFIED", "未能核实。")
    for words in ("第四十六条", "第六十五条", "第五十条"):
        assert words in told["text"]
    waiting = "SELECT count(*) FROM vault.corrections WHERE request_id = $1"
    assert await there.admin.fetchval(waiting, UUID(request_id)) == 0
    assert await there.identities(person) == 1


async def test_a_deletion_takes_the_identity_and_the_case_lives_on(there: There) -> None:
    person = await there.person()
    request_id = await person.asks("DELETION")
    assert (await there.answer(request_id, granted=True)).status_code == 200
    assert await there.identities(person) == 0
    event = await there.event(RightsAnswered, person)
    assert (event.contact_changed, event.contact_token, event.ways) == (True, None, ())
    marks = await there.admin.fetchval(
        "SELECT reporter FROM likeness JOIN complaints USING (complaint_id) WHERE case_number = $1",
        person.code["case_number"],
    )
    assert marks == []
    tracked = await there.public.post("/v1/tracking", json=person.code)
    assert tracked.status_code == 200
    again = await person.post("", kind="DELETION", **person.proof)
    assert (again.status_code, again.json()["code"]) == (409, "RIGHTS_NOTHING_HELD")


@pytest.mark.parametrize("kind", ["DELETION", "CORRECTION"])
async def test_nothing_is_deleted_or_replaced_under_a_legal_hold(
    there: There, stack_engines: Stack, settings: Settings, kind: str
) -> None:
    person = await there.person()
    request_id = await person.asks(kind, **({"corrected": {"name": "赵新"}} if kind == "CORRECTION" else {}))
    kept = await there.sealed(person)
    case_id = (await there.event(RightsAsked, person)).case_ids[0]
    owner = await asyncpg.connect(stack_engines.config.admin_dsn(settings.dsn("referrals").rsplit("/", 1)[1]))
    try:
        await owner.execute("INSERT INTO legal_holds (case_id, reason, set_by) VALUES ($1, '诉讼', 'cli/t')", case_id)
    finally:
        await owner.close()
    held = await there.answer(request_id, granted=True)
    assert (held.status_code, held.json()["code"]) == (409, "RIGHTS_HELD")
    assert await there.sealed(person) == kept
    assert (await there.answer(request_id, granted=False, ground="RETENTION", text="依法保全。")).status_code == 200


async def test_no_hold_is_set_while_an_identity_is_being_replaced(
    there: There, stack_engines: Stack, settings: Settings
) -> None:
    person = await there.person()
    request_id = await person.asks("CORRECTION", corrected={"name": "赵新"})
    case_id = (await there.event(RightsAsked, person)).case_ids[0]
    owner = await asyncpg.connect(stack_engines.config.admin_dsn(settings.dsn("referrals").rsplit("/", 1)[1]))
    decide, waited = there.answering._decide, []

    async def meanwhile(*said: Any) -> None:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await owner.execute("INSERT INTO legal_holds (case_id, reason, set_by) VALUES ($1, 'x', 'cli/t')", case_id)
        waited.append(True)
        await decide(*said)

    there.answering._decide = meanwhile  # type: ignore[method-assign]
    try:
        await owner.execute("SET lock_timeout = '100ms'")
        assert (await there.answer(request_id, granted=True)).status_code == 200
    finally:
        there.answering._decide = decide  # type: ignore[method-assign]
        await owner.close()
    assert waited == [True]


async def test_a_correction_is_granted_once_the_address_left_before_had_the_time_to_hear_of_it(there: There) -> None:
    person = await there.person()
    request_id = await person.asks("CORRECTION", corrected={"name": "赵新"})
    kept = await there.sealed(person)
    there.answering._told_within = timedelta(hours=1)
    try:
        early = await there.answer(request_id, granted=True)
        assert (early.status_code, early.json()["code"]) == (409, "RIGHTS_EARLY")
        assert await there.sealed(person) == kept
        await there.admin.execute(
            "UPDATE rights_requests SET asked_at = asked_at - interval '1 hour' WHERE request_id = $1", UUID(request_id)
        )
        assert (await there.answer(request_id, granted=True)).status_code == 200
    finally:
        there.answering._told_within = timedelta(0)
    assert await there.sealed(person) != kept


async def test_the_requests_of_others_keep_nobodys_from_being_seen_and_answered(there: There) -> None:
    """However many wait elsewhere: a page is of the cases that the officer sees."""
    person = await there.person()
    request_id = await person.asks("EXPLANATION")
    complaint_id = await there.admin.fetchval(
        "SELECT complaint_id FROM complaints WHERE case_number = $1", person.code["case_number"]
    )
    await there.admin.execute(
        "WITH other AS (INSERT INTO complaints SELECT (jsonb_populate_record(c, jsonb_build_object("
        " 'complaint_id', gen_random_uuid(), 'case_number', $2::text || n, 'query_code_hash',"
        " '\\x' || encode(sha256(($2::text || n)::bytea), 'hex')))).* FROM complaints c, generate_series(1, 600) n"
        " WHERE c.complaint_id = $1 RETURNING complaint_id)"
        " INSERT INTO rights_requests (request_id, complaint_id, kind, asked_at, due_at)"
        " SELECT gen_random_uuid(), complaint_id, 'ACCESS', '2020-01-01', '2020-02-01' FROM other",
        complaint_id,
        f"X-{uuid4().hex[:12]}-",
    )
    seen = [item["request_id"] for item in await there.listed(LEADER)]
    assert seen.count(request_id) == 1
    assert len(seen) == len(set(seen))
    assert (await there.answer(request_id, granted=True)).status_code == 200


async def test_what_finds_a_corrected_identity_is_kept_in_one_place(there: There) -> None:
    for granted, ground in ((True, None), (False, "UNVERIFIED")):
        person = await there.person()
        request_id = await person.asks("CORRECTION", corrected={"name": "赵新", "phone": "13800000008"})
        assert (await there.answer(request_id, granted=granted, ground=ground)).status_code == 200
        left = await there.admin.fetchval("SELECT marks FROM rights_requests WHERE request_id = $1", UUID(request_id))
        assert left is None
    waiting = await there.person()
    correction = await waiting.asks("CORRECTION", corrected={"name": "赵新"})
    deletion = await waiting.asks("DELETION")
    assert (await there.answer(deletion, granted=True)).status_code == 200
    left = await there.admin.fetchval("SELECT marks FROM rights_requests WHERE request_id = $1", UUID(correction))
    assert left is None


async def test_a_restriction_ends_the_use_of_the_contact_and_keeps_it(there: There) -> None:
    person = await there.person(named=False)
    request_id = await person.asks("RESTRICTION")
    assert (await there.answer(request_id, granted=True)).status_code == 200
    event = await there.event(RightsAnswered, person)
    assert (event.contact_changed, event.ways) == (True, ())
    assert await there.identities(person) == 1


async def test_the_vaults_first_word_stands(there: There) -> None:
    """Complaints was away after the yes was carried out: a no can't follow it, the same yes can."""
    person = await there.person()
    request_id = await person.asks("DELETION")
    known, there.rights.answer = there.rights.answer, _away  # type: ignore[method-assign,assignment]
    try:
        assert (await there.answer(request_id, granted=True)).status_code == 503
    finally:
        there.rights.answer = known  # type: ignore[method-assign]
    refused = await there.answer(request_id, granted=False, ground="DUTY", text="不同意。")
    assert (refused.status_code, refused.json()["code"]) == (409, "RIGHTS_DECIDED")
    assert (await there.answer(request_id, granted=True)).status_code == 200


async def _away(*_: Any) -> None:
    raise ConnectionRefusedError


async def test_an_anonymous_reporter_may_ask_what_is_held_and_has_nothing_to_correct(there: There) -> None:
    person = await there.person(known=False)
    request_id = await person.asks("ACCESS")
    for kind in ("CORRECTION", "DELETION", "RESTRICTION"):
        assert (await person.post("", kind=kind)).json()["code"] == "RIGHTS_NOTHING_HELD"
    await there.answer(request_id, granted=True)
    copy = (await person.post("/copy")).json()
    assert (copy["identity"], copy["complaint"]["case_number"]) == ({}, person.code["case_number"])


async def test_the_same_request_waits_once(there: There) -> None:
    person = await there.person()
    await person.asks("ACCESS")
    again = await person.post("", kind="ACCESS", **person.proof)
    assert (again.status_code, again.json()["code"]) == (409, "RIGHTS_WAITING")


async def test_each_step_is_on_the_audit_and_in_the_history_without_what_was_held(there: There) -> None:
    person = await there.person()
    request_id = await person.asks("ACCESS")
    asked = await there.event(RightsAsked, person)
    await there.office.bridged(asked)
    await there.answer(request_id, granted=True)
    await there.office.bridged(await there.event(RightsAnswered, person))
    await person.post("/copy", **person.proof)
    chain = f"case/{asked.case_ids[0]}"
    own = await there.admin.fetch("SELECT * FROM audit_log WHERE chain = $1 ORDER BY sequence", chain)
    vaults = await there.admin.fetch("SELECT * FROM vault.audit_log WHERE chain = $1 ORDER BY sequence", chain)
    assert [row["action"] for row in own] == [
        "RIGHT_VERIFIED", "RIGHT_ASKED", "RIGHT_ANSWERED", "RIGHT_VERIFIED", "RIGHT_COPIED",
    ]  # fmt: skip
    assert [row["action"] for row in vaults] == ["RIGHT_GRANTED", "IDENTITY_COPIED"]
    assert not any(value in str([*map(dict, own), *map(dict, vaults)]) for value in person.who.values())
    acts: list[str] = []
    while "ANSWER_RIGHTS" not in acts:
        view = await there.office.view(LEADER, asked.case_ids[0])
        acts = [step["act"] for step in view["timeline"]]
    assert acts[-2:] == ["ASK_RIGHTS", "ANSWER_RIGHTS"]


async def test_the_vault_takes_no_word_from_anybody_else(there: There, settings: Settings) -> None:
    async with running(settings) as vault:
        for name, purpose in (("complaints", "rights.decide"), ("notifications", "rights.decide"), ("cli", "keys")):
            token = Vault.token(vault, "officer-1", _decided(), name=name, purpose=purpose)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=vault.transport, base_url="http://vault") as http:
                shown = {"Authorization": f"Bearer {token}"}
                assert (await http.post("/v1/rights/decisions", headers=shown)).status_code == 401
                assert (await http.post("/v1/rights/copies", headers=shown)).status_code == 401


async def test_the_vault_does_only_what_complaints_has_told_it_was_asked(there: There, settings: Settings) -> None:
    person, other = await there.person(), await there.person()
    access = await person.asks("ACCESS")
    asked = await there.event(RightsAsked, person)
    await other.asks("DELETION")
    theirs = await there.event(RightsAsked, other)

    async def told(purpose: str, issuer: str, given: dict[str, str] | None = None, **claims: Any) -> int:
        path = "decisions" if purpose == DECIDE else "copies"
        body = {name: str(value) if isinstance(value, UUID) else value for name, value in claims.items()}
        token = ServiceTokens(issuer, settings).issue("vault", purpose, subject="officer-1", claims=body)
        async with running(settings) as vault, httpx.AsyncClient(transport=vault.transport) as http:
            shown = {"Authorization": f"Bearer {token}"}
            return (await http.post(f"http://vault/v1/rights/{path}", headers=shown, json=given)).status_code

    said = {"complaint_id": asked.complaint_id, "case_id": asked.case_ids[0], "granted": True}
    for request_id, kind in ((uuid4(), "DELETION"), (access, "DELETION"), (theirs.request_id, "DELETION")):
        assert await told(DECIDE, "referrals", **said, request_id=request_id, kind=kind) == 404
    assert [await there.identities(each) for each in (person, other)] == [1, 1]
    assert (await there.answer(access, granted=True)).status_code == 200
    assert await told(COPY, "complaints", request_id=access, complaint_id=theirs.complaint_id) == 403
    own = {"request_id": access, "complaint_id": asked.complaint_id}
    for given in (None, {}, other.who, {"name": person.who["name"]}, {**person.proof, "name": "李四"}):
        assert await told(COPY, "complaints", given, **own) == 403
    assert await told(COPY, "complaints", person.proof, **own) == 200
    once = {name: str(value) for name, value in own.items()}
    shown = {"Authorization": f"Bearer {ServiceTokens('complaints', settings).issue('vault', COPY, claims=once)}"}
    async with running(settings) as vault, httpx.AsyncClient(transport=vault.transport) as http:
        url = "http://vault/v1/rights/copies"
        again = [(await http.post(url, headers=shown, json=person.proof)).status_code for _ in range(2)]
    assert again == [200, 401], "a token that was seen on its way shows no copy"


def _decided() -> Any:
    ids = {"request_id": uuid4(), "complaint_id": uuid4(), "case_id": uuid4()}
    return Decided(**ids, kind=Right.DELETION, granted=True)


async def test_an_answer_stands_on_a_signed_word_and_a_bare_row_opens_nothing(there: There, settings: Settings) -> None:
    person = await there.person()
    request_id = await person.asks("ACCESS")
    await there.answer(request_id, granted=True)
    case_id = (await there.event(RightsAsked, person)).case_ids[0]

    async def wrong() -> list[str]:
        async with there.admin.transaction():
            await there.admin.execute("SELECT set_config('huiyin.role', 'system', true)")
            found = Words(settings.keys_dir).findings(there.admin, [f"case/{case_id}"])
            return [text async for _, text in found]

    assert await wrong() == []
    await there.admin.execute(
        "UPDATE vault.rights_decisions SET officer = 'a-9' WHERE request_id = $1", UUID(request_id)
    )
    assert ["not as the vault signed it" in text for text in await wrong()] == [True]
    refused = await person.post("/copy", **person.proof)
    assert refused.status_code != 200
    assert person.who["name"] not in refused.text
    await there.admin.execute("DELETE FROM vault.rights_decisions WHERE request_id = $1", UUID(request_id))
    assert ["don't agree" in text for text in await wrong()] == [True]


async def test_the_pages_answer_by_form(there: There, browsers: Browsers) -> None:
    person = await there.person()
    request_id = await person.asks("RESTRICTION")
    browser = await browsers.of(LEADER)
    page = await browser.get("/workbench/rights")
    assert person.code["case_number"] in page.text
    assert "停止使用我的联系方式" in page.text
    form = page.form(f"/rights/{request_id}")
    await browser.send(form, verdict="no", ground="DUTY", text="答复须送达。")
    told = await person.newest()
    assert (told["state"], told["answer"]) == ("REFUSED", "答复须送达。")
