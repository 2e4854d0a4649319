"""A reporter who asks about the own data, and the services that answer."""

from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from starlette.datastructures import State

from contracts.complaints import ComplaintSubmitted
from services.chassis.settings import Settings
from services.complaints.rights import Rights
from services.referrals.service.rights import AnsweringRights
from tests.integration.referrals.office import Office

LEADER = "supervisor.desk"


class Person:
    """A reporter with a complaint on file."""

    def __init__(self, there: "There", named: bool = True, known: bool = True) -> None:
        self.there = there
        self.who: dict[str, str] = {
            "phone": f"139{uuid4().int % 10**8:08d}", "email": f"{uuid4().hex[:8]}@example.org",
            **({"name": f"王{uuid4().hex[:6]}"} if named else {}),
        } if known else {}  # fmt: skip
        self.code: dict[str, str] = {}

    @property
    def proof(self) -> dict[str, str]:
        return {name: self.who[name] for name in ("name", "phone") if name in self.who}

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.there.public.post(f"/v1/tracking/rights{path}", json={**self.code, **body})

    async def adds_file(self, name: str) -> None:
        said = {"headers": {"Idempotency-Key": uuid4().hex}, "files": {"file": (name, b"%PDF-1.7\n")}}
        answer = await self.there.public.post("/v1/tracking/evidence", data=self.code, **said)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text

    async def asks(self, kind: str, **body: Any) -> str:
        answer = await self.post("", kind=kind, **{**self.proof, **body})
        assert answer.status_code == 201, answer.text
        request_id: str = answer.json()["items"][0]["request_id"]
        while await self.there.rights.date_one():
            pass
        return request_id

    async def newest(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.post("/standing")).json()["items"][0]
        return found


class There:
    """The complaints service and the vault, beside the referrals service."""

    def __init__(
        self,
        public: httpx.AsyncClient,
        rights: Rights,
        office: Office,
        admin: "asyncpg.Connection[Any]",
        settings: Settings,
    ) -> None:
        self.settings = settings
        self.public, self.rights, self.office, self.admin = public, rights, office, admin
        self.vault: State
        """What the vault's application goes by."""
        self.answering: AnsweringRights

    async def person(self, *, named: bool = True, known: bool = True) -> Person:
        """Somebody whose complaint is at the desk."""
        person = Person(self, named, known)
        body = {"category": "0802", "region": "370102", "narrative": "窗口态度恶劣。", "respondents": ["挂号窗口"]}
        if known:
            body["reporter"] = person.who  # type: ignore[assignment]
        answer = await self.public.post("/v1/complaints", json=body, headers={"Idempotency-Key": uuid4().hex})
        person.code = {name: answer.json()[name] for name in ("case_number", "query_code")}
        event = await self.event(ComplaintSubmitted, person)
        await self.office.bridged(event)
        while (await self.office.get(LEADER, f"/v1/cases/{event.case_ids[0]}")).status_code != 200:
            pass
        return person

    async def event(self, kind: Any, person: Person) -> Any:
        payload = await self.admin.fetchval(
            "SELECT payload FROM outbox JOIN complaints ON complaint_id::text = key"
            " WHERE case_number = $1 AND type = $2 ORDER BY id DESC LIMIT 1",
            person.code["case_number"],
            kind.TYPE,
        )
        return kind.model_validate_json(payload)

    async def answer(self, request_id: str, *, granted: bool, who: str = LEADER, **body: Any) -> httpx.Response:
        said = {"granted": granted, "text": "已核实。", **body}
        return await self.office.post(who, f"/v1/rights/{request_id}/answer", said)

    async def listed(self, who: str) -> list[dict[str, Any]]:
        """All pages of what waits for an officer."""
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            page = (await self.office.get(who, "/v1/rights", **more)).json()
            found += page["items"]
            if page["next"] is None:
                return found
            more = {"after": page["next"]}

    async def sealed(self, person: Person) -> bytes:
        found: bytes = await self.admin.fetchval(
            "SELECT sealed FROM vault.sealed_identities JOIN complaints USING (complaint_id) WHERE case_number = $1",
            person.code["case_number"],
        )
        return found

    async def moved(self, thief: Person, victim: Person) -> None:
        """What who can write in the database does: the thief's code and marks, at the complaint of another."""
        code = "UPDATE complaints SET query_code_hash = $2, named = $3 WHERE case_number = $1"
        own = await self.admin.fetchrow(
            "SELECT query_code_hash, named, reporter FROM complaints JOIN likeness USING (complaint_id)"
            " WHERE case_number = $1",
            thief.code["case_number"],
        )
        assert own is not None
        await self.admin.execute(code, thief.code["case_number"], uuid4().bytes * 2, own["named"])
        await self.admin.execute(code, victim.code["case_number"], own["query_code_hash"], own["named"])
        await self.admin.execute(
            "UPDATE likeness SET reporter = $2 FROM complaints"
            " WHERE complaints.complaint_id = likeness.complaint_id AND case_number = $1",
            victim.code["case_number"],
            own["reporter"],
        )
        thief.code = {**thief.code, "case_number": victim.code["case_number"]}

    async def audited(self, person: Person, action: str) -> list[str]:
        """What rights an act on a person's complaint was about, in the audit's order."""
        found = await self.admin.fetch(
            "SELECT purpose FROM audit_log JOIN complaint_cases ON chain = 'case/' || case_id"
            " JOIN complaints USING (complaint_id) WHERE case_number = $1 AND action = $2 ORDER BY sequence",
            person.code["case_number"],
            action,
        )
        return [row["purpose"] for row in found]

    async def identities(self, person: Person) -> int:
        return int(
            await self.admin.fetchval(
                "SELECT count(*) FROM vault.sealed_identities JOIN complaints USING (complaint_id)"
                " WHERE case_number = $1",
                person.code["case_number"],
            )
        )
