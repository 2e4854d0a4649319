"""docs/runbooks/keys.md, walked through as printed beside running services: nothing is lost, and nothing stops."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from deploy.config import PROJECT
from deploy.stack import Stack
from services.chassis import keyrings, vault_keys
from services.chassis.auth import ServiceTokens
from services.chassis.crypto import load_keyring, sealed_under
from services.complaints.sealing import Sealer
from tests.conftest import STATE, run_stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
RUNBOOK = PROJECT / "docs" / "runbooks" / "keys.md"
SECTIONS = {
    title: "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    for title, text in re.findall(
        r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", RUNBOOK.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
}


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Engines, intake and vault; nobody works on the cases."""
    yield from run_stack(
        request,
        Stack(
            STATE / f"runbook-{os.getpid()}",
            services=("complaints", "vault", "referrals"),
            env={"HUIYIN_AUDIT_SEAL_SECONDS": "5"},
        ),
    )


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backup")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """Submits and looks."""
    url = stack.config.settings_env()["HUIYIN_COMPLAINTS_OWNER_DSN"]
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT set_config('huiyin.role', 'system', false)")
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield Desk(stack, http, connection)
    await connection.close()


class Desk:
    """A reporter who sends complaints, and somebody who looks whether they can be read."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient, db: asyncpg.Connection) -> None:
        self.stack, self.http, self.db = stack, http, db
        self.sent: dict[UUID, str] = {}

    async def submit(self) -> UUID:
        text = f"病历第 {len(self.sent)} 页与收费不符,请核对。"
        response = await self.http.post(
            f"{self.stack.url('complaints')}/v1/complaints",
            headers={"Idempotency-Key": str(uuid4())},
            json={
                "category": "0802",
                "region": "330106",
                "narrative": text,
                "reporter": {"name": "张三", "email": "zhang@example.org"},
                "ways": ["EMAIL"],
            },
        )
        assert response.status_code == 201, response.text
        number = response.json()["case_number"]
        row = await self.db.fetchrow("SELECT complaint_id FROM complaints WHERE case_number = $1", number)
        self.sent[row["complaint_id"]] = text
        complaint_id: UUID = row["complaint_id"]
        return complaint_id

    async def read_everything(self) -> set[str]:
        """Every narrative and address opens; the ids of the keys that the complaints' keys are wrapped under."""
        sealer, used = Sealer.load(self.stack.settings.keys_dir), set()
        for complaint_id, text in self.sent.items():
            row = await self.db.fetchrow("SELECT * FROM complaints WHERE complaint_id = $1", complaint_id)
            cipher = sealer.cipher(bytes(row["case_key_wrapped"]), complaint_id)
            assert cipher.open(bytes(row["narrative_sealed"]), "narrative") == text
            used.add(sealed_under(bytes(row["case_key_wrapped"]))[1])
            assert await self.address(row["contact_token"]) == "zhang@example.org"
        return used

    async def address(self, contact_token: UUID) -> str:
        claims = {"contact_token": str(contact_token), "notice_id": str(uuid4())}
        tokens = ServiceTokens("notifications", self.stack.settings)
        token = tokens.issue("vault", "contacts.open", claims={**claims, "aim": "NOTICE"})
        response = await self.http.post(
            f"{self.stack.url('vault')}/v1/contacts/open",
            headers={"Authorization": f"Bearer {token}"},
            json={**claims, "purpose": "NOTICE"},
        )
        assert response.status_code == 200, response.text
        return str(response.json()["email"])


async def walk(stack: Stack, backup: Path, title: str, **given: str) -> str:
    """Run a section's commands, with everything they print."""
    settings = stack.settings
    env = os.environ | {
        "PATH": f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "HUIYIN_STATE_DIR": str(stack.state_dir),
        "KEYS": str(settings.keys_dir),
        "VAULT_KEYS": str(settings.vault_keys()),
        "SIGNERS": str(settings.signers_dir),
        "BACKUP": str(backup),
        "COLUMNS": "200",
        **given,
    }
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-euc", SECTIONS[title]], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def test_every_section_with_commands_is_walked_here() -> None:
    with_commands = {title for title, commands in SECTIONS.items() if commands}
    assert with_commands == {
        "Back up",
        "Rotate",
        "The key of a ring leaked",
        "The vault's private key leaked",
        "A key file is lost",
        "A signing key leaked",
    }


async def test_a_ring_is_rotated_while_complaints_come_in(stack: Stack, desk: Desk, backup: Path) -> None:
    await walk(stack, backup, "Back up")
    for _ in range(3):
        await desk.submit()
    assert await desk.read_everything() == {"k1"}
    stop = asyncio.Event()

    async def go_on() -> None:  # a few a second: each is read again at every step
        while not stop.is_set():
            await desk.submit()
            await asyncio.sleep(0.3)

    going_on = asyncio.create_task(go_on())
    try:
        said = await walk(stack, backup, "Rotate")
    finally:
        stop.set()
        await going_on
    assert "complaints seals with k2" in said
    assert await desk.read_everything() == {"k2"}, "those too that came in meanwhile"
    assert (backup / "keys" / "complaints.keyring.json").exists()


async def test_a_key_that_something_needs_is_not_destroyed(stack: Stack, desk: Desk, backup: Path) -> None:
    SECTIONS["refused"] = "huiyin keys rotate complaints\nhuiyin keys destroy complaints k2 && exit 1 || true"
    assert "processes may still seal with k2" in await walk(stack, backup, "refused")
    del SECTIONS["refused"]
    assert "k2" in load_keyring(stack.settings.keys_dir, "complaints").ids
    await desk.read_everything()


async def test_a_leaked_ring_key_goes(stack: Stack, desk: Desk, backup: Path) -> None:
    said = await walk(stack, backup, "The key of a ring leaked", LEAKED="k1")
    assert "k1 of referrals is destroyed" in said
    assert load_keyring(stack.settings.keys_dir, "referrals").ids == ("k2",)
    assert keyrings.read(stack.settings.keys_dir, "referrals").destroyed["k1"].reason == "LEAKED"
    assert load_keyring(stack.settings.keys_dir, "temporal").current == "k2"


async def test_a_pair_that_identities_are_still_sealed_to_is_not_destroyed(
    stack: Stack, desk: Desk, backup: Path
) -> None:
    settings, public = stack.settings, stack.settings.keys_dir / "vault.public"
    [before] = vault_keys.fingerprints(settings.vault_keys())
    old = public.read_bytes()
    SECTIONS["refused"] = f"huiyin keys destroy vault {before} && exit 1 || true"
    await asyncio.to_thread(vault_keys.rotate, settings.keys_dir, settings.vault_keys())
    assert "processes may still seal to" in await walk(stack, backup, "refused")
    public.write_bytes(old)  # as where the new one was not carried to
    assert "still the public half" in await walk(stack, backup, "refused")
    await desk.submit()
    elsewhere = backup / "elsewhere"
    shutil.copytree(settings.keys_dir, elsewhere)
    vault_keys.rotate(elsewhere, settings.vault_keys())
    os.utime(elsewhere / "vault.public", (0, 0))
    assert "complaints still seals to" in await walk(stack, backup, "refused", HUIYIN_KEYS_DIR=str(elsewhere))
    public.write_bytes((elsewhere / "vault.public").read_bytes())
    os.utime(public, (0, 0))
    assert "identities may be sealed to" in await walk(stack, backup, "refused")
    del SECTIONS["refused"]
    SECTIONS["tidy"] = f"huiyin keys rewrap vault\nhuiyin keys destroy vault {before}"
    await walk(stack, backup, "tidy")
    del SECTIONS["tidy"]
    await desk.read_everything()


async def test_a_leaked_vault_key_goes_and_every_identity_opens(stack: Stack, desk: Desk, backup: Path) -> None:
    [leaked] = vault_keys.fingerprints(stack.settings.vault_keys())
    said = await walk(stack, backup, "The vault's private key leaked", LEAKED_PAIR=leaked)
    assert f"{leaked} of vault is destroyed" in said
    [current] = vault_keys.fingerprints(stack.settings.vault_keys())
    await desk.submit()
    await desk.read_everything()
    sealed = await desk.db.fetch("SELECT sealed FROM vault.sealed_identities")
    assert {vault_keys.key_of(bytes(row["sealed"])) for row in sealed} == {current}


async def test_lost_files_come_back_from_the_backup(stack: Stack, desk: Desk, backup: Path) -> None:
    await walk(stack, backup, "Back up")
    settings = stack.settings
    (settings.keys_dir / "complaints.keyring.json").unlink()
    (settings.keys_dir / "complaints.code-key").unlink()
    shutil.rmtree(settings.vault_keys())
    await desk.submit()
    said = await walk(stack, backup, "A key file is lost")
    assert "is gone: put it back from your backup" in said
    assert "All keys are there." in said
    await desk.submit()
    await desk.read_everything()


@pytest.mark.parametrize("signer", ["complaints", "vault", "cli"])
async def test_a_leaked_signing_key_is_replaced_and_old_anchors_hold(
    stack: Stack, desk: Desk, backup: Path, signer: str
) -> None:
    said = await walk(stack, backup, "A signing key leaked", SIGNER=signer)
    assert f"{signer} signs with" in said
    await desk.submit()
    await desk.read_everything()
    verify = [f"{PROJECT}/.venv/bin/huiyin", "audit", "verify", "-s", "complaints", "-s", "vault"]
    env = os.environ | {"HUIYIN_STATE_DIR": str(stack.state_dir)}
    for _ in range(240):  # at the latest after the sealer's window
        done = await asyncio.to_thread(subprocess.run, verify, env=env, capture_output=True, text=True, check=False)
        if done.returncode == 0 and "another signing key" in done.stdout:
            break
        assert "TAMPERED" not in done.stdout + done.stderr
        await asyncio.sleep(0.5)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_every_act_stands_in_the_audit(desk: Desk) -> None:
    """That it is begun, and how it ended."""

    async def acts(schema: str) -> list[str]:
        chain = f"SELECT action, details FROM {schema}.audit_log WHERE chain = 'admin/keys' ORDER BY sequence"
        rows = await desk.db.fetch(chain)
        begun = [json.loads(row["details"])["act"] for row in rows[::2]]
        assert {row["action"] for row in rows[::2]} == {"KEY_ACT_BEGUN"}
        assert begun == [row["action"] for row in rows[1::2]]
        return begun

    assert await acts("public") == [
        "KEY_ADDED", "KEY_ROTATED", "KEYS_REWRAPPED", "KEY_ROTATED", "SIGNING_KEY_RENEWED", "SIGNING_KEY_RENEWED",
    ]  # fmt: skip
    assert await acts("vault") == [
        "KEYS_REWRAPPED", "KEY_DESTROYED", "KEY_ROTATED", "KEYS_REWRAPPED", "KEY_DESTROYED", "SIGNING_KEY_RENEWED",
    ]  # fmt: skip
