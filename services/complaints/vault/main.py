"""The vault's process: the only one that is given the private key of identities."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.chassis import serve, telemetry
from services.chassis.audit.sealing import Sealer
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.http import create_app
from services.chassis.reference import use_reference
from services.chassis.settings import Settings, get_settings
from services.chassis.vault_keys import load_vault_private
from services.complaints.vault import api, api_openings, keys, rights
from services.complaints.vault.binding import Binder
from services.complaints.vault.openings import Openings
from services.complaints.vault.service import Contacts

SERVICE = "vault"


def build(settings: Settings) -> FastAPI:
    """The application; nothing is connected and no key is read before its lifespan begins."""
    use_reference(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db = Database(settings.dsn(SERVICE), pool_size=settings.db_pool_size, name=SERVICE)
        app.state.db, app.state.settings = db, settings
        app.state.tokens = ServiceTokens(SERVICE, settings)
        app.state.keys = load_vault_private(settings.vault_keys())
        app.state.contacts, app.state.openings = Contacts(app.state.keys), Openings(app.state.keys, settings)
        tasks = {
            "sealer": Sealer(settings.dsn(SERVICE), settings, SERVICE).run,
            "binder": Binder(db, app.state.keys).run,
        }
        async with serve.background(tasks):
            yield
        await db.close()

    async def postgres() -> None:
        await app.state.db.ping()

    app = create_app("Huiyin vault", SERVICE, settings, lifespan=lifespan, checks={"postgres": postgres})
    app.include_router(api.router)
    app.include_router(api_openings.router)
    app.include_router(keys.router)
    app.include_router(rights.router)
    return app


def main() -> None:
    """Run the service until it is told to stop."""
    settings = get_settings()
    telemetry.setup(SERVICE, settings)
    serve.run(build(settings), settings.vault_port, settings)


if __name__ == "__main__":
    main()
