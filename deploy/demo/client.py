"""The people of the demonstration as HTTP clients: a reporter, a 12345 platform, officers. Public APIs only."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from deploy.demo.factors import Factors
from deploy.demo.plan import Sample


class Refused(Exception):
    """The service said no: status, problem code and detail."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        self.problem = problem


T = TypeVar("T")


async def patiently(call: Callable[[], Awaitable[T]], pause: float = 0.3) -> T:
    """Repeat a call while the service or an engine behind it is away; a refusal of any other kind is raised."""
    while True:
        try:
            return await call()
        except httpx.TransportError:
            await asyncio.sleep(pause)
        except Refused as refused:
            if refused.status != 503:
                raise
            await asyncio.sleep(pause)


def _answer(response: httpx.Response) -> Any:
    if response.status_code >= 400:
        try:
            problem = response.json()
        except json.JSONDecodeError:
            problem = {"code": "NOT_JSON", "detail": response.reason_phrase}
        raise Refused(response.status_code, problem)
    return response.json() if response.content else None


@dataclass(frozen=True)
class Platform:
    """A 12345 platform with its key: pushes are signed (method, path, timestamp, nonce, hash of the body)."""

    key: str
    secret: str

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """The signature headers for one request."""
        timestamp, nonce = str(int(time.time())), uuid4().hex
        text = "\n".join((method, path, timestamp, nonce, hashlib.sha256(body).hexdigest()))
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return {"X-Api-Key": self.key, "X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}


@dataclass(frozen=True)
class Receipt:
    """What a reporter keeps."""

    case_number: str
    query_code: str


class Reporters:
    """Reporters on every channel."""

    def __init__(self, http: httpx.AsyncClient, complaints_url: str, platform: Platform) -> None:
        self._http = http
        self._url = complaints_url
        self._platform = platform

    async def file(self, sample: Sample, key: str | None = None) -> Receipt:
        """File a sample through its channel; the same ``key`` files it once. Raises Refused."""
        body: dict[str, Any] = {
            "category": sample.category,
            "region": sample.region,
            "respondents": list(sample.respondents),
            "narrative": sample.narrative,
            "wants": sample.wants,
            "reporter": sample.reporter,
            "ways": sample.ways,
        }
        paths = {
            "WEB": "/v1/complaints",
            "MINI_PROGRAM": "/v1/mini-program/complaints",
            "HOTLINE": "/v1/platform/orders",
        }
        path = paths[sample.channel]
        if sample.channel == "HOTLINE":
            body = {
                **body,
                "workordercode": f"12345-{(key or uuid4().hex)[:12]}",
                "workordercontent": body.pop("narrative"),
            }
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid4().hex}
        if sample.channel == "HOTLINE":
            headers |= self._platform.headers("POST", path, data)
        answer = _answer(await self._http.post(self._url + path, content=data, headers=headers))
        return Receipt(answer["case_number"], answer["query_code"])

    async def track(self, receipt: Receipt) -> dict[str, Any]:
        """The reporter's page as data."""
        answer: dict[str, Any] = await self._post("/v1/tracking", receipt)
        return answer

    async def supplement(self, receipt: Receipt, text: str) -> None:
        """Add text."""
        await self._post("/v1/tracking/supplements", receipt, text=text)

    async def rate(self, receipt: Receipt, satisfaction: int) -> None:
        """Rate the answer, 1 to 5."""
        await self._post("/v1/tracking/ratings", receipt, satisfaction=satisfaction)

    async def _post(self, path: str, receipt: Receipt, **fields: Any) -> Any:
        body = {"case_number": receipt.case_number, "query_code": receipt.query_code, **fields}
        headers = {"Idempotency-Key": uuid4().hex}
        return _answer(await self._http.post(self._url + path, json=body, headers=headers))


class Officers:
    """Officers by user name, each logged in once."""

    def __init__(self, http: httpx.AsyncClient, referrals_url: str, password: str, factors: Factors) -> None:
        self._http = http
        self._url = referrals_url
        self._password = password
        self._factors = factors
        self._tokens: dict[str, str] = {}
        self._entering: dict[str, asyncio.Lock] = {}

    async def login(self, username: str, *, proved: bool = False) -> str:
        """The access token of an officer, who sets up a second factor where one is required; raises Refused.

        ``proved``: one that opens identities, which takes a second factor everywhere.
        """
        async with self._entering.setdefault(username, asyncio.Lock()):  # a code is taken once
            if username not in self._tokens:
                body = {"username": username, "password": self._password, "code": self._factors.code(username)}
                answer = _answer(await self._http.post(f"{self._url}/v1/sessions", json=body))
                if answer["must_enrol"]:
                    answer = await self._enrol(username, answer["access_token"])
                self._tokens[username] = answer["access_token"]
            if proved and not self._factors.code(username):
                answer = await self._enrol(username, self._tokens[username])
                self._tokens[username] = answer["access_token"]
            return self._tokens[username]

    async def _enrol(self, username: str, token: str) -> Any:
        there, headers = f"{self._url}/v1/second-factor", {"Authorization": f"Bearer {token}"}
        offer = _answer(await self._http.post(there, headers=headers))
        self._factors.keep(username, offer["secret"])
        body = {"code": self._factors.code(username)}
        return _answer(await self._http.post(f"{there}/confirmation", json=body, headers=headers))

    async def find(self, username: str, case_number: str) -> str | None:
        """The id of a case by its number, when this officer may see it."""
        answer = await self._get(username, "/v1/cases", case_number=case_number)
        items = answer["items"]
        return str(items[0]["case_id"]) if items else None

    async def view(self, username: str, case_id: str) -> dict[str, Any]:
        """The case as this officer sees it."""
        answer: dict[str, Any] = await self._get(username, f"/v1/cases/{case_id}")
        return answer

    async def act(self, username: str, case_id: str, act: str, sequence: int, **fields: Any) -> dict[str, Any]:
        """Do an act on the view with this sequence: the same request, until it is answered with what came of it.

        Raises Refused (409 when somebody was faster).
        """
        headers = {"Idempotency-Key": str(uuid4()), "Authorization": f"Bearer {await self.login(username)}"}
        body = {"act": act, "expected_sequence": sequence, **fields}
        url = f"{self._url}/v1/cases/{case_id}/acts"

        async def ask() -> dict[str, Any]:
            answer: dict[str, Any] = _answer(await self._http.post(url, json=body, headers=headers))
            return answer

        while "follow" in (answer := await patiently(ask)):
            pass  # only promised yet
        return answer

    async def _get(self, username: str, path: str, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {await self.login(username)}"}
        return _answer(await self._http.get(self._url + path, params=query, headers=headers))
