"""Which officer calls, as referrals knows it now: a token outlives log-out, a lock and the officer's post."""

from time import monotonic
from uuid import UUID

import httpx

from contracts.sessions import PURPOSE, Standing
from services.chassis.auth import ServiceTokens, Unauthenticated, verify_officer
from services.chassis.outages import EngineAway

_KEPT = 10_000


class Officers:
    """Asks referrals about a session, and takes its answer for ``fresh_seconds``."""

    def __init__(self, client: httpx.AsyncClient, url: str, tokens: ServiceTokens, fresh_seconds: float) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/internal/v1/sessions"
        self._tokens = tokens
        self._fresh = fresh_seconds
        self._known: dict[UUID, tuple[float, Standing]] = {}

    async def of_token(self, token: str) -> Standing:
        """Raises Unauthenticated for a session that is over, EngineAway("referrals") when nobody can say."""
        jti = UUID(verify_officer(self._tokens, token).jti)
        found = self._known.get(jti)
        if found is not None and found[0] > monotonic():
            return found[1]
        self._known.pop(jti, None)
        standing = await self._ask(jti)
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[jti] = (monotonic() + self._fresh, standing)
        return standing

    async def _ask(self, jti: UUID) -> Standing:
        asking = self._tokens.issue("referrals", PURPOSE, subject=str(jti))
        try:
            answer = await self._client.get(f"{self._url}/current", headers={"Authorization": f"Bearer {asking}"})
        except httpx.TransportError as error:
            raise EngineAway("referrals") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise Unauthenticated("the session is over")
        if answer.status_code != httpx.codes.OK:
            raise EngineAway("referrals")
        return Standing.model_validate_json(answer.content)
