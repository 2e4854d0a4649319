"""What the APIs read from a request: Idempotency-Key, signed bodies, uploads; and how a Refusal is answered."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from services.chassis.http import Problem, lang
from services.chassis.problems import validation_problem
from services.complaints.domain import Refusal
from services.complaints.evidence import EvidenceStore
from services.complaints.files import Upload
from services.complaints.kinds import plain_name
from services.complaints.schemas import Credentials
from services.complaints.signatures import Signature, read_headers
from services.complaints.staging import StagedFile, staging

Model = TypeVar("Model", bound=BaseModel)

_KEY = re.compile(r"[\x21-\x7e]{16,128}")
_FIELDS_MAX = 8

KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "16 to 128 visible ASCII characters of the sender's choice, e.g. a UUID. Repeating a request "
    "with its key gives the first answer again.",
    "schema": {"type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]{16,128}$"},
}
SIGNATURE_PARAMETERS = [
    {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
    for name, text in (
        ("X-Api-Key", "The client's key"),
        ("X-Timestamp", "Unix seconds, at most 300 from the server's clock"),
        ("X-Nonce", "8 to 64 characters A-Z a-z 0-9 _ -, each used once"),
        ("X-Signature", "Hex HMAC-SHA256 of method, path, timestamp, nonce and hex SHA-256 of the body, one per line"),
    )
]


async def answer_refusal(request: Request, error: Exception) -> Response:
    """A Refusal as problem+json in the caller's language."""
    assert isinstance(error, Refusal)
    extra = {"field": error.field} if error.field else {}
    headers = {"WWW-Authenticate": "Signature"} if error.status == 401 else {}
    if error.status == 413:
        headers["Connection"] = "close"  # the rest of the body is not read
    problem = Problem(error.status, error.code, error.zh, error.en, headers=headers, **extra)
    return problem.response(lang(request))


def idempotency_key(request: Request) -> str:
    """The request's Idempotency-Key; raises Refusal (400) saying what to send."""
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Refusal(
            400,
            "IDEMPOTENCY_KEY_MISSING",
            "请在请求头 Idempotency-Key 中发送 16 至 128 个可见 ASCII 字符(例如一个 UUID);重试同一请求时保持不变。",
            "Send the header Idempotency-Key with 16 to 128 visible ASCII characters (e.g. a UUID), the same when you "
            "repeat the request.",
        )
    return key


def signature(request: Request) -> Signature:
    """The request's signature headers; raises Refusal (401)."""
    headers = request.headers
    return read_headers(
        headers.get("x-api-key"),
        headers.get("x-timestamp"),
        headers.get("x-nonce"),
        headers.get("x-signature"),
        time.time(),
    )


def parse_json(model: type[Model], body: bytes) -> Model:
    """A signed body, once its signature holds. Raises Problem naming what does not fit, never the value."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise validation_problem(error.errors(include_url=False, include_input=False)) from None


FORM_BYTES = 1024 * 1024
"""Of a form without files, and of the texts in one with files."""


@asynccontextmanager
async def uploaded(request: Request, store: EvidenceStore, limit: int) -> AsyncIterator[tuple[Credentials, Upload]]:
    """A multipart form with ``case_number``, ``query_code`` and one ``file`` of at most ``limit`` bytes.

    Raises Refusal when it is no such form, for a file that is too large or of a kind that is not taken; and Problem
    when a field does not fit.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise _not_a_form(415)
    try:
        form = await staging(store.nameless, limit)(
            request.headers, request.stream(), max_files=1, max_fields=_FIELDS_MAX
        ).parse()
    except (MultiPartException, ClientDisconnect, KeyError, UnicodeDecodeError):
        raise _not_a_form(400) from None
    async with _closing(form):
        file = form.get("file")
        if not isinstance(file, StagedFile):
            raise Refusal(
                422,
                "FILE_MISSING",
                "请在表单字段 file 中上传一个文件。",
                "Send one file in the form's field file.",
                "file",
            )
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        try:
            credentials = Credentials.model_validate(texts)
        except ValidationError as error:
            raise validation_problem(error.errors(include_url=False, include_input=False)) from None
        yield credentials, Upload(plain_name(file.filename), file.staged.kind(), file.staged)


@asynccontextmanager
async def _closing(form: FormData) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await form.close()


def _not_a_form(status: int) -> Refusal:
    return Refusal(
        status,
        "NOT_A_FORM",
        "请用 multipart/form-data 表单发送 case_number、query_code 和 file。",
        "Send a multipart/form-data form with case_number, query_code and file.",
    )
