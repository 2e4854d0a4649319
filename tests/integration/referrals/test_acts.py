"""Acts that are repeated, raced, slow, or sent while Temporal is away: nothing is done twice and nothing by halves."""

import asyncio
import dataclasses
from collections import Counter
from functools import partial
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from deploy.ports import free_ports
from services.chassis import temporal
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.repository.sql import one
from services.referrals.service import acting
from services.referrals.service.acting import Acting
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def count(db: Database, statement: str, *args: object) -> int:
    async with db.read(SYSTEM) as session:
        row = await one(session, statement, *args)
    assert row is not None
    return int(row["n"])


async def test_the_same_request_again_gets_the_same_answer_and_does_nothing(office: Office, db: Database) -> None:
    case_id, key = await office.new_case(), str(uuid4())
    asked = {"key": key, "sequence": 1, "note": "请补充材料。"}
    first = await office.try_act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", **asked)
    again = await office.try_act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", **asked)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["sequence"], first.json()["stage"]) == (again.json()["sequence"], again.json()["stage"])
    assert await count(db, "SELECT count(*) AS n FROM case_history WHERE case_id = $1", case_id) == 2
    assert await count(db, "SELECT count(*) AS n FROM documents WHERE case_id = $1", case_id) == 1


async def test_the_same_request_eight_times_at_once_is_done_once(office: Office, db: Database) -> None:
    case_id, key = await office.new_case(), str(uuid4())
    answers = await asyncio.gather(
        *(
            office.try_act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", key=key, sequence=1, note="请补充")
            for _ in range(8)
        )
    )
    assert {(answer.status_code, answer.json()["sequence"]) for answer in answers} == {(200, 2)}
    assert await count(db, "SELECT count(*) AS n FROM documents WHERE case_id = $1", case_id) == 1


async def test_a_key_is_good_for_one_request_of_one_officer(office: Office) -> None:
    case_id, key = await office.new_case(), str(uuid4())
    assert (await office.try_act("clerk.desk", case_id, "CLAIM", key=key, sequence=1)).status_code == 200
    for username, act in (("clerk.desk", "ACCEPT"), ("clerk2.desk", "CLAIM"), ("clerk2.desk", "ACCEPT")):
        refused = await office.try_act(username, case_id, act, key=key, sequence=2)
        assert refused.status_code in (409, 422), refused.text
        assert refused.json()["code"] in ("IDEMPOTENCY_KEY_REUSED", "NOT_YOURS")
    assert (await office.view("clerk.desk", case_id))["sequence"] == 2


async def test_a_request_without_a_key_is_told_what_to_send(office: Office) -> None:
    case_id = await office.new_case()
    body = {"act": "CLAIM", "expected_sequence": 1}
    for headers in ({}, {"Idempotency-Key": "no uuid"}):
        answer = await office.post("clerk.desk", f"/v1/cases/{case_id}/acts", body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")


@pytest.mark.parametrize(
    ("username", "act", "fields", "status", "code"),
    [
        ("clerk.desk", "SIGN", {}, 409, "ILLEGAL_ACT"),
        ("clerk.desk", "DUE_SOON", {}, 409, "ILLEGAL_ACT"),
        ("clerk.desk", "RATE", {"satisfaction": 5}, 409, "ILLEGAL_ACT"),
        ("follow_up.desk", "ACCEPT", {}, 403, "NOT_YOUR_ROLE"),
        ("clerk.desk", "REJECT", {}, 422, "MISSING_REASON_CODE"),
        ("clerk.desk", "REJECT", {"reason_code": "R99"}, 422, "UNKNOWN_REASON"),
        ("clerk.desk", "ACCEPT", {"outcome": "EXPLAINED"}, 422, "UNEXPECTED_FIELD"),
        ("clerk.desk", "LINK_RESPONDENTS", {"respondent_units": ["moon"]}, 422, "UNKNOWN_UNIT"),
        ("clerk.desk", "HAND_TO_DESK", {"unit_id": "wj", "note": "x"}, 422, "NOT_A_DESK"),
        ("clerk.desk", "HAND_TO_DESK", {"unit_id": "desk", "note": "x"}, 422, "SAME_UNIT"),
        ("clerk.desk", "DANCE", {}, 422, "validation"),
        ("clerk.desk", "ACCEPT", {"sequence": 7}, 409, "STALE"),
        ("clerk.desk", "ACCEPT", {"sequence": 0}, 409, "STALE"),
    ],
)
async def test_what_is_not_right_now_is_refused_with_a_reason(
    office: Office, username: str, act: str, fields: dict[str, object], status: int, code: str
) -> None:
    case_id = await office.new_case()
    answer = await office.try_act(username, case_id, act, **fields)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["detail"]) > 8
    if status == 409:
        assert answer.json()["case"]["sequence"] == 1
        assert answer.json()["case"]["legal_acts"]
    assert (await office.view("clerk.desk", case_id))["sequence"] == 1


async def test_the_ground_of_a_hand_over_is_of_the_table_and_is_shown_with_its_article(office: Office) -> None:
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    for ground, code in (("MY-OWN", "UNKNOWN_GROUND"), ("SUSPECTED_CRIME", "WRONG_GROUND")):
        answer = await office.try_act("dispatcher.desk", case_id, "DISPATCH", unit_id="wj", ground=ground)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["field"]) == (422, code, "ground")
    sent = await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id="wj", ground="GBF-53")
    assert sent["case"]["course"]["ground_name"] == "热线诉求派发（国办发〔2020〕53号）"
    assert sent["case"]["timeline"][-1]["ground_name"] == "热线诉求派发（国办发〔2020〕53号）"


async def test_of_many_officers_at_one_task_one_wins(office: Office) -> None:
    for act in ("CLAIM", "ACCEPT"):
        case_id = await office.new_case()
        answers = await asyncio.gather(
            *(
                office.try_act(f"clerk{number % 2 + 1}.desk".replace("clerk1", "clerk"), case_id, act, sequence=1)
                for number in range(24)
            )
        )
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 23}
        losers = [answer.json() for answer in answers if answer.status_code == 409]
        assert {problem["code"] for problem in losers} <= {"STALE", "NOT_YOURS", "ALREADY_YOURS", "ILLEGAL_ACT"}
        assert all(problem["case"]["sequence"] == 2 for problem in losers)


async def test_a_claimed_task_belongs_to_who_claimed_it(office: Office) -> None:
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "CLAIM")
    other = await office.try_act("clerk2.desk", case_id, "ACCEPT")
    assert (other.status_code, other.json()["code"]) == (409, "NOT_YOURS")
    assert (await office.act("clerk.desk", case_id, "ACCEPT"))["stage"] == "PENDING_DISPATCH"


async def test_acting_on_an_unclaimed_task_claims_it(office: Office) -> None:
    case_id = await office.new_case()
    linked = await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    assert linked["case"]["task"]["mine"] is True
    assert (await office.try_act("clerk2.desk", case_id, "ACCEPT")).json()["code"] == "NOT_YOURS"


async def test_the_workflow_refuses_what_the_api_could_not_know(office: Office, app: FastAPI) -> None:
    """Two officers of two processes: the second one's process looked before the first one's act was recorded."""
    case_id = await office.new_case()
    services = app.state.services
    blind = dataclasses.replace(services, acting=_Blind(services))
    app.state.services = blind
    try:
        refused = await office.try_act("clerk.desk", case_id, "SIGN", sequence=1)
        assert (refused.status_code, refused.json()["code"]) == (409, "ILLEGAL_ACT")
        wrong = await office.try_act("handler.hospital", case_id, "ACCEPT", sequence=1)
        assert wrong.status_code == 404
        nowhere = await office.try_act("clerk.desk", case_id, "HAND_TO_DESK", sequence=1, unit_id="wj", note="x")
        assert (nowhere.status_code, nowhere.json()["code"]) == (422, "NOT_A_DESK")
    finally:
        app.state.services = services


class _Blind(Acting):
    """Does not judge before it sends."""

    def __init__(self, services: object) -> None:
        self.__dict__.update(services.acting.__dict__)  # type: ignore[attr-defined]

    async def _judge(self, *args: object) -> None:
        return None


async def test_a_slow_act_is_promised_and_followed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id, key = await office.new_case(), str(uuid4())
    with monkeypatch.context() as patched:
        patched.setattr(acting, "WAIT_SECONDS", 0)
        answer = await office.ask("clerk.desk", case_id, "CLAIM", key=key, sequence=1)
    assert answer.status_code == 202
    assert answer.json() == {"command_id": key, "follow": f"/v1/commands/{key}"}
    async with asyncio.timeout(60):
        while (followed := (await office.get("clerk.desk", f"/v1/commands/{key}")).json())["state"] == "PENDING":
            await asyncio.sleep(0.05)
    assert (followed["state"], followed["sequence"], followed["stage"]) == ("DONE", 2, "TRIAGE")
    assert (await office.get("clerk2.desk", f"/v1/commands/{key}")).status_code == 404


async def test_a_promise_outlives_the_process_that_made_it(
    office: Office, app: FastAPI, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, key = await office.new_case(), str(uuid4())
    working = app.state.services
    monkeypatch.setattr(acting, "RESEND_SECONDS", 0.2)
    monkeypatch.setattr(acting, "WAIT_SECONDS", 0.01)

    async def never(*_: object) -> object:
        return await asyncio.Future()

    lost = _copy(working.acting)
    lost._execute = never  # type: ignore[method-assign]  # the process dies with the command in its hands
    app.state.services = dataclasses.replace(working, acting=lost)
    try:
        answer = await office.ask("clerk.desk", case_id, "CLAIM", key=key, sequence=1)
    finally:
        app.state.services = working
    assert answer.status_code == 202
    keeper = asyncio.create_task(_copy(working.acting).keep_promises())
    try:
        async with asyncio.timeout(60):
            while (await office.get("clerk.desk", f"/v1/commands/{key}")).json()["state"] != "DONE":
                await asyncio.sleep(0.2)
    finally:
        keeper.cancel()
    for flight in lost._flying.values():
        flight.cancel()


def _copy(original: Acting) -> Acting:
    copy = Acting.__new__(Acting)
    copy.__dict__.update(original.__dict__)
    copy._flying = {}
    return copy


async def test_temporal_away_is_503_and_the_repeated_request_is_done(
    office: Office, app: FastAPI, db: Database, settings: Settings
) -> None:
    case_id, key = await office.new_case(), str(uuid4())
    nobody = settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_ports()['temporal']}"})
    dead = await temporal.connect(nobody, lazy=True)
    working = app.state.services
    cut_off = Acting(db, dead, working.casebook, working.texts, partial(temporal.ping, dead))
    app.state.services = dataclasses.replace(working, acting=cut_off)
    asked = {"key": key, "sequence": 1, "note": "请补充。"}
    try:
        answer = await office.try_act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", **asked)  # type: ignore[arg-type]
    finally:
        app.state.services = working
    assert (answer.status_code, answer.json()["engine"]) == (503, "temporal")
    assert "Idempotency-Key" in answer.json()["detail"]
    assert (await office.view("clerk.desk", case_id))["sequence"] == 1
    again = await office.try_act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", **asked)  # type: ignore[arg-type]
    assert (again.status_code, again.json()["sequence"]) == (200, 2)
    assert again.json()["case"]["timeline"][-1]["note"]["text"] == "请补充。"
    assert await count(db, "SELECT count(*) AS n FROM documents WHERE case_id = $1", case_id) == 1


async def test_an_archived_case_takes_no_act(office: Office, app: FastAPI) -> None:
    case_id: UUID = await office.new_case()
    await office.client.get_workflow_handle(f"case/{case_id}").terminate()
    refused = await office.try_act("clerk.desk", case_id, "CLAIM", sequence=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "ILLEGAL_ACT")
