"""Acts by form: shown from what is legal now, done once however often it is sent, and nothing typed is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from contracts.lifecycle import Act, Field, HandoverKind
from services.chassis.outages import EngineAway
from services.chassis.problems import Problem, validation_problem
from services.chassis.web.forms import form_of
from services.referrals.api.acts import ActRequest
from services.referrals.domain import Refusal
from services.referrals.handovers import Candidate
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.acting import Answer
from services.referrals.service.foreseeing import Preview
from services.referrals.service.people import Person
from services.referrals.views import CaseSummary, CaseView, LegalAct
from services.referrals.web.case_page import case_page
from services.referrals.web.forms import ActForm, Choices, FormField, foreseen, form, listed_permits
from services.referrals.web.session import HOME, Officer, Visit
from services.referrals.web.timeline import timeline

router = APIRouter(include_in_schema=False)

_ACT = HOME + "/cases/{case_id}/acts/{act}"
_LIMIT = 1_048_576
_FIELDS = {name: info for name, info in ActRequest.model_fields.items() if name not in ("act", "expected_sequence")}
_LISTS = frozenset(name for name, info in _FIELDS.items() if isinstance(info.default, list))


@dataclass(frozen=True)
class Typed:
    """What a form brought: its key, the step that the officer saw, and the fields as they were typed."""

    key: UUID = field(default_factory=uuid4)
    seen: int | None = None
    values: Mapping[str, list[str]] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """As the API takes it; what was left empty is not there."""
        return {
            name: values if name in _LISTS else values[0]
            for name, values in self.values.items()
            if any(value.strip() for value in values)
        }


@router.get(_ACT)
async def act_form(visit: Officer, case_id: UUID, act: str, main_case_id: UUID | None = None) -> Response:
    """The form of an act, in a panel of the case page or on a page of its own; ``main_case_id``: chosen before."""
    view = await visit.uses.casebook.view(visit.who, case_id)
    chosen = {Field.MAIN_CASE.value: [str(main_case_id)]} if main_case_id is not None else {}
    return await _form(visit, view, act, Typed(seen=view.sequence, values=chosen))


@router.get(f"{_ACT}/options/{{name}}")
async def options(
    visit: Officer, case_id: UUID, act: str, name: str, find: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """What a field offers whose name holds the text, below what is chosen already. Raises Refused NOT_FOUND."""
    view = await visit.uses.casebook.view(visit.who, case_id)
    legal = next((found for found in view.legal_acts if found.act == act), None)
    made = await _made(visit, view, legal, Typed(), find.strip()) if legal else None
    wanted = next((field for field in made.fields if field.name == name), None) if made else None
    if wanted is None:
        raise Refused("NOT_FOUND")
    chosen = visit.request.query_params.getlist(name)
    return visit.part("_options.html", field=wanted, chosen=chosen, shown=wanted.shown(chosen, find.strip()))


@router.get(f"{_ACT}/preview")
async def preview(
    visit: Officer,
    case_id: UUID,
    act: Act,
    unit_id: Annotated[str, Query(max_length=80)] = "",
    kind: str = "",
    kinds_of: str = "",
) -> Response:
    """What the hand-over would do to each clock if it were sent to this unit, or why it can't be.

    With the kinds by which the unit may receive it, where the page still shows another's (``kinds_of``).
    """
    if not unit_id:
        return Response(status_code=204)  # none is chosen yet: what the form says of every unit stays
    words = visit.words
    kinds = await _kinds(visit, case_id, act, unit_id) if kinds_of != unit_id else None
    if kinds is not None and kind not in {option.value for option in kinds.options}:
        kind = ""  # it was chosen for another unit
    typed = Typed(values={Field.UNIT.value: [unit_id], Field.KIND.value: [kind]})

    def shown(effects: list[str], refused: str | None, by: HandoverKind | None) -> Response:
        return visit.part("_preview.html", effects=effects, refused=refused, kind=by, kinds=kinds, typed=typed)

    try:
        chosen = HandoverKind(kind) if kind else None
        found = await visit.uses.casebook.preview(visit.who, case_id, Preview(act, unit_id, chosen))
    except ValueError as error:
        raise Refused("NOT_FOUND") from error
    except Refused as refused:
        text = TEXTS[refused.code]
        if text.status == 404:
            raise
        return shown([], words.pick(text.zh, text.en), None)
    return shown(foreseen(found.clocks, words), None, found.kind)


async def _kinds(visit: Visit, case_id: UUID, act: Act, unit_id: str) -> FormField | None:
    """The field of the kind as the form has it for this unit; None where the act takes no kind, or is not legal."""
    view = await visit.uses.casebook.view(visit.who, case_id)
    legal = next((found for found in view.legal_acts if found.act is act), None)
    if legal is None or Field.KIND not in legal.may:
        return None
    made = await _made(visit, view, legal, Typed(values={Field.UNIT.value: [unit_id]}))
    return next(field for field in made.fields if field.name == Field.KIND)


@router.post(_ACT)
async def do(visit: Officer, case_id: UUID, act: str) -> Response:
    """Done: back to the case. Not done: the same form, what was typed in it, and why."""
    async with form_of(visit.request, limit=_LIMIT) as sent:
        typed, token = _typed(sent), sent.get("form_token")
        try:
            visit.check(sent)
        except Problem as problem:
            if token is None:
                raise
            # Logged in anew in another window: the form is out of date, what was typed in it is not.
            return await _again(visit, case_id, act, typed, problem.status, (problem.zh, problem.en))
    return await _do(visit, case_id, act, typed)


async def _do(visit: Visit, case_id: UUID, act: str, typed: Typed) -> Response:
    try:
        body = await _with_main_case(visit, case_id, typed.body())
        request = ActRequest.model_validate({"act": act, "expected_sequence": typed.seen, **body})
    except ValidationError as error:
        problem = validation_problem(error.errors())
        errors = {str(item["field"]): (item["zh"], item["en"]) for item in problem.ext["errors"]}
        return await _again(visit, case_id, act, typed, 422, None, errors)
    try:
        answer = await visit.uses.acting.act(visit.who, case_id, typed.key, request.wish())
    except Refused as refused:
        return await _refused(visit, case_id, act, typed, refused)
    except EngineAway as error:
        if error.engine != "temporal":
            raise
        text = TEXTS["TEMPORAL_AWAY"]
        # The same key: if the engine did hear of it, sending it again does nothing more.
        return await _again(visit, case_id, act, typed, text.status, _AWAY, keep_key=True)
    if answer.refusal is not None:
        return await _refused(visit, case_id, act, typed, Refused(answer.refusal))
    return await _followed(visit, answer, act)


async def _with_main_case(visit: Visit, case_id: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """People know a case by its number: the id of the one that is meant stands in its place."""
    number = body.get(Field.MAIN_CASE.value)
    if number is None:
        return body
    rest = await visit.uses.casebook.rest_of(visit.who, case_id, number.strip())
    if rest is not None:
        return {**body, Field.MAIN_CASE.value: rest}
    found = [item for item in await visit.uses.casebook.by_number(visit.who, number.strip()) if item.case_id != case_id]
    return {**body, Field.MAIN_CASE.value: found[0].case_id} if len(found) == 1 else body


_AWAY = (
    "流程引擎暂不可用，操作尚未生效。请稍后再次提交，不会重复办理。",
    "The workflow engine can't be reached and nothing was done yet. Send it again later: it will be done only once.",
)


@router.get(HOME + "/commands/{command_id}")
async def follow(visit: Officer, command_id: UUID, act: Annotated[str, Query(max_length=40)] = "") -> Response:
    """An act that takes longer: this page asks again until it is settled."""
    return await _followed(visit, await visit.uses.acting.follow(visit.who, command_id), act)


async def _followed(visit: Visit, answer: Answer, act: str) -> Response:
    if answer.refusal is not None:
        text = TEXTS[answer.refusal]
        raise Problem(text.status, answer.refusal, text.zh, text.en)
    if answer.result is None:
        path = f"{HOME}/commands/{answer.command_id}?act={act}"
        if visit.request.method == "GET":
            return await visit.page("pending.html", 202, path=path, case_id=answer.case_id)
        return visit.go(path)
    try:
        await visit.uses.casebook.view(visit.who, answer.case_id)
    except Refused:  # it left the officer's sight
        return visit.go(HOME)
    return visit.go(f"{HOME}/cases/{answer.case_id}", done=act if act in set(Act) else None)


async def _refused(visit: Visit, case_id: UUID, act: str, typed: Typed, refused: Refused) -> Response:
    text, name = TEXTS[refused.code], refused.extra.get("field")
    if text.status == 404:
        raise refused
    if refused.code == Refusal.KIND_NOT_PERMITTED:
        why = {Field.KIND.value: await _other_kinds(visit, case_id, Act(act), typed)}
        return await _again(visit, case_id, act, typed, text.status, None, why)
    if isinstance(name, str):
        return await _again(visit, case_id, act, typed, text.status, None, {name: (text.zh, text.en)})
    return await _again(visit, case_id, act, typed, text.status, (text.zh, text.en))


async def _other_kinds(visit: Visit, case_id: UUID, act: Act, typed: Typed) -> tuple[str, str]:
    """Why the kind does not do, and by which kinds the unit may receive the case."""
    unit_id = next(iter(typed.values.get(Field.UNIT.value, ())), "")
    routes = await visit.uses.casebook.routes(visit.who, case_id, act=act)
    found = next(route for route in routes if route.unit.unit_id == unit_id)
    name, kinds = found.unit.name, listed_permits(found, visit.words)
    return (
        f"依转办权限表，不能以这种方式转给{name}。可选方式：{kinds}。",
        f"The transfer matrix does not permit this kind towards {name}. What it permits: {kinds}.",
    )


async def _again(
    visit: Visit,
    case_id: UUID,
    act: str,
    typed: Typed,
    status: int,
    why: tuple[str, str] | None,
    errors: Mapping[str, tuple[str, str]] | None = None,
    *,
    keep_key: bool = False,
) -> Response:
    """The form again with the case's present view. A new key: what is sent next is another request."""
    view = await visit.uses.casebook.view(visit.who, case_id)
    words = visit.words
    anew = Typed(typed.key if keep_key else uuid4(), typed.seen if keep_key else view.sequence, typed.values)
    return await _form(
        visit,
        view,
        act,
        anew,
        status,
        why=words.pick(*why) if why else None,
        errors={name: words.pick(*texts) for name, texts in (errors or {}).items()},
        since=timeline([step for step in view.timeline if step.sequence > (typed.seen or 0)], words)
        if status == TEXTS["STALE"].status
        else [],
    )


async def _form(visit: Visit, view: CaseView, act: str, typed: Typed, status: int = 200, **context: Any) -> Response:
    legal = next((found for found in view.legal_acts if found.act == act), None)
    panel = {
        "case": view,
        "typed": typed,
        "form": await _made(visit, view, legal, typed) if legal else None,
        "act": act,
        "why": None,
        "errors": {},
        "since": [],
        **context,
    }
    if legal is None and status == 200:
        status = TEXTS["ILLEGAL_ACT"].status
    if visit.fragment:
        return visit.part("_act.html", status, panel=panel)
    return await case_page(visit, view, status, panel=panel)


async def _made(visit: Visit, view: CaseView, legal: LegalAct, typed: Typed, find: str = "") -> ActForm:
    uses, who, case_id = visit.uses, visit.who, view.case_id
    names = {*legal.needs, *legal.may}
    receiver = view.course.receiver
    departments = await uses.casebook.units_of([receiver.unit_id]) if receiver else {}
    choices = Choices(
        routes=await _routes(visit, view, legal) if Field.UNIT in names else (),
        respondents=await uses.casebook.accusable(who, case_id) if Field.RESPONDENT_UNITS in names else (),
        colleagues=await _colleagues(visit, view, legal) if Field.ASSIGNEE in names else (),
        people=await uses.people.named(find) if find and Field.RESPONDENT_ACCOUNTS in names else (),
        clocks=view.clocks,
        unit=next((value for value in typed.values.get(Field.UNIT.value, ()) if value), None),
        main=await _main_case(visit, typed),
        department=departments[receiver.unit_id].department if receiver and departments else None,
    )
    return form(legal, choices, visit.words)


async def _colleagues(visit: Visit, view: CaseView, legal: LegalAct) -> list[Person]:
    people = visit.uses.people
    if legal.act is Act.LIFT_RECUSAL:
        return await people.kept_away(visit.who, view.case_id)
    return await people.colleagues(visit.who)


async def _main_case(visit: Visit, typed: Typed) -> list[CaseSummary]:
    """The main case where the form holds its id, which nobody types: it was chosen among likely duplicates."""
    try:
        chosen = [UUID(value) for value in typed.values.get(Field.MAIN_CASE.value, ())]
    except ValueError:
        return []
    return await visit.uses.casebook.related(visit.who, chosen)


async def _routes(visit: Visit, view: CaseView, legal: LegalAct) -> list[Candidate]:
    if legal.act is not Act.RELEASE_SUPPORT:
        return await visit.uses.casebook.routes(visit.who, view.case_id, act=legal.act)
    helping = [support.unit.unit_id for support in view.course.supports if support.answer is None]
    return [Candidate(unit, (), None) for unit in (await visit.uses.casebook.units_of(helping)).values()]


def _typed(sent: FormData) -> Typed:
    values = {name: [str(value) for value in sent.getlist(name)] for name in _FIELDS if name in sent}
    key, seen = str(sent.get("key", "")), str(sent.get("seen", ""))
    try:
        return Typed(UUID(key), int(seen), values)
    except ValueError as error:
        raise Problem(400, "not_a_form", "表单不完整，请刷新页面重试。", "The form is not whole: reload it.") from error
