"""The complaints process: HTTP interface, relay, and the consumer of case events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI

from contracts.topics import CASES
from services.chassis import bus, kafka, serve, telemetry
from services.chassis.audit.sealing import Sealer
from services.chassis.bus import Consumer, make_broker
from services.chassis.db import Database
from services.chassis.http import create_app
from services.chassis.outages import engine_away
from services.chassis.reference import keep_on_record, use_reference
from services.chassis.relay import Relay
from services.chassis.settings import Settings, get_settings
from services.complaints import api, api_officers, api_reporters, api_rights, api_services, api_uploads
from services.complaints.clamd import Clamd
from services.complaints.clients import forget_nonces
from services.complaints.consumers import TIMELINE, on_case
from services.complaints.domain import Refusal
from services.complaints.http_inputs import FORM_BYTES, answer_refusal
from services.complaints.runtime import Runtime
from services.complaints.uploads import tidy
from services.complaints.web import add_pages, tus
from services.complaints.web.uploads import MAX_FILES

SERVICE = "complaints"
_NONCES_SECONDS = 600.0
_log = structlog.get_logger("huiyin.complaints")


def build(settings: Settings) -> FastAPI:
    """The application; nothing is connected and no key is read before its lifespan begins."""
    use_reference(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = settings.dsn(SERVICE)
        # No overflow: such connections are opened for one request and closed again, which costs more than a short wait.
        db = Database(dsn, pool_size=settings.db_pool_size, max_overflow=0, name=SERVICE)
        rt = Runtime.start(settings, db)
        app.state.runtime = rt
        broker = make_broker(settings)
        consumer = Consumer(db, broker, TIMELINE, CASES, on_case, gathers=True, together=True, settings=settings)
        tasks: dict[str, serve.Task] = {
            "relay": Relay(db, dsn, settings, SERVICE).run,
            "sealer": Sealer(dsn, settings, SERVICE).run,
            "reference": partial(keep_on_record, db, settings, SERVICE),
            "timeline": partial(bus.run, broker, consumer),
            "wakeup": rt.wakeup.run,
            "nonces": partial(_forget_nonces, db),
            "examiner": rt.examiner.run,
            "reissues": rt.reissues.run,
            "rights": rt.rights.run,
            "uploads": partial(tidy, rt.uploads, rt.store),
        }
        async with serve.background(tasks):
            yield
        await rt.documents.close()
        await rt.http.aclose()
        await db.close()

    async def postgres() -> None:
        runtime: Runtime = app.state.runtime
        await runtime.db.ping()

    # Intake needs PostgreSQL alone: without Kafka complaints are accepted, and their events wait in the outbox.
    app = create_app(
        "Huiyin complaints",
        SERVICE,
        settings,
        lifespan=lifespan,
        checks={"postgres": postgres},
        optional_checks={
            "kafka": partial(kafka.ping, settings),
            **({"clamd": Clamd(settings.clamd_address).ping} if settings.clamd_address else {}),
        },
        body_limits={
            api_uploads.PATH: settings.evidence_max_bytes,
            tus.PATH: settings.evidence_max_bytes,
            "/v1/tracking/evidence": settings.evidence_max_bytes + FORM_BYTES,
            **dict.fromkeys(
                ("/file", "/tracking/case/additions"), settings.evidence_max_bytes * MAX_FILES + FORM_BYTES
            ),
        },
    )
    app.add_exception_handler(Refusal, answer_refusal)
    for part in (api, api_reporters, api_rights, api_uploads, api_officers, api_services):
        app.include_router(part.router)
    add_pages(app, settings)
    return app


async def _forget_nonces(db: Database) -> None:
    while True:
        try:
            async with db.session() as session:
                await forget_nonces(session)
        except Exception as error:
            if engine_away(error) is None:
                raise
            _log.warning("engine_away", engine="postgres", exc_info=error)
        await asyncio.sleep(_NONCES_SECONDS)


def main() -> None:
    """Run the service until it is told to stop."""
    settings = get_settings()
    telemetry.setup(SERVICE, settings)
    serve.run(build(settings), settings.complaints_port, settings)


if __name__ == "__main__":
    main()
