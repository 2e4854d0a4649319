"""Officers act: one endpoint for every act, and commands to follow."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.cases import Outcome
from contracts.lifecycle import Act, HandoverKind, Purpose, Stage, Supervision, Track
from contracts.model import CategoryCode, Code
from services.chassis.http import Problem
from services.chassis.outages import EngineAway
from services.referrals.api.common import Caller, CommandId, Services, Uses, problem
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.acting import Answer, Wish
from services.referrals.service.identity import Identity
from services.referrals.views import CaseView

router = APIRouter(prefix="/v1", tags=["acts"])

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class ActRequest(BaseModel):
    """An act and what it brings. `expected_sequence` is the `sequence` of the view that the officer decided on."""

    act: Act
    expected_sequence: int = Field(ge=0, le=1_000_000)
    unit_id: Code | None = None
    respondent_units: list[Code] = Field(default=[], max_length=50)
    reason_code: Code | None = None
    ground: Code | None = None
    note: Text | None = None
    public_reply: Text | None = None
    extract: Text | None = None
    outcome: Outcome | None = None
    satisfaction: int | None = Field(default=None, ge=1, le=5)
    kind: HandoverKind | None = None
    purpose: Purpose | None = None
    amount: float | None = Field(default=None, gt=0, le=1_000)
    category: CategoryCode | None = None
    track: Track | None = None
    level: Supervision | None = None
    disposal: Code | None = None
    papers: list[Code] = Field(default=[], max_length=20)
    assignee: Code | None = None
    main_case_id: UUID | None = None
    respondent_accounts: list[Code] = Field(default=[], max_length=50)

    def wish(self) -> Wish:
        """For the use case."""
        lists = {name: tuple(getattr(self, name)) for name in ("respondent_units", "respondent_accounts", "papers")}
        return Wish(**{**dict(self), **lists})


class ActAnswer(BaseModel):
    """The act is done: where it led, and the case's current view (null when it left the caller's sight)."""

    command_id: UUID
    sequence: int
    stage: Stage
    case: CaseView | None


class Promise(BaseModel):
    """The act takes longer; look at `follow`."""

    command_id: UUID
    follow: str


class CommandView(BaseModel):
    """How a command stands: DONE, REFUSED or PENDING."""

    command_id: UUID
    case_id: UUID
    state: str
    sequence: int | None = None
    stage: Stage | None = None
    code: str | None = None
    zh: str | None = None
    en: str | None = None


@router.post(
    "/cases/{case_id}/acts",
    response_model=ActAnswer,
    responses={202: {"model": Promise, "description": "Not done yet: follow the command"}},
    summary="Act on a case",
)
async def act(uses: Uses, who: Caller, command_id: CommandId, case_id: UUID, body: ActRequest) -> Response:
    """409 with the current view when somebody was faster or the act is not legal now; 422 for a route that is refused.

    The same Idempotency-Key with the same content gives the same answer; with another content 422.
    """
    try:
        answer = await uses.acting.act(who, case_id, command_id, body.wish())
    except Refused as refused:
        raise await _problem(uses, who, case_id, refused.code, **refused.extra) from refused
    except EngineAway as error:
        if error.engine != "temporal":
            raise
        text = TEXTS["TEMPORAL_AWAY"]
        raise Problem(
            text.status, "unavailable", text.zh, text.en, headers={"Retry-After": "5"}, engine="temporal"
        ) from error
    if answer.refusal is not None:
        raise await _problem(uses, who, case_id, answer.refusal)
    if answer.result is None:
        promise = Promise(command_id=command_id, follow=f"/v1/commands/{command_id}")
        return JSONResponse(promise.model_dump(mode="json"), 202, {"Location": promise.follow})
    done = ActAnswer(
        command_id=command_id,
        sequence=answer.result.sequence,
        stage=answer.result.stage,
        case=await _view(uses, who, case_id),
    )
    return Response(done.model_dump_json(), media_type="application/json")


@router.get("/commands/{command_id}", response_model=CommandView, summary="How a command stands")
async def follow(uses: Uses, who: Caller, command_id: UUID) -> CommandView:
    """Only the caller's own commands. A PENDING one that was answered with 503 waits for its request to be repeated."""
    return _command_view(await uses.acting.follow(who, command_id))


def _command_view(answer: Answer) -> CommandView:
    text = TEXTS[answer.refusal] if answer.refusal else None
    return CommandView(
        command_id=answer.command_id,
        case_id=answer.case_id,
        state=answer.state,
        sequence=answer.result.sequence if answer.result else None,
        stage=answer.result.stage if answer.result else None,
        code=answer.refusal,
        zh=text.zh if text else None,
        en=text.en if text else None,
    )


async def _problem(uses: Services, who: Identity, case_id: UUID, code: str, **extra: object) -> Problem:
    """A refusal; where the case's state is why, with its current view."""
    members: dict[str, Any] = dict(extra)
    if TEXTS[code].status != 409:
        return problem(code, **members)
    view = await _view(uses, who, case_id)
    return problem(code, case=view.model_dump(mode="json") if view else None, **members)


async def _view(uses: Services, who: Identity, case_id: UUID) -> CaseView | None:
    try:
        return await uses.casebook.view(who, case_id)
    except Refused:
        return None
