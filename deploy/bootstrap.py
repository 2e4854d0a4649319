"""Set-up between the engines' start and the services': databases, topics, retention, keys, migrations.

Runs as a short process of its own (`python -m deploy.bootstrap`), so that the owners' database addresses never
enter a process that stays. Every step may be repeated. Lines that begin with `step:` are shown to the operator.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.config import DSN_SETTINGS, StackConfig
from deploy.databases import ensure_databases
from deploy.engines import temporal

if TYPE_CHECKING:
    from services.chassis.settings import Settings

MIGRATED = ("complaints", "referrals", "notifications")


def step(text: str) -> None:
    print(f"step: {text}", flush=True)


def main() -> int:
    from services.chassis.outages import EngineAway

    try:
        set_up()
    except FileNotFoundError as error:  # a key is gone
        print(error, flush=True)
        return 1
    except EngineAway as error:  # one that can't be reached, or refuses our settings: its text says what to look at
        print(error, flush=True)
        return 1
    return 0


def set_up() -> None:
    """All of it. Raises EngineAway, and EngineSetup when an engine won't have the settings."""
    # The environment carries complete settings by now; what was given tells which engines are our own.
    config = StackConfig.of_running(Path(os.environ["HUIYIN_STATE_DIR"]))
    if config.owns_postgres:
        step("databases and roles")
        asyncio.run(ensure_databases(config))
    else:
        step("PostgreSQL's addresses")
        asyncio.run(knock(config))
    from services.chassis.settings import Settings

    settings = Settings()
    step("event topics")
    from deploy.topics import ensure_topics

    replication = 1 if config.owns_kafka else int(config.given.get("HUIYIN_KAFKA_REPLICATION", "1"))
    asyncio.run(ensure_topics(settings, replication))
    if config.owns_temporal:
        step("workflow history retention")
        temporal.set_retention(config)
    step("keys")
    from services.chassis.keyfiles import ensure_keys, unmade_rings

    asyncio.run(refuse_new_rings(settings, unmade_rings(settings)))
    ensure_keys(settings)
    if find_spec("services.chassis.migrate") is None:
        return
    from services.chassis.migrate import upgrade

    for service in MIGRATED:
        if find_spec(f"services.{service}") is not None:
            step(f"database migrations of {service}")
            upgrade(service, settings.owner_dsn(service))


async def refuse_new_rings(settings: Settings, rings: list[str]) -> None:
    """Raises FileNotFoundError when something is sealed under a ring that nobody gave and that would be made anew."""
    from deploy.key_acts import sealed_values
    from services.chassis.keyrings import variable

    for ring in rings:
        if sealed := await sealed_values(ring):
            raise FileNotFoundError(
                f"{sealed} values are sealed under the ring of {ring}, which is not in {settings.keys_dir} nor in"
                f" {variable(ring)}: put it back. A new one is not made, as it would open none of them."
            )


async def knock(config: StackConfig) -> None:
    """Try every address of a PostgreSQL that was given to us: each error names its setting."""
    from services.chassis.db import connect

    for setting in DSN_SETTINGS:
        connection = await connect(config.given[setting], setting=setting)
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
