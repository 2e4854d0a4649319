"""The units and officers of the tests, and short words for what they do over HTTP."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
from sqlalchemy import text
from temporalio.client import Client

from contracts.complaints import ComplaintSubmitted
from contracts.lifecycle import Channel, Role, Track
from services.chassis.bus import Received
from services.chassis.crypto import Keyring
from services.chassis.db import SYSTEM, Database
from services.referrals.consumers import Bridge
from services.referrals.counting import Calendar
from services.referrals.domain import Level, UnitKind
from services.referrals.service.registry import NewAccount, NewUnit
from services.referrals.service.steps import Steps
from services.referrals.service.texts import Texts


def steps_of(db: Database, calendar: Calendar) -> Steps:
    """The service's side of the workflow, with a key of its own."""
    return Steps(db, calendar, Texts(db, Keyring({"k": bytes(32)}, "k")))


PASSWORD = "a long enough password"
TREE = (
    NewUnit("desk", "济南市受理台", Level.CITY, UnitKind.DESK, "370100"),
    NewUnit("desk2", "青岛市受理台", Level.CITY, UnitKind.DESK, "370200"),
    NewUnit("wj", "济南市卫健委", Level.CITY, UnitKind.DEPARTMENT, "370100", "WJ"),
    NewUnit("wj-a", "历下区卫健局", Level.COUNTY, UnitKind.DEPARTMENT, "370102", "WJ", "wj"),
    NewUnit("yb", "济南市医保局", Level.CITY, UnitKind.DEPARTMENT, "370100", "YB"),
    NewUnit("jj", "济南市纪委监委", Level.CITY, UnitKind.DEPARTMENT, "370100", "JJ"),
    NewUnit("wj2", "青岛市卫健委", Level.CITY, UnitKind.DEPARTMENT, "370200", "WJ"),
    NewUnit("hospital", "历下区人民医院", Level.COUNTY, UnitKind.INSTITUTION, "370102", None, "wj-a"),
    NewUnit("rdesk", "济南市举报专席", Level.CITY, UnitKind.RESTRICTED_DESK, "370100"),
)
_AT_DESKS = (Role.CLERK, Role.DISPATCHER, Role.REVIEWER, Role.FOLLOW_UP, Role.SUPERVISOR)
PEOPLE = (
    *(
        NewAccount(f"{role.lower()}.{unit.unit_id}", f"{role} {unit.name}", unit.unit_id, (role,), PASSWORD)
        for unit in TREE
        for role in (_AT_DESKS if unit.kind in (UnitKind.DESK, UnitKind.RESTRICTED_DESK) else (Role.HANDLER,))
    ),
    NewAccount("clerk2.desk", "乙", "desk", (Role.CLERK,), PASSWORD),
    NewAccount("supervisor.wj", "督办", "wj", (Role.SUPERVISOR,), PASSWORD),
    NewAccount("leader.wj", "分管领导", "wj", (Role.LEADER,), PASSWORD),
    NewAccount("admin", "系统管理员", None, (Role.SYSTEM_ADMIN,), PASSWORD),
    NewAccount("security", "安全管理员", None, (Role.SECURITY_ADMIN,), PASSWORD),
    NewAccount("auditor", "审计管理员", None, (Role.AUDIT_ADMIN,), PASSWORD),
)


def submitted(track: Track = Track.GENERAL, **changes: Any) -> ComplaintSubmitted:
    """A complaint about attitude (GENERAL) or a red envelope (INTEGRITY) in 历下区, as intake tells of it."""
    values: dict[str, Any] = {
        "complaint_id": uuid4(),
        "case_ids": (uuid4(),),
        "at": datetime.now(UTC),
        "case_number": f"HY{uuid4().hex[:10].upper()}",
        "channel": Channel.WEB,
        "track": track,
        "category": "0802" if track is Track.GENERAL else "0801",
        "region": "370102",
        "named": True,
        "respondent_count": 1,
        "content_hash": "0" * 64,
    }
    return ComplaintSubmitted(**{**values, **changes})


def received(event: Any) -> Received:
    """An event as the bridge's handler gets it."""
    return Received(
        id=uuid4(), type=event.TYPE, source="/complaints", subject=str(event.complaint_id), time=datetime.now(UTC),
        traceparent=None, key=event.key, data=event.model_dump_json().encode(), event=event,
    )  # fmt: skip


async def proved(db: Database, username: str) -> None:
    """As if the officer had logged in with a second factor, without which no identity is opened."""
    async with db.session(SYSTEM) as session:
        await session.execute(
            text(
                "UPDATE sessions SET factor = 'CODE' FROM accounts AS a"
                " WHERE a.account_id = sessions.account_id AND a.username = lower(:name)"
            ),
            {"name": username},
        )


class Office:
    """Officers by user name; each logs in once, with a second factor, and sets an own password where one was given."""

    def __init__(self, http: httpx.AsyncClient, client: Client, db: Database) -> None:
        self.http = http
        self.client = client
        self._db = db
        self.bridge = Bridge(client)
        self._tokens: dict[str, str] = {}
        self._own: dict[str, str] = {}

    async def headers(self, username: str) -> dict[str, str]:
        """The authorization of an officer."""
        if username not in self._tokens:
            body = {"username": username, "password": self._own.get(username, PASSWORD)}
            answer = await self.http.post("/v1/sessions", json=body)
            assert answer.status_code == 201, answer.text
            if answer.json()["must_set_password"]:
                self._own[username] = f"{PASSWORD} of {username}"
                own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
                passwords = {"current": PASSWORD, "new": self._own[username]}
                answer = await self.http.put("/v1/sessions/current/password", json=passwords, headers=own)
                assert answer.status_code == 200, answer.text
            if answer.json()["must_be_vouched"]:
                own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
                await self.vouch(username, await self.code(own))
                body["password"] = self._own[username]
                answer = await self.http.post("/v1/sessions", json=body)
            self._tokens[username] = answer.json()["access_token"]
            await proved(self._db, username)
        return {"Authorization": f"Bearer {self._tokens[username]}"}

    async def code(self, own: dict[str, str]) -> str:
        """What an officer tells the security administrator: the code of his page."""
        told: str = (await self.http.get("/v1/sessions/current/vouching-code", headers=own)).json()["code"]
        return told

    async def vouch(self, username: str, code: str) -> None:
        """The security administrator's word for an account."""
        answer = await self.post("security", f"/v1/accounts/{username}/vouching", {"code": code})
        assert (answer.status_code, answer.json()["vouched"]) == (200, True), answer.text

    async def get(self, username: str, path: str, **query: Any) -> httpx.Response:
        """GET as an officer."""
        return await self.http.get(path, params=query, headers=await self.headers(username))

    async def post(self, username: str, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST as an officer."""
        return await self.http.post(path, json=body, headers={**await self.headers(username), **headers})

    async def bridged(self, event: Any) -> None:
        """Let the bridge handle an event."""
        await self.bridge.handle(None, received(event))  # type: ignore[arg-type]

    async def new_case(self, track: Track = Track.GENERAL, **changes: Any) -> UUID:
        """A registered case in triage."""
        event = submitted(track, **changes)
        await self.bridged(event)
        case_id = event.case_ids[0]
        desk = "desk2" if event.region.startswith("3702") else "desk"
        username = f"supervisor.{desk if track is Track.GENERAL else 'rdesk'}"
        async with asyncio.timeout(20):
            while (await self.get(username, f"/v1/cases/{case_id}")).status_code != 200:
                await asyncio.sleep(0.05)
        return case_id

    async def view(self, username: str, case_id: UUID) -> dict[str, Any]:
        """The case page of an officer."""
        answer = await self.get(username, f"/v1/cases/{case_id}")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def try_act(self, username: str, case_id: UUID, act: str, **how: Any) -> httpx.Response:
        """Act as `ask`, and follow what a slow machine only promises at first."""
        how.setdefault("key", str(uuid4()))
        if how.get("sequence") is None:
            how["sequence"] = await self._sequence(username, case_id)
        async with asyncio.timeout(90):
            while (answer := await self.ask(username, case_id, act, **how)).status_code == 202:
                pass
        return answer

    async def ask(
        self, username: str, case_id: UUID, act: str, *, key: str, sequence: int, **fields: Any
    ) -> httpx.Response:
        """One request to act on what stands in the case's step ``sequence``."""
        body = {"act": act, "expected_sequence": sequence, **fields}
        return await self.post(username, f"/v1/cases/{case_id}/acts", body, **{"Idempotency-Key": key})

    async def _sequence(self, username: str, case_id: UUID) -> int:
        shown = await self.get(username, f"/v1/cases/{case_id}")
        return int(shown.json()["sequence"]) if shown.status_code == 200 else 1

    async def act(self, username: str, case_id: UUID, act: str, **fields: Any) -> dict[str, Any]:
        """Act, and succeed."""
        answer = await self.try_act(username, case_id, act, **fields)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def dispatched(self, track: Track = Track.GENERAL, to: str = "hospital") -> UUID:
        """A case that was linked to the hospital, accepted and dispatched."""
        desk = "desk" if track is Track.GENERAL else "rdesk"
        case_id = await self.new_case(track)
        await self.act(f"clerk.{desk}", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
        await self.act(f"clerk.{desk}", case_id, "ACCEPT")
        await self.act(f"dispatcher.{desk}", case_id, "DISPATCH", unit_id=to)
        return case_id

    async def replied(self, reply: str = "经核实,窗口人员已道歉。") -> UUID:
        """A case whose reply waits for its review."""
        case_id = await self.dispatched()
        await self.act("handler.hospital", case_id, "SIGN")
        await self.act("handler.hospital", case_id, "REPLY", public_reply=reply, outcome="SUBSTANTIATED")
        return case_id

    async def split(self, extract: str, category: str = "0802") -> UUID:
        """The complaint that was split off a submission about the hospital."""
        origin, key = await self.new_case(category=category), uuid4()
        fields = {"category": category, "extract": extract, "respondent_units": ["hospital"]}
        await self.act("clerk.desk", origin, "SPLIT", key=str(key), **fields)
        part = uuid5(origin, f"split/{key}")
        async with asyncio.timeout(20):
            while (await self.get("clerk.desk", f"/v1/cases/{part}")).status_code != 200:
                await asyncio.sleep(0.05)
        return part
