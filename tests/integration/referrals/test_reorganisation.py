"""A unit gets a successor and an officer leaves: on PostgreSQL and Temporal, over HTTP, and while Temporal is away."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.service import RPCError, RPCStatusCode

from contracts.course import Course
from contracts.lifecycle import Track
from contracts.messages import Succession
from services.chassis.db import SYSTEM, Database
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.domain import Level, UnitKind
from services.referrals.repository import reorganising
from services.referrals.service.registry import NewUnit, Registry
from services.referrals.service.reorganising import Reorganising
from tests.integration.referrals.office import PASSWORD, Office, steps_of
from tests.integration.referrals.test_record import DESK, WJ, first_step

pytestmark = pytest.mark.asyncio(loop_scope="session")
NO_RPC = b""


async def unit(office: Office, kind: str = "INSTITUTION", **changes: Any) -> str:
    """A new unit in 历下区 with a handler; a department has the health commission's code."""
    unit_id = f"u{uuid4().hex[:10]}"
    body = {"unit_id": unit_id, "name": unit_id, "level": "COUNTY", "kind": kind, "region": "370102", **changes}
    if kind == "DEPARTMENT":
        body["department"] = "WJ"
    answer = await office.post("admin", "/v1/units", body)
    assert answer.status_code == 201, answer.text
    await officer(office, unit_id, f"handler.{unit_id}")
    return unit_id


async def officer(office: Office, unit_id: str, username: str) -> None:
    body = {"username": username, "name": "经办", "unit_id": unit_id, "password": PASSWORD}
    assert (await office.post("admin", "/v1/accounts", body)).status_code == 201
    security = await office.headers("security")
    roles = f"/v1/accounts/{username}/roles"
    assert (await office.http.put(roles, json={"roles": ["HANDLER"]}, headers=security)).status_code == 200


async def at_work(office: Office, holder: str, track: Track = Track.GENERAL, about: str | None = None) -> UUID:
    """A case that the handler of a unit has signed for."""
    desk = "desk" if track is Track.GENERAL else "rdesk"
    case_id = await office.new_case(track)
    await office.act(f"clerk.{desk}", case_id, "LINK_RESPONDENTS", respondent_units=[about or holder])
    await office.act(f"clerk.{desk}", case_id, "ACCEPT")
    await office.act(f"dispatcher.{desk}", case_id, "DISPATCH", unit_id=holder)
    await office.act(f"handler.{holder}", case_id, "SIGN")
    await office.act(f"handler.{holder}", case_id, "CLAIM")
    return case_id


async def moved(office: Office, username: str, case_id: UUID, act: str) -> dict[str, Any]:
    """The case once the act is on its record."""
    async with asyncio.timeout(30):
        while True:
            view = await office.view(username, case_id)
            if act in [step["act"] for step in view["timeline"]]:
                return view
            await asyncio.sleep(0.1)


async def succeed(office: Office, old: str, new: str, status: int = 200) -> dict[str, Any]:
    """As the system administrator asks and the security administrator confirms; ``status``: what the first is told."""
    answer = await office.post("admin", f"/v1/units/{old}/successor", {"successor_id": new})
    assert answer.status_code == status, answer.text
    if status == 200:
        answer = await confirmed(office, old, new)
        assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def confirmed(office: Office, old: str, new: str, by: str = "security") -> httpx.Response:
    return await office.post(by, f"/v1/units/{old}/successor/confirmation", {"successor_id": new})


async def test_a_merged_unit_s_cases_officers_and_past_go_to_its_successor(office: Office) -> None:
    old, new = await unit(office), await unit(office)
    ours = await at_work(office, old)
    past = await at_work(office, old)
    await office.act("dispatcher.desk", past, "RECALL", note="派错了")
    closed = await succeed(office, old, new)
    assert (closed["active"], closed["successor_id"]) == (False, new)
    assert (await succeed(office, old, new))["successor_id"] == new, "said again it changes nothing"

    view = await moved(office, "clerk.desk", ours, "SUCCEED")
    assert (view["holder"]["unit_id"], view["task"]["unit_id"]) == (new, new)
    assert (await followed(office, old)).json()["officers"] == 1
    assert view["task"]["assignee"] is not None
    assert view["stage"] == "SIGNED"
    # The officer who had it works on under the new roof; the new unit's own officers see it, and what is past.
    await asyncio.sleep(2.1)  # an account's unit may be two seconds old
    assert (await office.get(f"handler.{new}", f"/v1/cases/{past}")).status_code == 200
    await office.act(f"handler.{old}", ours, "BEGIN")


async def followed(office: Office, unit_id: str, by: str = "security") -> httpx.Response:
    """The officers of a closed unit go where it went."""
    return await office.post(by, f"/v1/units/{unit_id}/successor/officers", {})


async def test_no_case_moves_by_one_administrators_word(office: Office) -> None:
    old, new, other = [await unit(office) for _ in range(3)]
    ours, past = await at_work(office, old), await at_work(office, old)
    await office.act("dispatcher.desk", past, "RECALL", note="派错了")
    assert (await confirmed(office, old, new)).json()["code"] == "SUCCESSOR_NOT_ASKED", "nor by the other's alone"
    for asked in (other, new, new):
        answer = await office.post("admin", f"/v1/units/{old}/successor", {"successor_id": asked})
        assert answer.status_code == 200, answer.text
        view = answer.json()
        assert (view["active"], view["successor_id"], view["successor_asked"]) == (True, None, asked)
    for by in ("admin", "auditor", "supervisor.desk"):
        assert (await confirmed(office, old, new, by)).status_code == 403
    assert (await confirmed(office, old, other)).json()["code"] == "SUCCESSOR_NOT_ASKED", "it is asked for no more"
    for case_id in (ours, past):
        assert (await office.get(f"handler.{new}", f"/v1/cases/{case_id}")).status_code == 404
    await office.act(f"handler.{old}", ours, "BEGIN")

    for _ in range(2):
        closed = (await confirmed(office, old, new)).json()
        assert (closed["active"], closed["successor_id"], closed["successor_asked"]) == (False, new, None)
    assert (await office.get(f"handler.{new}", f"/v1/cases/{past}")).status_code == 200
    names = {f"account/{(await me(office, by))}": by for by in ("admin", "security")}
    acts = [
        row for row in await audited(office, "admin/units") if (row["subject"], "SUCC" in row["action"]) == (old, True)
    ]
    said = [(row["action"], names[row["actor"]], row["details"]["successor"]) for row in acts]
    assert said == [
        ("UNIT_SUCCESSOR_ASKED", "admin", other),
        ("UNIT_SUCCESSOR_ASKED", "admin", new),
        ("UNIT_SUCCEEDED", "security", new),
    ]


async def test_who_asked_for_a_successor_does_not_confirm_it_in_another_office(office: Office, db: Database) -> None:
    old, new = await unit(office), await unit(office)
    actor = f"account/{await me(office, 'security')}"
    await Registry(db).ask_successor(old, new, by=actor)
    assert (await confirmed(office, old, new)).json()["code"] == "SUCCESSOR_NOT_ASKED"
    await Registry(db).succeed(old, new)  # who runs the machine needs nobody
    found = {found["unit_id"]: found for found in (await office.get("admin", "/v1/units")).json()["items"]}[old]
    assert (found["successor_id"], found["successor_asked"]) == (new, None)


async def test_a_successor_must_still_fit_when_it_is_confirmed(office: Office) -> None:
    old, new, other = [await unit(office) for _ in range(3)]
    await office.post("admin", f"/v1/units/{old}/successor", {"successor_id": new})
    await succeed(office, new, other)
    assert (await confirmed(office, old, new)).json()["code"] == "BAD_SUCCESSOR"
    await succeed(office, old, other)


async def me(office: Office, username: str) -> str:
    """The id of an account."""
    found: str = (await office.get(username, "/v1/sessions/current")).json()["account_id"]
    return found


async def audited(office: Office, chain: str) -> list[dict[str, Any]]:
    """All rows of a chain, the first one first."""
    rows: list[dict[str, Any]] = []
    after = 0
    while (page := (await office.get("auditor", "/v1/audit", chain=chain, after=after)).json())["items"]:
        rows += page["items"]
        after = page["items"][-1]["sequence"]
    return rows


async def test_no_role_moves_by_one_administrators_word(office: Office) -> None:
    old, new = await unit(office), await unit(office)
    elsewhere = await at_work(office, new)
    assert (await followed(office, old)).json()["code"] == "BAD_SUCCESSOR", "nothing took it over"
    await succeed(office, old, new)
    await asyncio.sleep(2.1)  # an account's unit may be two seconds old
    assert (await office.get(f"handler.{old}", f"/v1/cases/{elsewhere}")).status_code == 404
    for other in ("admin", "auditor", "supervisor.desk"):
        assert (await followed(office, old, other)).status_code == 403
    assert (await followed(office, old)).json()["officers"] == 1
    assert (await followed(office, old)).json()["officers"] == 0, "said again it changes nothing"
    await asyncio.sleep(2.1)
    assert (await office.get(f"handler.{old}", f"/v1/cases/{elsewhere}")).status_code == 200
    mine = (await me(office, f"handler.{old}"), "ACCOUNT_MOVED")
    (row,) = [row for row in await audited(office, "admin/accounts") if (row["subject"], row["action"]) == mine]
    assert row["details"] == {"unit": old, "to": new, "roles": ["HANDLER"]}


async def test_nothing_new_goes_to_a_unit_that_has_a_successor(office: Office) -> None:
    old, new = await unit(office), await unit(office)
    await succeed(office, old, new)
    await asyncio.sleep(3.1)  # a unit may be three seconds old
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=[old])
    await moved(office, "clerk.desk", case_id, "SUCCEED")
    await office.act("clerk.desk", case_id, "ACCEPT")
    refused = await office.try_act("dispatcher.desk", case_id, "DISPATCH", unit_id=old)
    assert (refused.status_code, refused.json()["code"], refused.json()["successor_id"]) == (422, "SUCCEEDED", new)
    await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id=new)


async def test_a_report_leaves_the_unit_that_succeeds_the_accused(office: Office) -> None:
    old, new = await unit(office, "DEPARTMENT"), await unit(office, "DEPARTMENT")
    below = await unit(office, parent_id=old)
    case_id = await at_work(office, new, Track.INTEGRITY, about=old)
    assert (await office.get(f"handler.{new}", f"/v1/cases/{case_id}")).status_code == 200
    await succeed(office, old, new)
    hidden = await office.get(f"handler.{new}", f"/v1/cases/{case_id}")
    assert hidden.status_code == 404, "at once, before the case has heard of it"
    view = await moved(office, "clerk.rdesk", case_id, "SUCCEED")
    assert (view["holder"], view["stage"]) == (None, "PENDING_DISPATCH")
    tree = {found["unit_id"]: found for found in (await office.get("admin", "/v1/units")).json()["items"]}
    assert tree[below]["path"] == [new, below]


async def test_who_can_t_be_a_successor(office: Office) -> None:
    old, new = await unit(office, "DEPARTMENT"), await unit(office, "DEPARTMENT")
    assert (await succeed(office, old, "nobody", 422))["code"] == "UNKNOWN_UNIT"
    below = await unit(office, "DEPARTMENT", parent_id=old)
    for unfit in ("desk", await unit(office), below, old):
        assert (await succeed(office, old, unfit, 422))["code"] == "BAD_SUCCESSOR"
    await succeed(office, old, new)
    assert (await succeed(office, old, below, 422))["code"] == "BAD_SUCCESSOR", "once named it stays"


async def test_only_an_administrator_reorganises(office: Office) -> None:
    answer = await office.post("supervisor.desk", "/v1/units/wj/successor", {"successor_id": "wj-a"})
    assert answer.status_code == 403
    assert (await office.post("supervisor.desk", "/v1/accounts/clerk.desk/departure", {})).status_code == 403


@pytest.mark.parametrize("named", [True, False])
async def test_an_officer_who_leaves_hands_his_tasks_on(office: Office, named: bool) -> None:
    holder = await unit(office)
    colleague = f"second.{holder}"
    await officer(office, holder, colleague)
    case_id = await at_work(office, holder)
    body = {"heir": colleague} if named else {}
    answer = await office.post("admin", f"/v1/accounts/handler.{holder}/departure", body)
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    view = await moved(office, "clerk.desk", case_id, "HAND_ON")
    accounts = {
        row["username"]: row["account_id"] for row in (await office.get("admin", "/v1/accounts")).json()["items"]
    }
    assert view["task"]["assignee"] == (accounts[colleague] if named else None)
    await office.act(colleague, case_id, "BEGIN")
    await asyncio.sleep(2.1)  # a session may be two seconds old
    assert (await office.get(f"handler.{holder}", "/v1/units")).status_code == 401


async def test_an_heir_is_an_active_colleague(office: Office) -> None:
    holder, elsewhere = await unit(office), await unit(office)
    answer = await office.post("admin", f"/v1/accounts/handler.{holder}/departure", {"heir": f"handler.{elsewhere}"})
    assert (answer.status_code, answer.json()["code"]) == (422, "UNKNOWN_ACCOUNT")


class Server:
    """Stands for Temporal where it must be away, or have forgotten a case."""

    def __init__(self, status: RPCStatusCode | None = None) -> None:
        self.status = status
        self.told: list[tuple[str, str]] = []
        self.words: dict[str, object] = {}

    def get_workflow_handle(self, workflow: str) -> "Handle":
        return Handle(self, workflow)


class Handle:
    def __init__(self, server: Server, workflow: str) -> None:
        self._server = server
        self._workflow = workflow

    async def signal(self, name: str, word: object) -> None:
        if self._server.status is not None:
            raise RPCError("away", self._server.status, NO_RPC)
        self._server.told.append((self._workflow, name))
        self._server.words[self._workflow] = word


async def test_what_temporal_s_absence_or_a_crash_leaves_goes_on_later(still_db: Database) -> None:
    names = [f"d{uuid4().hex[:8]}" for _ in range(2)]
    registry = Registry(still_db)
    tree = [NewUnit(name, name, Level.CITY, UnitKind.DEPARTMENT, "370100", "WJ") for name in names]
    await registry.load(tree, ())
    held = first_step(holder=WJ.model_copy(update={"unit_id": names[0], "name": names[0]}), desk=DESK)
    await steps_of(still_db, StateCouncilCalendar()).record(held)
    await registry.succeed(*names)

    away = Reorganising(still_db, Server(RPCStatusCode.UNAVAILABLE))  # type: ignore[arg-type]
    with pytest.raises(RPCError):
        await away.tell()
    server = Server()
    after_a_crash = Reorganising(still_db, server)  # type: ignore[arg-type]
    await after_a_crash.tell()
    mine = (f"case/{held.facts.case_id}", "succession")
    assert server.told.count(mine) == 1
    await after_a_crash.tell()
    assert server.told.count(mine) == 1, "not again at once"
    async with still_db.read(SYSTEM) as session:
        waiting = [row["case_id"] for row in await reorganising.successions(session, 1000)]
    assert held.facts.case_id in waiting, "until the case itself has moved"


@pytest.mark.parametrize(
    ("track", "restricted", "leaves"),
    [(Track.GENERAL, False, False), (Track.GENERAL, True, True), (Track.INTEGRITY, False, True)],
)
async def test_a_guarded_case_leaves_whoever_succeeds_the_accused_a_complaint_stays(
    still_db: Database, track: Track, restricted: bool, leaves: bool
) -> None:
    accused, heir = names = [f"d{uuid4().hex[:8]}" for _ in range(2)]
    registry = Registry(still_db)
    tree = [NewUnit(name, name, Level.CITY, UnitKind.DEPARTMENT, "370100", "WJ") for name in names]
    await registry.load(tree, ())
    holder = WJ.model_copy(update={"unit_id": heir, "name": heir})
    step = first_step(
        holder=holder, desk=DESK, respondent_units=(accused,), linked=True, course=Course(restricted=restricted)
    )
    step = step.model_copy(update={"facts": step.facts.model_copy(update={"track": track})})
    await steps_of(still_db, StateCouncilCalendar()).record(step)
    await registry.succeed(*names)
    server = Server()
    await Reorganising(still_db, server).tell()  # type: ignore[arg-type]
    word = server.words[f"case/{step.facts.case_id}"]
    assert isinstance(word, Succession)
    assert word.accused_ids == ((heir,) if leaves else ())
