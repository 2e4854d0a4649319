"""Resumable uploads: the tus protocol 1.0.0 with creation, termination, expiration and checksum (tus.io/protocols).

Programs send case number and query code as user and password of HTTP's Basic scheme: an address would end up in logs.
The site's own script goes by the visit that its page belongs to (web/tus.py).
"""

import base64
import binascii
from collections.abc import Callable, Coroutine, Mapping, Sequence
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.params import Depends as DependsOn
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBasic
from pydantic import ValidationError

from services.chassis.http import Problem, lang
from services.complaints.domain import Refusal
from services.complaints.runtime import runtime
from services.complaints.schemas import Credentials
from services.complaints.uploads import Checksum, Standing

PATH = "/v1/tracking/uploads"
VERSION = "1.0.0"
_EXTENSIONS = "creation,termination,expiration,checksum"
_ALGORITHMS = ("sha256", "sha1")
_PART = "application/offset+octet-stream"
_METADATA_MAX = 4096


class _Tus(APIRoute):
    """What is refused is problem+json too, with the headers that tus asks for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                return _refused(request, refusal)

        return answer


class _Basic(HTTPBasic):
    """Names the scheme in our OpenAPI; the header is read where its faults are told in our words."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        return None


_OWN = [Depends(_Basic(scheme_name="reporter", description="Case number and query code", auto_error=False))]


def _header(name: str, text: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string", **schema}}


_VERSIONED = _header("Tus-Resumable", "The protocol's version", enum=[VERSION])
_CREATION = {
    "parameters": [
        _VERSIONED,
        _header("Upload-Length", "Bytes of the whole file", pattern="^[0-9]{1,15}$"),
        {
            **_header("Upload-Metadata", "Pairs of a key and a value in base64; `filename` is taken"),
            "required": False,
        },
    ],
}
_PATCH = {
    "parameters": [
        _VERSIONED,
        _header("Upload-Offset", "Bytes that were received so far", pattern="^[0-9]{1,15}$"),
        {**_header("Upload-Checksum", "`sha256` or `sha1`, and the part's digest in base64"), "required": False},
    ],
    "requestBody": {
        "required": True,
        "content": {_PART: {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}},
    },
}


def tus(path: str, who: Callable[[Request], Credentials], own: Sequence[DependsOn] = (), **about: Any) -> APIRouter:
    """The protocol's routes under a path. ``who`` reads from a request whose complaint it is about."""
    router = APIRouter(prefix=path, route_class=_Tus, **about)

    @router.options("", status_code=204, summary="What the server can do (tus)")
    async def options(request: Request) -> Response:
        return _empty(
            204,
            {
                "Tus-Version": VERSION,
                "Tus-Extension": _EXTENSIONS,
                "Tus-Max-Size": str(runtime(request).settings.evidence_max_bytes),
                "Tus-Checksum-Algorithm": ",".join(_ALGORITHMS),
            },
        )

    @router.post(
        "", status_code=201, summary="Begin the upload of a file (tus)", openapi_extra=_CREATION, dependencies=own
    )
    async def create(request: Request) -> Response:
        _check_version(request)
        rt, credentials = runtime(request), who(request)
        length = _number(request, "upload-length")
        name = _metadata(request.headers.get("upload-metadata", "")).get("filename", "")
        with rt.attempts.of(request, credentials.case_number):
            begun = await rt.uploads.create(credentials, length, name)
        return _empty(201, {"Location": f"{path}/{begun.upload_id}", **_told(begun)})

    @router.head(
        "/{upload_id}",
        summary="How far an upload is (tus)",
        openapi_extra={"parameters": [_VERSIONED]},
        dependencies=own,
    )
    async def standing(request: Request, upload_id: UUID) -> Response:
        _check_version(request)
        rt, credentials = runtime(request), who(request)
        with rt.attempts.of(request, credentials.case_number):
            found = await rt.uploads.standing(credentials, upload_id)
        return _empty(200, {"Upload-Length": str(found.length), **_told(found)})

    @router.patch(
        "/{upload_id}",
        status_code=204,
        summary="Send a part of an upload (tus)",
        openapi_extra=_PATCH,
        dependencies=own,
    )
    async def append(request: Request, upload_id: UUID) -> Response:
        """204 with the new Upload-Offset: so much is safe. The last part makes the file evidence of this id."""
        _check_version(request)
        if request.headers.get("content-type", "") != _PART:
            raise Refusal(
                415, "NOT_A_PART", f"请用 Content-Type: {_PART} 发送。", f"Send it with Content-Type: {_PART}."
            )
        rt, credentials = runtime(request), who(request)
        offset, checksum = _number(request, "upload-offset"), _checksum(request)
        with rt.attempts.of(request, credentials.case_number):
            reached = await rt.uploads.append(credentials, upload_id, offset, request.stream(), checksum)
        if reached.offset == reached.length:
            rt.examiner.soon()
        return _empty(204, _told(reached))

    @router.delete(
        "/{upload_id}",
        status_code=204,
        summary="Give an upload up (tus)",
        openapi_extra={"parameters": [_VERSIONED]},
        dependencies=own,
    )
    async def terminate(request: Request, upload_id: UUID) -> Response:
        _check_version(request)
        rt, credentials = runtime(request), who(request)
        with rt.attempts.of(request, credentials.case_number):
            await rt.uploads.terminate(credentials, upload_id)
        return _empty(204, {})

    return router


def _refused(request: Request, refusal: Refusal) -> Response:
    headers = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="huiyin", charset="UTF-8"'
    if refusal.status == 412:
        headers["Tus-Version"] = VERSION
    if refusal.status == 413:
        headers["Connection"] = "close"  # the rest of the body is not read
    return Problem(refusal.status, refusal.code, refusal.zh, refusal.en, headers=headers).response(lang(request))


def _told(found: Standing) -> dict[str, str]:
    return {
        "Upload-Offset": str(found.offset),
        "Upload-Expires": format_datetime(found.expires_at, usegmt=True),
    }


def _empty(status: int, headers: Mapping[str, str]) -> Response:
    return Response(None, status, {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **headers})


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise Refusal(
            412,
            "TUS_VERSION",
            f"请在请求头中发送 Tus-Resumable: {VERSION}。",
            f"Send the header Tus-Resumable: {VERSION}.",
        )


def _credentials(request: Request) -> Credentials:
    """Raises Refusal (401) unless there are some; whether they are right is not looked at here."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "basic":
            number, _, code = base64.b64decode(given, validate=True).decode().partition(":")
            return Credentials(case_number=number, query_code=code)
    except (binascii.Error, UnicodeDecodeError, ValidationError):
        pass
    raise Refusal(
        401,
        "CREDENTIALS_MISSING",
        "请用 Authorization: Basic 发送案件编号和查询码。",
        "Send case number and query code with Authorization: Basic.",
    )


def _number(request: Request, name: str) -> int:
    given = request.headers.get(name, "")
    if not given.isascii() or not given.isdecimal() or len(given) > 15:
        raise Refusal(
            400,
            "HEADER_MISSING",
            f"请在请求头 {name.title()} 中发送一个整数(字节)。",
            f"Send a whole number of bytes in the header {name.title()}.",
        )
    return int(given)


def _metadata(header: str) -> dict[str, str]:
    """`key base64, key base64`; a value that is none is left out: all that we take from it is a name."""
    found: dict[str, str] = {}
    for pair in header[:_METADATA_MAX].split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def _checksum(request: Request) -> Checksum | None:
    given = request.headers.get("upload-checksum")
    if given is None:
        return None
    algorithm, _, digest = given.partition(" ")
    try:
        if algorithm in _ALGORITHMS:
            return Checksum(algorithm, base64.b64decode(digest, validate=True))
    except binascii.Error:
        pass
    raise Refusal(
        400,
        "CHECKSUM_UNKNOWN",
        "Upload-Checksum 须为 sha256 或 sha1 加空格和 base64 摘要。",
        "Upload-Checksum is sha256 or sha1, a space, and the digest in base64.",
    )


router = tus(PATH, _credentials, _OWN, tags=["reporter"])
