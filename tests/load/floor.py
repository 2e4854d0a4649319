"""The floor of intake: the same server and database, one bare insert and commit per request."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import text

from services.chassis import serve, telemetry
from services.chassis.db import Database
from services.chassis.http import create_app
from services.chassis.settings import load_settings

TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, body text NOT NULL)"


class Body(BaseModel):
    """The same body as intake's, taken apart as little as possible."""

    narrative: str


def main(port: int) -> None:
    """Serve ``POST /floor`` until stopped."""
    settings = load_settings()
    telemetry.setup("floor", settings)
    database = Database(settings.owner_dsn("complaints"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with database.session() as session:
            await session.execute(text(TABLE))
        yield
        await database.close()

    app = create_app("floor", "floor", settings, lifespan=lifespan)

    @app.post("/floor", status_code=201)
    async def floor(body: Body) -> dict[str, str]:
        async with database.session() as session:
            await session.execute(text("INSERT INTO bench_floor (body) VALUES (:body)"), {"body": body.narrative})
        return {"status": "ok"}

    serve.run(app, port, settings)


if __name__ == "__main__":
    main(int(sys.argv[1]))
