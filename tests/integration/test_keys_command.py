"""`huiyin keys destroy temporal`: refused while a run may need the key; and words that can't be right."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.service import RPCError
from typer.testing import CliRunner, Result

from deploy import key_acts
from deploy.bootstrap import refuse_new_rings
from deploy.commands.keys import app
from deploy.stack import Stack
from services.chassis import keyfiles, keyrings, temporal
from services.chassis.keyfiles import ensure_keys
from services.chassis.keyrings import KeyringRefused
from services.chassis.settings import Settings


@pytest.fixture
async def own(stack_engines: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Keys and a Temporal namespace of the test's own, and nothing to wait for after a rotation."""
    monkeypatch.setattr(keyrings, "SETTLING", timedelta(0))
    for name, value in stack_engines.env.items():
        monkeypatch.setenv(name, value)
    chosen = stack_engines.settings.model_copy(
        update={
            "keys_dir": tmp_path / "keys",
            "vault_keys_dir": tmp_path / "vault",
            "signers_dir": tmp_path / "signing",
            "temporal_namespace": uuid4().hex,
        }
    )
    ensure_keys(chosen)
    client = await temporal.connect(stack_engines.settings)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=chosen.temporal_namespace, workflow_execution_retention_period=Duration(seconds=86_400)
        )
    )
    return chosen


async def destroyed(settings: Settings, key_id: str) -> str:
    """Destroy a key of `temporal`; what it was refused for, or nothing. A new namespace takes a while to be known."""
    for _ in range(100):
        try:
            await key_acts.destroy(settings, "temporal", key_id, "RETIRED")
            return ""
        except KeyringRefused as refused:
            return str(refused)
        except RPCError as error:
            if "not found" not in error.message:
                raise
            await asyncio.sleep(0.2)
    raise AssertionError("the namespace did not come")


async def test_a_key_that_histories_need_stays_until_they_are_gone(own: Settings) -> None:
    keyrings.rotate(own.keys_dir, "temporal")
    assert await destroyed(own, "k1") == "", "no run began before k2"
    client = await temporal.connect(own)
    await client.start_workflow("anything", id="run", task_queue="nobody")
    while (await client.count_workflows('ExecutionStatus = "Running"')).count == 0:  # lists follow the runs
        await asyncio.sleep(0.1)
    keyrings.rotate(own.keys_dir, "temporal")
    said = await destroyed(own, "k2")
    assert "1 workflow runs began before k2 was out of use and may need it, 1 of them still open" in said
    assert (await client.get_workflow_handle("run").describe()).id == "run"
    await client.start_workflow("anything", id="later", task_queue="nobody")
    keyrings.add(own.keys_dir, "temporal")
    assert await destroyed(own, "k4") == "", "it never sealed anything"
    assert await destroyed(own, "k3") == "k3 is the current key: rotate first"


def keys(stack: Stack, *arguments: str) -> Result:
    return CliRunner(env=stack.env | {"COLUMNS": "200"}).invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rotate", "secrets"], "There is no ring 'secrets'"),
        (["destroy", "complaints", "k99"], "there is no key k99"),
        (["destroy", "vault", "../x"], "there is no earlier key ../x"),
        (["rewrap", "temporal"], "can't be written anew"),
        (["destroy", "complaints", "k1", "--reason", "张三"], "--reason is a code"),
        (["add", "complaints", "--kms-address", "http://10.0.0.1", "--kms-key", "a", "--kms-token-file", "b"], "https"),
        (["add", "complaints", "--kms-address", "https://10.0.0.1"], "needs --kms-key"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(stack_engines: Stack, arguments: list[str], said: str) -> None:
    done = keys(stack_engines, *arguments)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def test_the_list_shows_every_ring_and_no_key(stack_engines: Stack) -> None:
    done = keys(stack_engines, "list")
    assert all(ring in done.output for ring in key_acts.RINGS)
    secret = next(iter(keyrings.read(stack_engines.settings.keys_dir, "complaints").keys.values())).key
    assert secret is not None
    assert secret not in done.output


class Killed(BaseException):
    """In the middle of an act."""


@pytest.mark.parametrize(("ended", "then"), [(Killed, []), (KeyringRefused, ["KEY_ACT_FAILED"])])
async def test_an_act_that_did_not_end_has_left_its_row(
    own: Settings, stack_engines: Stack, ended: type[BaseException], then: list[str]
) -> None:
    connection = await asyncpg.connect(stack_engines.env["HUIYIN_NOTIFICATIONS_OWNER_DSN"])
    await connection.execute("SELECT set_config('huiyin.role', 'system', false)")
    chain = "SELECT action FROM audit_log WHERE chain = 'admin/keys' ORDER BY sequence"
    before = [row["action"] for row in await connection.fetch(chain)]
    with pytest.raises(ended):
        async with key_acts.recorded("notifications", "SIGNING_KEY_RENEWED"):
            raise ended
    assert [row["action"] for row in await connection.fetch(chain)] == [*before, "KEY_ACT_BEGUN", *then]
    await connection.close()


async def test_a_ring_is_not_made_anew_beside_what_is_sealed_under_it(stack_engines: Stack, own: Settings) -> None:
    owner = await asyncpg.connect(stack_engines.env["HUIYIN_COMPLAINTS_OWNER_DSN"])
    client = f"ring-{uuid4().hex[:8]}"
    (own.keys_dir / "complaints.keyring.json").unlink()
    (own.keys_dir / keyrings.MADE).unlink()
    assert keyfiles.unmade_rings(own) == ["complaints"]
    await owner.execute("SELECT set_config('huiyin.role', 'system', false)")
    await owner.execute(
        "INSERT INTO api_clients (client_id, name, channel, secret_sealed) VALUES ($1, $1, 'WEB', $2)",
        client,
        b"\x01\x02k1sealed",
    )
    try:
        with pytest.raises(FileNotFoundError, match=r"sealed under the ring of complaints.*HUIYIN_KEYRING_COMPLAINTS"):
            await refuse_new_rings(own, keyfiles.unmade_rings(own))
    finally:
        await owner.execute("DELETE FROM api_clients WHERE client_id = $1", client)
        await owner.close()
