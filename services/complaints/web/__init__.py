"""The public site: file, follow, add, rate. Works without scripts; every page is a thin adapter of the use cases."""

from pathlib import Path

from fastapi import FastAPI

from services.chassis.settings import Settings
from services.chassis.web.assets import MODULES, Assets
from services.chassis.web.pages import Pages
from services.chassis.web.problems import ProblemPages
from services.complaints.admission import Admission
from services.complaints.web import filing, following, lost, proving, retaliating, rights, tus

_HERE = Path(__file__).parent
_ASSETS = {
    "proof.js": _HERE / "static/proof.js",
    "upload.js": _HERE / "static/upload.js",
    "altcha.js": MODULES / "altcha/dist/workers/pbkdf2.js",
}


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Serve the site beside the API. Raises MissingAsset when npm's files were not fetched."""
    pages = Pages(
        _HERE / "templates",
        secure=settings.over_https,
        assets=Assets(_ASSETS),
        names={"prove": proving.is_wanted},
    )
    pages.mount(app)
    for part in (filing, following, lost, retaliating, rights, tus, proving):
        app.include_router(part.router)
    app.add_middleware(Admission, settings=settings)
    app.add_middleware(ProblemPages, pages=pages, template="wrong.html")
