"""What `huiyin keys` does: each act on a ring stands in the audit, in the transaction that it is done in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from deploy.commands.terminal import owners_database
from services.chassis import audit, keyrings, rewrapping, signers, vault_keys
from services.chassis.auth import ServiceTokens
from services.chassis.crypto import Keyring, load_keyring
from services.chassis.db import SYSTEM, Database, one
from services.chassis.keyrings import KeyringRefused
from services.chassis.kms import VaultTransit
from services.chassis.outages import EngineAway
from services.chassis.rewrapping import SealedColumn
from services.chassis.settings import Settings
from services.chassis.suites import Suite
from services.complaints import keyed as complaints
from services.referrals import keyed as referrals

VAULT, SEALING = "vault", "complaints"
"""Who opens identities, and who seals them."""
RINGS = (*keyrings.NAMES, VAULT)
COLUMNS: Mapping[str, Sequence[SealedColumn]] = {"complaints": complaints.COLUMNS, "referrals": referrals.COLUMNS}
_RECORDED_BY = {
    "complaints": "complaints", "referrals": "referrals", "temporal": "referrals", VAULT: "complaints",
    "notifications": "notifications", "cli": "complaints",
}  # fmt: skip
"""Whose database holds the record of what is done with a ring, or with a signer's key."""


@dataclass(frozen=True)
class Progress:
    """How far a rewrapping is. ``waiting``: seconds until processes that sealed with the old key have noticed."""

    what: str
    done: int = 0
    broken: int = 0
    total: int | None = None
    waiting: float = 0.0


@asynccontextmanager
async def recorded(ring: str, action: str, **details: str | int) -> AsyncIterator[dict[str, str | int]]:
    """Put the act that is done in the block on `admin/keys` of the ring's service; what the block adds goes with it.

    That it is begun is on record before it is done, so that one that was killed half-way has left its row too. Nothing
    is done while the record can't be reached.
    """
    async with owners_database(_RECORDED_BY[ring]) as db:
        await _put(db, ring, "KEY_ACT_BEGUN", {"act": action, **details})
        try:
            yield details
        except Exception as error:
            await _put(db, ring, "KEY_ACT_FAILED", {"act": action, "error": type(error).__name__})
            raise
        await _put(db, ring, action, details)


async def add(settings: Settings, ring: str, suite: Suite | None, kms: VaultTransit | None) -> str:
    """Add a key that seals nothing yet; its id."""
    async with recorded(ring, "KEY_ADDED") as details:
        if ring == VAULT:
            key_id = vault_keys.add(settings.vault_keys())
        else:
            key_id = keyrings.add(settings.keys_dir, ring, suite, kms)
            details["suite"] = keyrings.read(settings.keys_dir, ring).keys[key_id].suite.value
        details["key"] = key_id
    return key_id


async def rotate(settings: Settings, ring: str) -> str:
    """Make the newest key the current one; its id."""
    async with recorded(ring, "KEY_ROTATED") as details:
        if ring == VAULT:
            key_id = vault_keys.rotate(settings.keys_dir, settings.vault_keys())
        else:
            key_id = keyrings.rotate(settings.keys_dir, ring)
        details["key"] = key_id
    return key_id


async def renew(settings: Settings, signer: str, *, lost: bool = False) -> str:
    """Give a signer a new pair; the fingerprint of its public key. What the old key signs is refused from now on."""
    async with recorded(signer, "SIGNING_KEY_RENEWED") as details:
        details["key"] = signers.renew(settings, signer, lost=lost)
    return str(details["key"])


async def used(settings: Settings, ring: str) -> dict[str, int]:
    """How many stored values stand under each key of the ring. Raises KeyringRefused for `temporal`."""
    if ring == VAULT:
        async with _service(settings, VAULT, settings.vault_url) as vault:
            return dict((await _answer(vault, VAULT, "GET", "/v1/keys"))["identities"])
    if ring not in COLUMNS:
        raise KeyringRefused("what Temporal keeps is not counted by key: see `huiyin keys destroy`")
    counted: dict[str, int] = {}
    async with owners_database(ring) as db, db.session(SYSTEM) as session:
        for column in COLUMNS[ring]:
            for key_id, values in (await rewrapping.under(session, column)).items():
                counted[key_id] = counted.get(key_id, 0) + values
    return counted


async def sealed_values(ring: str) -> int:
    """How many values the database holds that are sealed under a ring, whatever migrations it lacks."""
    counted = 0
    there = "SELECT 1 FROM information_schema.columns WHERE table_name = $1 AND column_name = $2"
    if ring not in COLUMNS:
        return counted
    async with owners_database(ring) as db, db.session(SYSTEM) as session:
        for column in COLUMNS[ring]:
            if await one(session, there, column.table, column.value):
                counted += sum((await rewrapping.under(session, column)).values())
    return counted


async def rewrap(settings: Settings, ring: str) -> AsyncIterator[Progress]:
    """Seal everything under the current key, twice when processes may have used the old one in the meantime."""
    if ring == VAULT:
        async for step in _reseal(settings):
            yield step
        return
    if ring not in COLUMNS:
        raise KeyringRefused(
            "histories of workflows can't be written anew: an old key goes when the last of them is over and forgotten"
        )
    keys, last = load_keyring(settings.keys_dir, ring), Progress("")
    total = sum(count for key_id, count in (await used(settings, ring)).items() if key_id != keys.current)
    async with recorded(ring, "KEYS_REWRAPPED", key=keys.current) as details:
        async for step in _once(ring, keys, total):
            yield (last := step)
        settled = _settled(keyrings.read(settings.keys_dir, ring))
        while (left := (settled - datetime.now(UTC)).total_seconds()) > 0:
            yield Progress("waiting", last.done, last.broken, total, left)
            await asyncio.sleep(min(1.0, left))
        async for step in _once(ring, keys, total, last.done):
            yield (last := step)
        details |= {"values": last.done, "broken": last.broken}
    yield Progress("done", last.done, last.broken, total)


async def destroy(settings: Settings, ring: str, key_id: str, reason: str) -> None:
    """Take a key out for good. Raises KeyringRefused while anything may need it: says what and how much."""
    if ring == VAULT:
        vault_keys.check_destroyable(settings.vault_keys(), key_id)
        await _refuse_while_sealed_to(settings, key_id)
        async with recorded(ring, "KEY_DESTROYED", key=key_id, reason=reason):
            vault_keys.destroy(settings.vault_keys(), key_id)
        return
    stored = keyrings.read(settings.keys_dir, ring)
    keyrings.check_destroyable(stored, key_id)
    settles = keyrings.settles_at(stored, key_id)
    if settles is not None and settles > datetime.now(UTC):
        seconds = (settles - datetime.now(UTC)).total_seconds()
        raise KeyringRefused(f"processes may still seal with {key_id}: try again in {seconds:.0f} s")
    if ring == "temporal":
        await _refuse_while_histories(settings, key_id, settles)
    elif needing := (await used(settings, ring)).get(key_id, 0):
        raise KeyringRefused(f"{needing} values are sealed under {key_id}: run `huiyin keys rewrap {ring}` first")
    async with recorded(ring, "KEY_DESTROYED", key=key_id, reason=reason):
        keyrings.destroy(settings.keys_dir, ring, key_id, audit.operator(), reason)


async def _once(ring: str, keys: Keyring, total: int, before: int = 0) -> AsyncIterator[Progress]:
    done, broken = before, 0
    async with owners_database(ring) as db:
        for column in COLUMNS[ring]:
            tally = rewrapping.Tally()
            async for tally in rewrapping.rewrap(db, keys, column):
                yield Progress(column.name, done + tally.done, broken + tally.broken, total)
            done, broken = done + tally.done, broken + tally.broken
    yield Progress("checked", done, broken, total)


async def _reseal(settings: Settings) -> AsyncIterator[Progress]:
    """The vault does it, a batch with each request: the private key stays with its process."""
    current = vault_keys.fingerprint(vault_keys.read_public(settings.keys_dir / vault_keys.PUBLIC))
    total = sum(count for key_id, count in (await used(settings, VAULT)).items() if key_id != current)
    last = Progress("")
    async with recorded(VAULT, "KEYS_REWRAPPED", key=current) as details:
        async for step in _reseal_once(settings, total):
            yield (last := step)
        while (left := (vault_keys.settles_at(settings.keys_dir) - datetime.now(UTC)).total_seconds()) > 0:
            yield Progress("waiting", last.done, last.broken, total, left)
            await asyncio.sleep(min(1.0, left))
        async for step in _reseal_once(settings, total, last.done):
            yield (last := step)
        details |= {"values": last.done, "broken": last.broken}
    yield Progress("done", last.done, last.broken, total)


async def _reseal_once(settings: Settings, total: int, done: int = 0) -> AsyncIterator[Progress]:
    after, broken = None, 0
    async with _service(settings, VAULT, settings.vault_url) as vault:
        while True:
            batch = await _answer(vault, VAULT, "POST", "/v1/keys/reseal", {"after": after})
            done, broken = done + batch["done"], broken + batch["broken"]
            yield Progress("identities", done, broken, total)
            if (after := batch["last"]) is None:
                break


async def _refuse_while_sealed_to(settings: Settings, key_id: str) -> None:
    """Its public half may be the one to seal to, here or at the service that seals, or have been until now."""
    if vault_keys.fingerprint(vault_keys.read_public(settings.keys_dir / vault_keys.PUBLIC)) == key_id:
        raise KeyringRefused(
            f"{vault_keys.PUBLIC} is still the public half of {key_id}: run `huiyin keys rotate vault`"
        )
    if (left := (vault_keys.settles_at(settings.keys_dir) - datetime.now(UTC)).total_seconds()) > 0:
        raise KeyringRefused(f"processes may still seal to {key_id}: try again in {left:.0f} s")
    async with _service(settings, SEALING, settings.complaints_url) as complaints:
        if (await _answer(complaints, SEALING, "GET", "/internal/v1/vault-key"))["sealed_for"] == key_id:
            raise KeyringRefused(f"{SEALING} still seals to {key_id}: carry {vault_keys.PUBLIC} to where it runs")
    async with _service(settings, VAULT, settings.vault_url) as vault:
        need = await _answer(vault, VAULT, "GET", "/v1/keys")
    if needing := need["identities"].get(key_id, 0) + need["identities"].get("", 0):
        raise KeyringRefused(f"{needing} identities may be sealed to {key_id}: run `huiyin keys rewrap vault` first")
    if waiting := await _corrections(key_id):
        raise KeyringRefused(f"{waiting} corrections that reporters ask for are sealed to {key_id}: answer them first")
    if codes := need["codes"].get(key_id, 0):
        raise KeyringRefused(f"{codes} new query codes on their way are sealed to {key_id}: try again when they ended")


async def _corrections(key_id: str) -> int:
    """The vault's process may not read what reporters put there for an officer's answer; the owner may count it."""
    heads = [vault_keys.header(key_id, mark) for mark in (vault_keys.MARK, vault_keys.BOUND)]
    count = "SELECT count(*) AS waiting FROM vault.corrections WHERE substring(sealed FROM 1 FOR $1) = ANY ($2)"
    async with owners_database(SEALING) as db, db.session(SYSTEM) as session:
        found = await one(session, count, len(heads[0]), heads)
    assert found is not None
    return int(found["waiting"])


async def _refuse_while_histories(settings: Settings, key_id: str, settled: datetime | None) -> None:
    """A run that began before another key was current may hold payloads under this one, open or kept."""
    if settled is None:
        return
    from services.chassis import temporal  # takes a second to load

    client = await temporal.connect(settings)
    began = f'StartTime < "{settled.isoformat()}"'
    kept = (await client.count_workflows(began)).count
    if kept:
        running = (await client.count_workflows(f'{began} AND ExecutionStatus = "Running"')).count
        raise KeyringRefused(
            f"{kept} workflow runs began before {key_id} was out of use and may need it, {running} of them still open:"
            " it can go when they are over and Temporal's retention has forgotten them"
        )


def _settled(ring: keyrings.Ring) -> datetime:
    times = (keyrings.settles_at(ring, key_id) for key_id in ring.keys if key_id != ring.current)
    return max((at for at in times if at is not None), default=datetime.now(UTC))


async def _put(db: Database, ring: str, action: str, details: Mapping[str, str | int]) -> None:
    entry = audit.Entry(
        chain=audit.of_area("keys"), actor=audit.operator(), action=action, subject=ring, details=details
    )
    async with db.session(SYSTEM) as session:
        await audit.record(session, entry, schema=VAULT if ring == VAULT else "public")


@asynccontextmanager
async def _service(settings: Settings, name: str, url: str) -> AsyncIterator[httpx.AsyncClient]:
    auth = _Shown(ServiceTokens("cli", settings), name)
    async with httpx.AsyncClient(base_url=url, auth=auth, timeout=60.0, trust_env=False) as client:
        yield client


class _Shown(httpx.Auth):
    """A token of its own for each request: work of hours needs none that lives so long."""

    def __init__(self, tokens: ServiceTokens, audience: str) -> None:
        self._audience = audience
        self._tokens = tokens

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._tokens.issue(self._audience, 'keys')}"
        yield request


async def _answer(
    service: httpx.AsyncClient, name: str, method: str, path: str, body: Mapping[str, object] | None = None
) -> dict[str, Any]:
    try:
        response = await service.request(method, path, json=body)
    except httpx.TransportError as error:
        raise EngineAway(name) from error
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
