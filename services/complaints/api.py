"""Intake over HTTP: the web, the mini-program, the 12345 operator's desk and the 12345 platform's push."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Channel
from services.chassis.http import lang
from services.complaints.http_inputs import (
    KEY_PARAMETER,
    SIGNATURE_PARAMETERS,
    idempotency_key,
    parse_json,
    signature,
)
from services.complaints.runtime import runtime
from services.complaints.schemas import OperatorSubmission, OrderReceipt, PlatformOrder, Receipt, Submission
from services.complaints.service import Origin

_JSON = "application/json"

router = APIRouter(tags=["intake"])
_KEYED: dict[str, Any] = {"parameters": [KEY_PARAMETER]}


def _inlined(model: type[OperatorSubmission | PlatformOrder]) -> dict[str, Any]:
    """A model's JSON Schema with its definitions in place, for where OpenAPI takes no ``$defs``."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rpartition("/")[2]])
            return {name: resolve(value) for name, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def _signed(model: type[OperatorSubmission | PlatformOrder]) -> dict[str, Any]:
    """The OpenAPI of a route that reads its body itself: what is signed are the bytes."""
    return {
        "parameters": [KEY_PARAMETER, *SIGNATURE_PARAMETERS],
        "requestBody": {"required": True, "content": {_JSON: {"schema": _inlined(model)}}},
    }


@router.post(
    "/v1/complaints",
    status_code=201,
    response_model=Receipt,
    openapi_extra=_KEYED,
    summary="Submit a complaint or report on the web",
)
async def submit_on_the_web(request: Request, submission: Submission) -> Response:
    return await _submit(request, submission, Channel.WEB)


@router.post(
    "/v1/mini-program/complaints",
    status_code=201,
    response_model=Receipt,
    openapi_extra=_KEYED,
    summary="Submit a complaint or report in the mini-program",
)
async def submit_in_the_mini_program(request: Request, submission: Submission) -> Response:
    return await _submit(request, submission, Channel.MINI_PROGRAM)


@router.post(
    "/v1/operator/complaints",
    status_code=201,
    response_model=Receipt,
    openapi_extra=_signed(OperatorSubmission),
    summary="Enter a complaint at the 12345 desk (signed)",
)
async def submit_at_the_desk(request: Request) -> Response:
    body, key = await request.body(), idempotency_key(request)
    signed, rt, language = signature(request), runtime(request), lang(request)

    async def work(session: AsyncSession) -> Receipt:
        client = await rt.clients.authenticate(session, signed, request.method, request.url.path, body)
        submission = parse_json(OperatorSubmission, body)
        return await rt.intake.submit(session, submission, Origin(client.channel, key, client.client_id), language)

    return _created(await rt.accept(work))


@router.post(
    "/v1/platform/orders",
    status_code=201,
    response_model=OrderReceipt,
    openapi_extra=_signed(PlatformOrder),
    summary="Push a work order from a 12345 platform (signed)",
)
async def push_an_order(request: Request) -> Response:
    body, key = await request.body(), idempotency_key(request)
    signed, rt, language = signature(request), runtime(request), lang(request)

    async def work(session: AsyncSession) -> Receipt:
        client = await rt.clients.authenticate(session, signed, request.method, request.url.path, body)
        order = parse_json(PlatformOrder, body)
        origin = Origin(client.channel, key, client.client_id)
        receipt = await rt.intake.submit(session, order.submission(), origin, language)
        return OrderReceipt(workordercode=order.workordercode, **dict(receipt))

    return _created(await rt.accept(work))


async def _submit(request: Request, submission: Submission, channel: Channel) -> Response:
    origin, rt, language = Origin(channel, idempotency_key(request)), runtime(request), lang(request)

    async def work(session: AsyncSession) -> Receipt:
        return await rt.intake.submit(session, submission, origin, language)

    return _created(await rt.accept(work))


def _created(receipt: Receipt) -> Response:
    # The receipt is ours already: no second validation, and never in a cache, because of the code.
    return Response(receipt.model_dump_json(), 201, {"Cache-Control": "no-store"}, _JSON)
