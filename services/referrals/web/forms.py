"""Forms of acts, made from what an act needs and may take: a new act has its form at once. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.cases import Deadline
from contracts.lifecycle import (
    INSTEAD,
    RECUSALS,
    RULE,
    SILENT_CLOCKS,
    Act,
    Field,
    HandoverKind,
    Purpose,
    Stage,
    Supervision,
    Track,
)
from contracts.messages import ClockFate
from contracts.reference import (
    categories,
    disposals,
    grounds,
    handovers,
    outcomes,
    papers,
    recusals,
    refusals,
    satisfaction_levels,
    suspensions,
)
from services.referrals.deadlines import wording
from services.referrals.domain import Unit
from services.referrals.handovers import Candidate, Permit, effects, ground_use
from services.referrals.refusals import TEXTS
from services.referrals.service.foreseeing import ClockForeseen
from services.referrals.service.people import Person
from services.referrals.views import CaseSummary, ClockView, LegalAct
from services.referrals.web.words import SUPERVISION, TRACK, Words

SHOWN = 40
"""How many units or people a form lists before it asks for more of the name."""


class Widget(StrEnum):
    """How a field is filled in."""

    LINE = "LINE"
    NUMBER = "NUMBER"
    AREA = "AREA"
    CHOICE = "CHOICE"
    ONE_OF = "ONE_OF"
    SOME_OF = "SOME_OF"


@dataclass(frozen=True)
class Option:
    """One that may be chosen. ``refusal`` says why not, where it may not."""

    value: str
    text: str
    detail: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class FormField:
    """One field of a form. ``found``: its options are found by name, there may be more than are shown."""

    name: str
    label: str
    widget: Widget
    required: bool
    hint: str = ""
    options: tuple[Option, ...] = ()
    found: bool = False

    @property
    def open_options(self) -> list[Option]:
        """Those that may be chosen."""
        return [option for option in self.options if not option.refusal]

    @property
    def closed_options(self) -> list[Option]:
        """Those that may not, with why."""
        return [option for option in self.options if option.refusal]

    def shown(self, chosen: Sequence[str], find: str = "") -> "Shown":
        """What is chosen and stays, then what has the text in its name; not more than a page can show."""
        kept = [option for option in self.open_options if option.value in chosen]
        fit = [option for option in self.open_options if option.value not in chosen and find in option.text]
        return Shown((*kept, *fit[:SHOWN]), max(0, len(fit) - SHOWN))


@dataclass(frozen=True)
class Shown:
    """Options that are shown, and how many more there are."""

    options: tuple[Option, ...]
    more: int


@dataclass(frozen=True)
class Choices:
    """What a form offers that depends on the case: where it may go, whom it accuses, which clocks run, who there is."""

    routes: Sequence[Candidate] = ()
    respondents: Sequence[Unit] = ()
    colleagues: Sequence[Person] = ()
    people: Sequence[Person] = ()
    clocks: Sequence[ClockView] = ()
    unit: str | None = None
    """The unit that is chosen as receiver so far."""
    main: Sequence[CaseSummary] = ()
    """The case that it is to be joined to, where that is said already."""
    department: str | None = None
    """Of the unit that was referred the case."""


@dataclass(frozen=True)
class ActForm:
    """The form of an act; ``effects`` says what it does to the clocks, in general. ``foresees``: what it does to them
    depends on the unit that is chosen."""

    act: str
    name: str
    fields: tuple[FormField, ...]
    effects: tuple[str, ...] = ()
    foresees: bool = False


TEXT = frozenset({Field.NOTE.value, Field.PUBLIC_REPLY.value, Field.EXTRACT.value})
_ORDER: dict[str, int] = {name.value: place for place, name in enumerate(Field)}
_HOPS = frozenset({Act.DISPATCH, Act.TRANSFER, Act.HAND_TO_DESK, Act.DESIGNATE, Act.REFER})
"""Acts by which the case goes to the unit that is chosen."""
_ANSWERED = frozenset({Stage.PENDING_VISIT, Stage.REDO, Stage.CLOSED})
TOLD_NOTES = frozenset({Act.REQUEST_SUPPLEMENT.value, Act.REJECT.value, Act.GRANT_EXTENSION.value})
"""Acts whose note the reporter reads."""


def form(act: LegalAct, choices: Choices, words: Words) -> ActForm:
    """The form of a legal act on a case."""
    names = sorted({*act.needs, *act.may}, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
    found = (_field(name, act, choices, words) for name in names)
    fields = [field for field in found if field.name != Field.PAPERS or field.options]
    # Short things first: what is written at length stands last, before the button; of that the note for officers.
    fields.sort(key=lambda item: (item.widget is Widget.AREA, item.name == Field.NOTE, not item.required))
    effects_of = tuple(_effects(act.act, choices, words))
    return ActForm(act.act, words.act(act.act), tuple(fields), effects_of, Field.UNIT in names and act.act in _HOPS)


def _field(name: str, act: LegalAct, choices: Choices, words: Words) -> FormField:
    required = name in act.needs and name not in INSTEAD
    widget, options = _options(name, act, choices, words)
    hint = _hint(name, act, words)
    if name == Field.MAIN_CASE:
        hint += _earlier_answer(choices.main, words)
    found = name in (Field.UNIT, Field.RESPONDENT_UNITS, Field.RESPONDENT_ACCOUNTS)
    return FormField(name, words.field(name, act.act), widget, required, hint, tuple(options), found)


def _options(name: str, act: LegalAct, choices: Choices, words: Words) -> tuple[Widget, list[Option]]:
    match name:
        case Field.UNIT:
            return Widget.ONE_OF, [_route(found, words) for found in choices.routes]
        case Field.RESPONDENT_UNITS:
            return Widget.SOME_OF, [Option(unit.unit_id, unit.name, unit.unit_id) for unit in choices.respondents]
        case Field.RESPONDENT_ACCOUNTS:
            return Widget.SOME_OF, [Option(item.account_id, item.name, item.unit_name or "") for item in choices.people]
        case Field.KIND:
            return Widget.CHOICE, _kinds(choices, words)
        case Field.MAIN_CASE if choices.main:
            return Widget.ONE_OF, [_main_case(item, words) for item in choices.main]
        case Field.ASSIGNEE:
            return Widget.CHOICE, [Option(item.account_id, item.name) for item in choices.colleagues]
        case Field.PURPOSE:
            return Widget.CHOICE, [
                Option(clock.purpose, f"{words.purpose(clock.purpose)} · {clock.due}")
                for clock in choices.clocks
                if clock.suspended is (act.act is Act.RESUME_CLOCK) and clock.purpose not in SILENT_CLOCKS
            ]
        case Field.AMOUNT:
            return Widget.NUMBER, []
        case Field.PAPERS:
            return Widget.SOME_OF, _papers(choices, words)
        case Field.REASON_CODE if act.act in RECUSALS:
            return Widget.ONE_OF, [
                Option(item.code, words.pick(item.name_zh, item.name_en)) for item in recusals().values()
            ]
        case Field.GROUND if act.act is Act.SUSPEND_CLOCK:
            return Widget.CHOICE, [
                Option(found.code, words.pick(found.name_zh, found.name_en)) for found in suspensions().values()
            ]
        case Field.GROUND:
            return Widget.CHOICE, _grounds(act, choices, words)
        case _ if name in TEXT:
            return Widget.AREA, []
    return _fixed(name, choices, words)


def _kinds(choices: Choices, words: Words) -> list[Option]:
    """The kinds by which the chosen unit may receive the case, the usual one first; while none is chosen, those by
    which any unit may."""
    open_routes = [route for route in choices.routes if route.refusal is None]
    if choices.unit is not None:
        permits = [permit for route in open_routes if route.unit.unit_id == choices.unit for permit in route.permits]
        return [Option(permit.kind, _permit(permit, words)) for permit in permits]
    permitted = {permit.kind for route in open_routes for permit in route.permits}
    return [Option(kind, words.kind(kind)) for kind in HandoverKind if kind in permitted]


def _grounds(act: LegalAct, choices: Choices, words: Words) -> list[Option]:
    """The legal grounds that can carry the act: towards one of the units that may be chosen, by a kind permitted."""
    kinds = [permit.kind for route in choices.routes if route.refusal is None for permit in route.permits]
    uses = {ground_use(Act(act.act), kind) for kind in (kinds or HandoverKind)}
    departments = {route.unit.department for route in choices.routes if route.refusal is None}
    return [
        Option(found.code, found.text(words.lang))
        for found in grounds().values()
        if uses.intersection(found.kinds)
        and ("*" in found.receivers or not departments or departments.intersection(found.receivers))
    ]


def _papers(choices: Choices, words: Words) -> list[Option]:
    """The papers that a unit that may be chosen takes."""
    departments = {route.unit.department for route in choices.routes if route.refusal is None}
    needed = words.pick("涉嫌犯罪案件必附", "needed for a suspected crime")
    return [
        Option(found.code, words.pick(found.name_zh, found.name_en), needed if found.required else "")
        for found in papers().values()
        if found.department in departments
    ]


def _fixed(name: str, choices: Choices, words: Words) -> tuple[Widget, list[Option]]:
    """Fields whose choice is the same for every case; a field that is new is a line of text."""
    match name:
        case Field.REASON_CODE:
            return Widget.ONE_OF, [
                Option(item.code, words.pick(item.name_zh, item.name_en), words.pick(item.channel_zh, item.channel_en))
                for item in refusals().values()
            ]
        case Field.OUTCOME:
            return Widget.ONE_OF, [
                Option(item.code, words.pick(item.name_zh, item.name_en)) for item in outcomes().values()
            ]
        case Field.SATISFACTION:
            levels = sorted(satisfaction_levels().values(), key=lambda item: -item.level)
            return Widget.CHOICE, [Option(str(item.level), words.pick(item.name_zh, item.name_en)) for item in levels]
        case Field.CATEGORY:
            return Widget.CHOICE, [
                Option(item.code, f"{item.code} {words.pick(item.name_zh, item.name_en)}")
                for item in categories().values()
            ]
        case Field.TRACK:
            return Widget.CHOICE, [Option(code, words.track(code)) for code in TRACK]
        case Field.LEVEL:
            levels_of = [str(level.value) for level in Supervision if level is not Supervision.NONE]
            return Widget.CHOICE, [Option(level, words.of(SUPERVISION, level)) for level in levels_of]
        case Field.DISPOSAL:
            known = {item.department for item in disposals().values()}
            department = choices.department if choices.department in known else "*"
            return Widget.ONE_OF, [
                Option(item.code, words.pick(item.name_zh, item.name_en))
                for item in disposals().values()
                if item.department == department
            ]
    return Widget.LINE, []


def _route(found: Candidate, words: Words) -> Option:
    """A unit that may receive the case, with the kinds that are permitted; or why it may not."""
    if found.refusal is not None:
        text = TEXTS[found.refusal.value]
        return Option(found.unit.unit_id, found.unit.name, found.unit.unit_id, words.pick(text.zh, text.en))
    return Option(found.unit.unit_id, found.unit.name, listed_permits(found, words))


def _main_case(main: CaseSummary, words: Words) -> Option:
    where = (words.category(main.facts.category), words.stage(main.stage), (main.holder or main.desk).name)
    return Option(str(main.case_id), main.case_number, " · ".join(where))


def _earlier_answer(main: Sequence[CaseSummary], words: Words) -> str:
    """What becomes of an answer that the main case has, or may have where its number is typed, to who is joined now."""
    if not main:
        return words.pick(
            "主案已答复的，并入后本案反映人将看到此前的答复；举报件不显示，须另行答复。",
            " If it is answered already, this case's reporter will see that answer; on a report it is not shown, and "
            "you answer anew.",
        )
    if not any(item.stage in _ANSWERED or item.redo_count for item in main):
        return ""
    if any(item.restricted or item.facts.track is not Track.GENERAL for item in main):
        return words.pick(
            "主案已经答复：并入后，此前的答复不向该案举报人显示，须另行答复。",
            " It is answered already: this case's reporter will not see that answer, and is to be answered anew.",
        )
    return words.pick(
        "主案已经答复：并入后，该案举报人将看到此前的答复。",
        " It is answered already: once joined, this case's reporter will see that answer.",
    )


def listed_permits(found: Candidate, words: Words) -> str:
    """The kinds by which a unit may receive the case, with what each asks for."""
    return "；".join(_permit(permit, words) for permit in found.permits)


def _permit(permit: Permit, words: Words) -> str:
    kind = words.short_kind(permit.kind)
    notes = [permit.condition] if permit.condition else []
    if permit.leader_approval:
        notes.append(words.pick("须分管领导批准", "a leader must agree"))
    return f"{kind}（{'，'.join(notes)}）" if notes else kind


def _hint(name: str, act: LegalAct, words: Words) -> str:
    match name:
        case Field.NOTE if act.act in TOLD_NOTES:
            return words.pick("将原样告知诉求人。", "The reporter will read this as it is.")
        case Field.NOTE if act.act in RECUSALS:
            return words.pick("仅本案领导和督办人员可见。", "Only leaders and supervisors of the case read it.")
        case Field.NOTE if act.act is Act.REPLY and name in act.needs:
            return words.pick(
                "交办件须附办结报告。内部使用，不告知诉求人。",
                "An assigned case owes a closing report. For officers; the reporter does not read it.",
            )
        case Field.NOTE:
            return words.pick("内部说明，不告知诉求人。", "For officers; the reporter does not read it.")
        case Field.PUBLIC_REPLY:
            return words.pick("审核通过后原样告知诉求人。", "The reporter reads this as it is, once it is approved.")
        case Field.KIND:
            return words.pick(
                "可选方式随接收单位而定；不选时按其第一种方式。",
                "Which there are depends on the unit; if none is chosen, its first is taken.",
            )
        case Field.GROUND if act.act in _HOPS:
            return words.pick(
                "须适用于所选方式和接收单位。", "It must carry the kind that is chosen, and lead to that unit."
            )
        case Field.AMOUNT:
            return words.pick(
                "以该期限自己的单位计（个工作日、日或小时）。", "In the clock's own unit (working days, days or hours)."
            )
        case Field.MAIN_CASE:
            return words.pick(
                "并案后由主案统一办理，主案的答复同样告知本案的反映人。由本台拆出的部分，填本案编号即并回原件。",
                "The main case is handled for both, and its answer is told to this case's reporter too. A part that "
                "this desk split off goes back to the rest by its own number.",
            )
        case _ if name in INSTEAD and INSTEAD[Field(name)] == Field.NOTE:
            return words.pick(
                "没有反映本系统内的单位时，不选，在说明中写明。",
                "If no unit of ours is complained of, choose none and say so in the note.",
            )
    return ""


def _effects(code: str, choices: Choices, words: Words) -> list[str]:
    """What becomes of the clocks, in words: those that stop, start, run on, and what another kind would change."""
    if code not in RULE:
        return []
    act, running = Act(code), [Purpose(clock.purpose) for clock in choices.clocks]
    rule = RULE[act]
    fates = {effect.purpose: effect.fate for effect in effects(act, None, running, handovers())}
    stopped = [item for item in running if item in rule.stops or fates.get(item) is ClockFate.STOP]
    started = [*rule.starts, *(item for item, fate in fates.items() if fate is ClockFate.RESTART)]
    kept = [item for item in running if item not in stopped and item not in started]
    lines = []
    if stopped:
        lines.append(words.pick("停止计时：", "Stops: ") + _listed(stopped, words))
    if started:
        lines.append(words.pick("开始计时：", "Starts: ") + _listed(started, words))
    if kept and (stopped or started or rule.to is not None):
        lines.append(words.pick("继续计时，期限不变：", "Runs on, due as before: ") + _listed(kept, words))
    if act is Act.PROPOSE_REFERRAL:
        told = words.pick("涉嫌犯罪的，自另一名执法人员核实后计时。", "Of a suspected crime: once it is verified.")
        lines.append(told)
    return lines + _by_kind(act, running, fates, words)


def _by_kind(act: Act, running: Sequence[Purpose], usual: dict[Purpose, ClockFate], words: Words) -> list[str]:
    if Field.KIND not in RULE[act].may:
        return []
    named = {
        ClockFate.RESTART: words.pick("重新计时", "starts anew"),
        ClockFate.STOP: words.pick("停止计时", "stops"),
        ClockFate.CARRY: words.pick("继续计时", "runs on"),
    }
    return [
        words.pick("选“{kind}”时：", "If {kind}: ").format(kind=words.short_kind(kind))
        + f"{words.purpose(effect.purpose)} {named[effect.fate]}"
        for kind in HandoverKind
        for effect in effects(act, kind, running, handovers())
        if effect.fate is not usual.get(effect.purpose)
    ]


def foreseen(clocks: Iterable[ClockForeseen], words: Words) -> list[str]:
    """What a hand-over to the unit that is chosen would do to each clock, with its dates."""
    told = {
        "CARRY": words.pick("继续计时，期限仍为 {after}", "runs on, due {after} as before"),
        "SAME": words.pick("重新计时，期限仍为 {after}", "starts anew, due {after} as before"),
        "RESTART": words.pick("重新计时，期限由 {before} 改为 {after}", "starts anew, due {after} instead of {before}"),
        "SUSPENDED": words.pick("仍中止计时", "goes on standing still"),
        "RESUME": words.pick("恢复计时，期限至 {after}", "runs on, due {after}"),
        "STOP": words.pick("停止计时（原期限 {before}）", "stops (was due {before})"),
        "START": words.pick("开始计时，期限至 {after}", "starts, due {after}"),
    }
    return [
        words.purpose(clock.purpose)
        + words.pick("：", ": ")
        + told[_fate(clock)].format(before=_due(clock.before, words), after=_due(clock.after, words))
        for clock in clocks
    ]


def _fate(clock: ClockForeseen) -> str:
    """A clock may start anew and be due when it was: a deadline counts by whole days."""
    same = clock.before is not None and clock.after is not None and clock.before.due_at == clock.after.due_at
    return "SAME" if clock.fate == "RESTART" and same else clock.fate


def _due(deadline: Deadline | None, words: Words) -> str:
    return wording(deadline.due_at, provisional=deadline.provisional, language=words.lang) if deadline else ""


def _listed(purposes: Iterable[Purpose], words: Words) -> str:
    return words.pick("、", ", ").join(dict.fromkeys(words.purpose(purpose) for purpose in purposes))
