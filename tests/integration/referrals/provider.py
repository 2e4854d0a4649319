"""An OpenID provider of its own process, and a browser's way to it and back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from deploy.ports import free_ports
from services.chassis.settings import Settings
from services.referrals.service.openid import BACK, OpenIdProvider
from tests.integration.referrals.browsing import Browser, Page

BASE = "http://referrals"


@dataclass
class Provider:
    """The running provider. ``ours`` is our side of it."""

    http: httpx.AsyncClient
    url: str
    ours: OpenIdProvider

    async def knows(self, subject: str, **claims: str) -> None:
        """Somebody who can log in there."""
        answer = await self.http.put(f"{self.url}/users/{subject}", json=claims)
        assert answer.status_code in (200, 201, 204), answer.text

    async def vouched(self, there: str, subject: str) -> str:
        """Where the provider sends the browser back to, once the person has logged in."""
        answer = await self.http.post(there, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"].removeprefix(BASE)

    async def log_in(self, browser: Browser, subject: str, next: str = "/workbench/unit") -> Page:
        """There and back."""
        sent = await browser.get(f"/workbench/login/openid?next={next}", follow=False)
        assert sent.status == 303, sent.text
        return await browser.get(await self.vouched(sent.answer.headers["location"], subject), follow=False)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Provider]:
    """A provider that knows us as its client, on a free port."""
    port = next(iter(free_ports().values()))
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-registration", "true"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            async with asyncio.timeout(60):
                while not await _answers(http, url):
                    await asyncio.sleep(0.1)
            registered = await http.post(f"{url}/oauth2/clients", json={"redirect_uris": [f"{BASE}{BACK}"]})
            client = registered.json()
            chosen = settings.model_copy(
                update={
                    "openid_issuer": url,
                    "openid_client_id": client["client_id"],
                    "openid_client_secret": client["client_secret"],
                }
            )
            yield Provider(http, url, OpenIdProvider(http, chosen, f"{BASE}{BACK}"))
    finally:
        process.terminate()
        await process.wait()


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/.well-known/openid-configuration")).status_code == 200
    except httpx.TransportError:
        return False
