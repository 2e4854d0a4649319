"""A client of the tus protocol."""

import base64
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Any

import httpx

PATH = "/v1/tracking/uploads"


@dataclass
class Tus:
    """A reporter's, with number and code."""

    http: httpx.AsyncClient
    receipt: dict[str, str]

    def headers(self, **more: str) -> dict[str, str]:
        pair = f"{self.receipt['case_number']}:{self.receipt['query_code']}".encode()
        basic = {"Authorization": f"Basic {base64.b64encode(pair).decode()}", "Tus-Resumable": "1.0.0"}
        return basic | {name.replace("_", "-"): value for name, value in more.items()}

    async def create(self, length: int, name: str = "账.txt", **more: str) -> httpx.Response:
        metadata = f"filename {base64.b64encode(name.encode()).decode()},filetype dGV4dA=="
        headers = self.headers(Upload_Length=str(length), Upload_Metadata=metadata, **more)
        return await self.http.post(PATH, headers=headers)

    async def created(self, length: int, name: str = "账.txt") -> str:
        answer = await self.create(length, name)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    async def head(self, location: str) -> httpx.Response:
        return await self.http.head(location, headers=self.headers())

    async def offset(self, location: str) -> int:
        answer = await self.head(location)
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    async def patch(
        self, location: str, offset: int, content: bytes | AsyncIterable[bytes], **more: str
    ) -> httpx.Response:
        headers = self.headers(Content_Type="application/offset+octet-stream", Upload_Offset=str(offset), **more)
        body: Any = content
        return await self.http.patch(location, headers=headers, content=body)

    async def delete(self, location: str) -> httpx.Response:
        return await self.http.delete(location, headers=self.headers())
