"""The stack itself on real engines: set-up, crashes said so, taken ports, roles that reach nothing else, retention."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import socket

import asyncpg
import psutil
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from contracts.topics import TOPICS
from deploy.config import PROJECT
from deploy.engines import temporal
from deploy.ports import free_ports
from deploy.stack import Stack, StackError
from deploy.topics import ensure_topics


def test_a_second_start_is_harmless(stack_engines: Stack) -> None:
    before = stack_engines.status()
    assert stack_engines.launch() is False
    stack_engines.start()
    after = stack_engines.status()
    assert (after.pid, after.processes) == (before.pid, before.processes)


@pytest.mark.parametrize("name", ["postgres", "kafka", "temporal", "mailsink"])
def test_a_crashed_engine_is_started_again_and_it_is_said(stack_engines: Stack, name: str) -> None:
    restarts = stack_engines.process(name).restarts
    process = stack_engines.kill_and_wait(name)
    assert process.restarts == restarts + 1
    assert process.last_exit == "killed by SIGKILL"
    said = [line for line in stack_engines.log("supervisor").splitlines() if f'"process": "{name}"' in line]
    assert any("process ended by itself" in line and "killed by SIGKILL" in line for line in said)


def test_a_held_process_stays_down_until_released(stack_engines: Stack) -> None:
    restarts = stack_engines.process("mailsink").restarts
    stack_engines.hold("mailsink")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stack_engines.config.ports["mailsink_smtp"]), 1).close()
    assert stack_engines.release("mailsink").restarts == restarts


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    ports = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports["temporal"]))
        taken.listen()
        stack = Stack(PROJECT / ".huiyin" / "test" / "taken", services=(), ports=ports)
        with pytest.raises(StackError) as refused:
            stack.start()
    stack.discard()
    assert f"Port {ports['temporal']} for Temporal is taken" in str(refused.value)
    assert "HUIYIN_TEMPORAL_PORT" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_topics_are_as_contracted_and_set_up_may_be_repeated(stack_engines: Stack) -> None:
    from aiokafka.admin import AIOKafkaAdminClient

    async def partitions() -> dict[str, int]:
        assert await ensure_topics(stack_engines.settings) == []
        admin = AIOKafkaAdminClient(bootstrap_servers=stack_engines.settings.kafka_bootstrap)
        await admin.start()
        try:
            described = await admin.describe_topics([topic.name for topic in TOPICS])
        finally:
            await admin.close()
        return {entry["topic"]: len(entry["partitions"]) for entry in described}

    assert asyncio.run(partitions()) == {topic.name: topic.partitions for topic in TOPICS}


@pytest.mark.parametrize("role", ["complaints", "vault", "referrals", "notifications"])
def test_an_app_role_owns_nothing_and_makes_nothing(stack_engines: Stack, role: str) -> None:
    async def try_all() -> None:
        connection = await asyncpg.connect(stack_engines.settings.dsn(role))
        try:
            owned = "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = $1)"
            assert await connection.fetchval(owned, role) == 0
            for statement in ("CREATE TABLE public.mine (id int)", "CREATE DATABASE mine", "CREATE ROLE mine"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(try_all())


@pytest.mark.parametrize(
    ("role", "database"),
    [("complaints", "huiyin_referrals"), ("referrals", "huiyin_complaints"), ("notifications", "huiyin_complaints"),
     ("vault", "huiyin_notifications"), ("referrals_owner", "huiyin_complaints"),
     ("referrals", "postgres")],
)  # fmt: skip
def test_a_role_cannot_enter_another_services_database(stack_engines: Stack, role: str, database: str) -> None:
    passwords = stack_engines.config.passwords()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(asyncpg.connect(stack_engines.config.dsn(role, database, passwords[role])))


def test_a_wrong_password_is_refused(stack_engines: Stack) -> None:
    dsn = stack_engines.config.dsn("complaints", "huiyin_complaints", "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(dsn))


async def test_temporal_killed_loses_nothing_it_acknowledged(stack_engines: Stack) -> None:
    client = await Client.connect(stack_engines.settings.temporal_address)
    acknowledged: list[str] = []

    async def start_until_killed() -> None:
        for number in itertools.count():
            identity = f"durable/{os.getpid()}/{number}"
            await client.start_workflow("Nobody", id=identity, task_queue="nobody")
            acknowledged.append(identity)

    starting = asyncio.create_task(start_until_killed())
    async with asyncio.timeout(60):
        while len(acknowledged) <= 10:
            await asyncio.sleep(0.05)
    killed = stack_engines.kill("temporal")
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError, RPCError):  # it may find the server gone before it is cancelled
        await starting
    await asyncio.to_thread(stack_engines.wait_ready, "temporal", not_pid=killed)
    for identity in acknowledged:
        handle = client.get_workflow_handle(identity)
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        await handle.terminate()


def test_every_engine_can_be_replaced_by_an_address(stack_engines: Stack) -> None:
    theirs = {name: value for name, value in stack_engines.env.items() if name.endswith("_DSN")}
    for name in ("HUIYIN_KAFKA_BOOTSTRAP", "HUIYIN_TEMPORAL_ADDRESS", "HUIYIN_SMTP_HOST", "HUIYIN_SMTP_PORT"):
        theirs[name] = stack_engines.env[name]
    state = PROJECT / ".huiyin" / "test" / f"guest-{os.getpid()}"
    # Whoever brings databases brings the keys that their values are sealed under.
    for folder in ("keys", "vault-keys", "signing"):
        shutil.copytree(stack_engines.state_dir / folder, state / folder)
    with Stack(state, services=(), env=theirs) as guest:
        assert guest.status().processes == {}
        assert guest.settings.dsn("vault") == stack_engines.settings.dsn("vault")
        assert "database migrations of referrals" in guest.log("setup")
    guest.discard()


def test_when_the_supervisor_is_killed_nothing_stays_and_the_next_one_starts_clean() -> None:
    stack = Stack(PROJECT / ".huiyin" / "test" / f"killed-{os.getpid()}", services=())
    try:
        stack.start()
        pids = [process.pid for process in stack.status().processes.values() if process.pid is not None]
        assert len(pids) == 4
        stack.kill_supervisor()
        stack.start()
        assert {process.state for process in stack.status().processes.values()} == {"ready"}
        assert not any(psutil.pid_exists(pid) for pid in pids)
    finally:
        stack.stop()
    stack.discard()


def test_closed_workflows_are_kept_for_thirty_days_at_least(stack_engines: Stack) -> None:
    assert temporal.retention_days(stack_engines.config) >= 30
