"""Styles and scripts, served by us under addresses that name their content, so that browsers keep them for good."""

import gzip
import hashlib
import mimetypes
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
_FOREVER = "public, max-age=31536000, immutable"

FILES: dict[str, Path] = {
    "tabler.css": MODULES / "@tabler/core/dist/css/tabler.min.css",
    "huiyin.css": HERE / "static/huiyin.css",
    "htmx.js": MODULES / "htmx.org/dist/htmx.min.js",
    "htmx-sse.js": MODULES / "htmx-ext-sse/dist/sse.min.js",
}
"""By the name templates use. Those of npm are fetched by `make setup` as package-lock.json pins them."""


class MissingAsset(RuntimeError):
    """A file of npm that was not fetched; the text says how."""


class Asset:
    """One file, read once."""

    def __init__(self, name: str, path: Path) -> None:
        """Raises MissingAsset."""
        try:
            self.data = path.read_bytes()
        except FileNotFoundError as error:
            raise MissingAsset(f"{name} is missing: run `make setup`, or `npm ci` in services/chassis/web") from error
        self.media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.hash = hashlib.sha256(self.data).hexdigest()[:16]
        self.url = f"/assets/{self.hash}/{name}"

    @cached_property
    def gzipped(self) -> bytes:
        """The same bytes for every process: no time stamp in it."""
        return gzip.compress(self.data, 9, mtime=0)


class Assets:
    """All assets of one application."""

    def __init__(self, more: dict[str, Path] | None = None) -> None:
        """`more`: files that only this service has. Raises MissingAsset."""
        self._assets = {name: Asset(name, path) for name, path in {**FILES, **(more or {})}.items()}

    def url(self, name: str) -> str:
        """The address of an asset; raises KeyError for one that is not listed."""
        return self._assets[name].url

    def answer(self, request: Request, hash_: str, name: str) -> Response:
        """The file, compressed where the browser takes it; 404 when there is none of that name."""
        asset = self._assets.get(name)
        if asset is None:
            return Response(status_code=404)
        # Another version's address, while two versions run beside each other: ours will do, but not for good.
        headers = {
            "Cache-Control": _FOREVER if hash_ == asset.hash else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.gzipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
        return Response(asset.data, headers=headers, media_type=asset.media_type)
