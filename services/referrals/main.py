"""The referrals process: HTTP interface, relay, bridge consumer, and the worker of the workflow's activities."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import httpx
from fastapi import FastAPI

from contracts.topics import COMPLAINTS
from services.chassis import audit, bus, kafka, serve, telemetry, temporal
from services.chassis.audit.sealing import Sealer
from services.chassis.auth import ServiceTokens
from services.chassis.bus import Consumer, make_broker
from services.chassis.crypto import load_keyring
from services.chassis.db import Database
from services.chassis.http import create_app
from services.chassis.reference import keep_on_record, use_reference
from services.chassis.relay import Relay
from services.chassis.settings import Settings, get_settings
from services.referrals import consumers
from services.referrals.activities import Activities
from services.referrals.activity_worker import serve_activities
from services.referrals.api import (
    acts,
    administration,
    auditing,
    cases,
    clocks,
    duplicates,
    internal,
    openings,
    papers,
    rights,
    second_factor,
    sessions,
    transfer_records,
)
from services.referrals.api.common import Services, add_refusal_handler
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.consumers import Bridge
from services.referrals.gauges import count_cases
from services.referrals.service.acting import Acting
from services.referrals.service.auditing import Auditing
from services.referrals.service.casebook import Casebook
from services.referrals.service.devices import Devices
from services.referrals.service.directory import Directory
from services.referrals.service.duplicates import Searching
from services.referrals.service.identity import Identities, Policy
from services.referrals.service.news import News
from services.referrals.service.openid import make_provider
from services.referrals.service.openings import IdentityOpenings
from services.referrals.service.papers import Papers
from services.referrals.service.passwords import Passwords
from services.referrals.service.people import People
from services.referrals.service.reading import Reading
from services.referrals.service.recounting import Recounting
from services.referrals.service.registry import Registry
from services.referrals.service.reorganising import Reorganising
from services.referrals.service.rights import AnsweringRights
from services.referrals.service.second_factors import SecondFactors
from services.referrals.service.steps import Steps
from services.referrals.service.texts import Texts
from services.referrals.service.transfer_records import TransferRecords
from services.referrals.service.viewing import Viewings
from services.referrals.service.vouching import Vouching
from services.referrals.service.watching import Watching
from services.referrals.web import routes as workbench

SERVICE = "referrals"


def build(settings: Settings) -> FastAPI:
    """The application; nothing is connected before its lifespan begins."""
    use_reference(settings)
    pages = workbench.make_pages(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = settings.dsn(SERVICE)
        # Officers and activities come in bursts: a connection that overflows is closed after each, and dear to open.
        connections = settings.db_pool_size + settings.db_max_overflow
        db = Database(dsn, pool_size=connections, max_overflow=0, name=SERVICE)
        # The bridge holds a connection while it waits for Temporal: it must not take the API's.
        bridge_db = Database(dsn, pool_size=consumers.WORKERS, max_overflow=4, name=f"{SERVICE}-bridge")
        client = await temporal.connect(settings, lazy=True)
        tokens = ServiceTokens(SERVICE, settings)
        keyring = load_keyring(settings.keys_dir, SERVICE)
        texts, factors = Texts(db, keyring), SecondFactors(db, keyring)
        casebook = Casebook(db, texts, tokens, settings.complaints_url, Viewings(db, settings.audit_repeat_seconds))
        acting = Acting(db, client, casebook, texts, partial(temporal.ping, client))
        app.state.db, app.state.client = db, client
        app.state.bench = workbench.make_bench(pages, keyring, settings)
        news = News(dsn)
        http = httpx.AsyncClient(timeout=10, trust_env=False)
        reading = Reading(casebook, http, settings.complaints_url)
        devices = Devices(keyring, timedelta(days=settings.known_device_days))
        identities = Identities(db, tokens, factors, devices, Policy.of(settings))
        first_password = timedelta(hours=settings.first_password_hours)
        papers_of = Papers(db, texts, reading, settings)
        app.state.services = Services(
            identities=identities,
            passwords=Passwords(db, identities, first_password),
            vouching=Vouching(db, identities.policy.pauses),
            factors=factors,
            auditing=Auditing(db),
            openid=make_provider(http, settings),
            casebook=casebook,
            acting=acting,
            registry=Registry(db, first_password),
            directory=Directory(db),
            texts=texts,
            tokens=tokens,
            watching=Watching(db),
            people=People(db),
            reading=reading,
            searching=Searching(db, casebook, http, tokens, settings.complaints_url),
            news=news,
            papers=papers_of,
            records=TransferRecords(db, texts, papers_of),
            openings=IdentityOpenings(db, casebook, http, tokens, settings.vault_url),
            rights=AnsweringRights(
                db,
                casebook,
                http,
                tokens,
                settings.complaints_url,
                settings.vault_url,
                told_within=timedelta(hours=settings.rights_correction_hours),
            ),
        )
        calendar = StateCouncilCalendar()
        broker = make_broker(settings)
        bridge = Consumer(
            bridge_db,
            broker,
            consumers.NAME,
            COMPLAINTS,
            Bridge(client).handle,
            max_workers=consumers.WORKERS,
            settings=settings,
        )
        tasks: dict[str, serve.Task] = {
            "relay": Relay(db, dsn, settings, SERVICE).run,
            "sealer": Sealer(dsn, settings, SERVICE).run,
            "reference": partial(keep_on_record, db, settings, SERVICE),
            "bridge": partial(bus.run, broker, bridge),
            "activities": partial(serve_activities, settings, Activities(Steps(db, calendar, texts))),
            "promises": acting.keep_promises,
            "recounts": Recounting(db, client, calendar).run,
            "reorganisation": Reorganising(db, client).run,
            "gauges": partial(count_cases, db),
            "news": news.run,
        }
        async with http, serve.background(tasks):
            with serve.at_shutdown(news.stop):
                yield
        await bridge_db.close()
        await db.close()

    async def postgres() -> None:
        await app.state.db.ping()

    async def temporal_answers() -> None:
        await temporal.ping(app.state.client)

    checks: dict[str, serve.Task] = {"postgres": postgres, "temporal": temporal_answers}
    # Without Kafka officers work on; cases come and go later.
    optional: dict[str, serve.Task] = {"kafka": partial(kafka.ping, settings)}
    app = create_app("Huiyin referrals", SERVICE, settings, lifespan=lifespan, checks=checks, optional_checks=optional)
    app.add_middleware(audit.Origins)
    add_refusal_handler(app)
    for module in (
        sessions,
        cases,
        duplicates,
        clocks,
        acts,
        papers,
        openings,
        transfer_records,
        administration,
    ):
        app.include_router(module.router)
    for module in (rights, second_factor, auditing, internal):
        app.include_router(module.router)
    workbench.install(app, pages)
    return app


def main() -> None:
    """Run the service until it is told to stop."""
    settings = get_settings()
    telemetry.setup(SERVICE, settings)
    serve.run(build(settings), settings.referrals_port, settings)


if __name__ == "__main__":
    main()
