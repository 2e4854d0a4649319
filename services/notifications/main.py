"""The notifications process: HTTP interface, relay, two consumers, and the sender."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from fastapi import FastAPI

from contracts.topics import CASES, COMPLAINTS
from services.chassis import bus, kafka, serve, telemetry
from services.chassis.audit.sealing import Sealer
from services.chassis.auth import ServiceTokens
from services.chassis.bus import Consumer, make_broker
from services.chassis.db import Database
from services.chassis.http import create_app
from services.chassis.reference import keep_on_record, use_reference
from services.chassis.relay import Relay
from services.notifications.address import Vault
from services.notifications.api import router
from services.notifications.consumers import CASES_CONSUMER, COMPLAINTS_CONSUMER, on_case, on_complaint
from services.notifications.officers import Officers
from services.notifications.sender import Sender
from services.notifications.settings import NotificationSettings, load_settings
from services.notifications.smtp import Mailer

SERVICE = "notifications"


def build(settings: NotificationSettings) -> FastAPI:
    """The application; nothing is connected before its lifespan begins."""
    use_reference(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = settings.dsn(SERVICE)
        db = Database(dsn, pool_size=settings.db_pool_size, max_overflow=settings.db_max_overflow, name=SERVICE)
        app.state.db = db
        app.state.tokens = ServiceTokens(SERVICE, settings)
        broker = make_broker(settings)
        complaints = Consumer(
            db, broker, COMPLAINTS_CONSUMER, COMPLAINTS, on_complaint, gathers=True, settings=settings
        )
        cases = Consumer(db, broker, CASES_CONSUMER, CASES, on_case, gathers=True, together=True, settings=settings)
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            app.state.officers = Officers(
                client, settings.referrals_url, app.state.tokens, settings.officer_fresh_seconds
            )
            sender = Sender(db, Vault(client, settings.vault_url, app.state.tokens), Mailer(settings), settings)
            tasks: dict[str, serve.Task] = {
                "relay": Relay(db, dsn, settings, SERVICE).run,
                "sealer": Sealer(dsn, settings, SERVICE).run,
                "reference": partial(keep_on_record, db, settings, SERVICE),
                "consumers": partial(bus.run, broker, complaints, cases),
                "sender": sender.run,
            }
            async with serve.background(tasks):
                yield
        await db.close()

    async def postgres() -> None:
        await app.state.db.ping()

    # Mail server and vault are missed by nobody who calls us: notices wait for them.
    checks: dict[str, serve.Task] = {"postgres": postgres, "kafka": partial(kafka.ping, settings)}
    app = create_app("Huiyin notifications", SERVICE, settings, lifespan=lifespan, checks=checks)
    app.include_router(router)
    return app


def main() -> None:
    """Run the service until it is told to stop."""
    settings = load_settings()
    telemetry.setup(SERVICE, settings)
    serve.run(build(settings), settings.notifications_port, settings)


if __name__ == "__main__":
    main()
