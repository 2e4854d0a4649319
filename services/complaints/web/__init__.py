"""The public site: file, follow, add, rate. Works without scripts; every page is a thin adapter of the use cases."""

from pathlib import Path

from fastapi import FastAPI

from services.chassis.settings import Settings
from services.chassis.web.pages import Pages
from services.chassis.web.problems import ProblemPages
from services.complaints.web import filing, following, retaliating

TEMPLATES = Path(__file__).parent / "templates"


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Serve the site beside the API. Raises MissingAsset when npm's files were not fetched."""
    pages = Pages(TEMPLATES, secure=settings.over_https)
    pages.mount(app)
    for part in (filing, following, retaliating):
        app.include_router(part.router)
    app.add_middleware(ProblemPages, pages=pages)
