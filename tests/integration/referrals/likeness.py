"""What the complaints service says of cases that look alike, in the tests' hand."""

import json
from typing import Any
from uuid import UUID

import httpx
import jwt


class Complaints:
    """The service that knows reporters and texts; ``alike`` is what it says, ``away`` makes it unreachable."""

    def __init__(self) -> None:
        self.alike: list[dict[str, Any]] = []
        self.away = False
        self.asked: list[dict[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.asked.append(jwt.decode(token, options={"verify_signature": False}))
        if self.away:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, text=json.dumps({"items": self.alike}))

    def finds(self, case_id: UUID, *, reporter: bool = False, text: bool = False) -> None:
        self.alike.append({"case_id": str(case_id), "same_reporter": reporter, "similar_text": text})
