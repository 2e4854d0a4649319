"""The work that a browser does for a bucket of its own: handed out, checked, and kept as a cookie without meaning."""

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.chassis.problems import Problem
from services.complaints.admission import PROOF, proof_cookie
from services.complaints.runtime import runtime

router = APIRouter(include_in_schema=False)


def is_wanted(request: Request) -> bool:
    """Whether a page asks its browser for work: it has done none yet."""
    return runtime(request).proofs.wanted and proof_cookie(request).read(request) is None


@router.get(PROOF)
async def challenge(request: Request) -> Response:
    return JSONResponse(runtime(request).proofs.challenge())


@router.post(PROOF)
async def solved(request: Request) -> Response:
    """The cookie for a solution: as ALTCHA sends it, base64 of JSON. Raises Problem (400) for anything else."""
    if not runtime(request).proofs.accept(await request.body()):
        raise Problem(400, "not_solved", "没有通过验证，请刷新页面。", "This is no solution: reload the page.")
    answer = Response(status_code=204)
    proof_cookie(request).write(answer, {"name": secrets.token_urlsafe(16)})
    return answer
