"""Forms of acts, made from what an act needs and may take: a new act has its form at once. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.lifecycle import INSTEAD, RULE, Act, Field, Purpose
from contracts.reference import outcomes, refusals, satisfaction_levels
from services.referrals.domain import Unit
from services.referrals.handovers import Candidate
from services.referrals.refusals import TEXTS
from services.referrals.views import LegalAct
from services.referrals.web.words import Words


class Widget(StrEnum):
    """How a field is filled in."""

    LINE = "LINE"
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
    """One field of a form."""

    name: str
    label: str
    widget: Widget
    required: bool
    hint: str = ""
    options: tuple[Option, ...] = ()

    @property
    def open_options(self) -> list[Option]:
        """Those that may be chosen."""
        return [option for option in self.options if not option.refusal]

    @property
    def closed_options(self) -> list[Option]:
        """Those that may not, with why."""
        return [option for option in self.options if option.refusal]


@dataclass(frozen=True)
class Choices:
    """What a form offers that depends on the case: where it may go, whom it may accuse."""

    routes: Sequence[Candidate] = ()
    respondents: Sequence[Unit] = ()


@dataclass(frozen=True)
class ActForm:
    """The form of an act; ``effects`` says what it does to the clocks."""

    act: str
    name: str
    fields: tuple[FormField, ...]
    effects: tuple[str, ...] = field(default=())


TEXT = frozenset({Field.NOTE.value, Field.PUBLIC_REPLY.value})
TOLD_NOTES = frozenset({Act.REQUEST_SUPPLEMENT.value, Act.REJECT.value})
"""Acts whose note the reporter reads."""


def form(act: LegalAct, choices: Choices, running: Iterable[str], words: Words) -> ActForm:
    """The form of a legal act on a case whose clocks of these purposes run."""
    names = [*act.needs, *(name for name in act.may if name not in act.needs)]
    fields = [_field(name, act, choices, words) for name in names]
    # Short things first: what is written at length stands last, before the button.
    fields.sort(key=lambda item: (not item.required, item.widget is Widget.AREA))
    return ActForm(act.act, words.act(act.act), tuple(fields), tuple(_effects(act.act, set(running), words)))


def _field(name: str, act: LegalAct, choices: Choices, words: Words) -> FormField:
    required = name in act.needs and name not in INSTEAD
    widget, options = _options(name, choices, words)
    return FormField(name, words.field(name), widget, required, _hint(name, act, words), tuple(options))


def _options(name: str, choices: Choices, words: Words) -> tuple[Widget, list[Option]]:
    if name == Field.UNIT:
        return Widget.ONE_OF, [_route(found, words) for found in choices.routes]
    if name == Field.RESPONDENT_UNITS:
        return Widget.SOME_OF, [Option(unit.unit_id, unit.name, unit.unit_id) for unit in choices.respondents]
    if name == Field.REASON_CODE:
        return Widget.ONE_OF, [
            Option(found.code, words.pick(found.name_zh, found.name_en), words.pick(found.channel_zh, found.channel_en))
            for found in refusals().values()
        ]
    if name == Field.OUTCOME:
        return Widget.ONE_OF, [
            Option(found.code, words.pick(found.name_zh, found.name_en)) for found in outcomes().values()
        ]
    if name == Field.SATISFACTION:
        return Widget.CHOICE, [
            Option(str(found.level), words.pick(found.name_zh, found.name_en))
            for found in sorted(satisfaction_levels().values(), key=lambda item: -item.level)
        ]
    return (Widget.AREA if name in TEXT else Widget.LINE), []


def _route(found: Candidate, words: Words) -> Option:
    refusal = ""
    if found.refusal is not None:
        text = TEXTS[found.refusal.value]
        refusal = words.pick(text.zh, text.en)
    return Option(found.unit.unit_id, found.unit.name, found.unit.unit_id, refusal)


def _hint(name: str, act: LegalAct, words: Words) -> str:
    if name == Field.NOTE:
        if act.act in TOLD_NOTES:
            return words.pick("将原样告知诉求人。", "The reporter will read this as it is.")
        return words.pick("内部说明，不告知诉求人。", "For officers; the reporter does not read it.")
    if name == Field.PUBLIC_REPLY:
        return words.pick("审核通过后原样告知诉求人。", "The reporter reads this as it is, once it is approved.")
    if name in INSTEAD and INSTEAD[Field(name)] == Field.NOTE:
        return words.pick(
            "没有反映本系统内的单位时，不选，在说明中写明。",
            "If no unit of ours is complained of, choose none and say so in the note.",
        )
    return ""


def _effects(act: str, running: set[str], words: Words) -> list[str]:
    """What becomes of the clocks, in words: those that stop, start, and run on."""
    if act not in RULE:
        return []
    rule = RULE[Act(act)]
    stopped = [purpose for purpose in rule.stops if purpose in running]
    kept = [purpose for purpose in Purpose if purpose in running and purpose not in (*stopped, *rule.starts)]
    lines = []
    if stopped:
        lines.append(words.pick("停止计时：", "Stops: ") + _listed(stopped, words))
    if rule.starts:
        lines.append(words.pick("开始计时：", "Starts: ") + _listed(rule.starts, words))
    if kept and (stopped or rule.starts or rule.to is not None):
        lines.append(words.pick("继续计时，期限不变：", "Runs on, due as before: ") + _listed(kept, words))
    return lines


def _listed(purposes: Iterable[Purpose], words: Words) -> str:
    return words.pick("、", ", ").join(words.purpose(purpose) for purpose in purposes)
