"""Temporal over TLS. The local server offers none at its front: the test puts it there, as a load balancer does."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.worker import Worker

from services.chassis import temporal
from services.chassis.keyfiles import ensure_keys
from services.chassis.outages import EngineSetup
from services.chassis.settings import Settings
from tests.certificates import Authority
from tests.integration.chassis.proxy import tls_before

Front = Callable[[ssl.SSLContext], AbstractAsyncContextManager[Settings]]


@workflow.defn(sandboxed=False)
class Greeting:
    @workflow.run
    async def run(self, text: str) -> str:
        return text + "！"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@pytest.fixture
def front(settings: Settings, tmp_path: Path, authority: Authority) -> Front:
    """The server behind TLS; gives the settings that a service needs for it."""
    keys = settings.model_copy(update={"keys_dir": tmp_path / "keys", "signers_dir": tmp_path / "signing"})
    ensure_keys(keys)
    host, _, port = settings.temporal_address.rpartition(":")

    @asynccontextmanager
    async def opened(context: ssl.SSLContext) -> AsyncIterator[Settings]:
        context.set_alpn_protocols(["h2"])
        async with tls_before(host, int(port), context) as secured:
            given = {"temporal_address": f"localhost:{secured}", "temporal_tls": True}
            yield keys.model_copy(update=given | {"temporal_ca_file": str(authority.file)})

    return opened


async def greet(settings: Settings) -> str:
    """One workflow, client and worker alike through the settings."""
    client = await temporal.connect(settings)
    await temporal.ping(client)
    name = f"test/{uuid.uuid4()}"
    async with Worker(client, task_queue=name, workflows=[Greeting]):
        return await client.execute_workflow(
            Greeting.run, "回音", id=name, task_queue=name, execution_timeout=timedelta(seconds=20)
        )


async def test_a_workflow_runs_over_tls(front: Front, authority: Authority) -> None:
    async with front(authority.sign().server_context()) as settings:
        assert await greet(settings) == "回音！"


async def test_a_server_that_wants_a_client_s_certificate_gets_it(front: Front, authority: Authority) -> None:
    ours = authority.sign("huiyin")
    shown = {"temporal_cert_file": str(ours.certificate), "temporal_key_file": str(ours.key)}
    async with front(authority.sign().server_context(clients=authority.file)) as settings:
        assert await greet(settings.model_copy(update=shown)) == "回音！"
        with pytest.raises(EngineSetup, match=r"temporal.*HUIYIN_TEMPORAL_CERT_FILE"):
            await temporal.connect(settings)


async def test_whom_we_don_t_trust_gets_no_word_and_the_setting_is_named(
    front: Front, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger", "stranger")
    async with front(stranger.sign().server_context()) as settings:
        with pytest.raises(EngineSetup, match=r"temporal.*don't trust.*HUIYIN_TEMPORAL_CA_FILE") as caught:
            await temporal.connect(settings)
        assert caught.value.engine == "temporal"
        lazy = await temporal.connect(settings, lazy=True)
        with pytest.raises(EngineSetup, match="HUIYIN_TEMPORAL_CA_FILE"):
            await temporal.ping(lazy)
    async with front(authority.sign("elsewhere.example").server_context()) as settings:
        with pytest.raises(EngineSetup, match=r"another name.*HUIYIN_TEMPORAL_ADDRESS"):
            await temporal.connect(settings)


async def test_one_side_without_tls_is_named(front: Front, authority: Authority, settings: Settings) -> None:
    async with front(authority.sign().server_context()) as secured:
        plain = {"temporal_address": settings.temporal_address}
        with pytest.raises(EngineSetup, match=r"does not speak TLS.*HUIYIN_TEMPORAL_TLS"):
            await temporal.connect(secured.model_copy(update=plain))
        with pytest.raises(EngineSetup, match=r"breaks it off.*HUIYIN_TEMPORAL_TLS"):
            await temporal.connect(secured.model_copy(update={"temporal_tls": False}))
        with pytest.raises(EngineSetup, match=r"can't be read.*HUIYIN_TEMPORAL_CA_FILE"):
            await temporal.connect(secured.model_copy(update={"temporal_ca_file": "nowhere.pem"}))
