"""Every operation of every service that is not the public's asks who calls, and believes nobody without a token."""

import httpx
import pytest

from deploy.stack import Stack
from tests.sqlmap.__main__ import Known, of_documents

PUBLIC = (
    ("GET", "/health"),
    ("GET", "/ready"),
    ("POST", "/v1/complaints"),
    ("POST", "/v1/mini-program/complaints"),
    ("POST", "/v1/sessions"),
)
SOME = "00000000-0000-4000-8000-000000000000"
KNOWN = Known(
    dict.fromkeys(
        (
            "case_id",
            "evidence_id",
            "document_id",
            "opening_id",
            "command_id",
            "request_id",
            "id",
            "case_number",
            "query_code",
        ),
        SOME,
    ),
    token="",
)
PUBLIC_PREFIXES = ("/v1/reference/", "/v1/tracking")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("token", ["", "Bearer nobody", "Bearer e30.e30.e30", "Basic Og=="])
async def test_nothing_is_done_or_told_for_a_caller_without_a_token(stack: Stack, token: str) -> None:
    asked = 0
    async with httpx.AsyncClient(timeout=30) as http:
        for target in of_documents(stack, KNOWN):
            url = httpx.URL(target.url.replace("*", ""))
            if (target.method, url.path) in PUBLIC or url.path.startswith(PUBLIC_PREFIXES):
                continue
            headers = {name: value for name, value in target.headers.items() if name != "Authorization"}
            given = {"Authorization": token} if token else {}
            answer = await http.request(target.method, url, headers={**headers, **given}, content=target.body)
            assert answer.status_code == 401, (target.method, url.path, answer.status_code, answer.text)
            asked += 1
    assert asked > 50
