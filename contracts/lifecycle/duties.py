"""Duties, seats and clocks: which task a stage opens and for whom, what a clock's end means, the shape of a rule."""

from dataclasses import dataclass

from contracts.lifecycle.vocabulary import Act, Field, Party, Purpose, Role, Seat, Stage, TaskKind


@dataclass(frozen=True)
class Duty:
    """The task that a stage opens: its kind, the unit it belongs to, the role that may take it."""

    kind: TaskKind
    seat: Seat
    role: Role


DUTY: dict[Stage, Duty] = {
    Stage.TRIAGE: Duty(TaskKind.TRIAGE, Seat.DESK, Role.CLERK),
    Stage.PENDING_DISPATCH: Duty(TaskKind.DISPATCH, Seat.DESK, Role.DISPATCHER),
    Stage.DISPATCHED: Duty(TaskKind.SIGN, Seat.HOLDER, Role.HANDLER),
    Stage.RETURN_REQ: Duty(TaskKind.RETURN, Seat.DESK, Role.DISPATCHER),
    Stage.ARBITRATION: Duty(TaskKind.DESIGNATE, Seat.ARBITER, Role.DISPATCHER),
    Stage.SIGNED: Duty(TaskKind.HANDLE, Seat.HOLDER, Role.HANDLER),
    Stage.HANDLING: Duty(TaskKind.HANDLE, Seat.HOLDER, Role.HANDLER),
    Stage.REDO: Duty(TaskKind.HANDLE, Seat.HOLDER, Role.HANDLER),
    Stage.REFERRED: Duty(TaskKind.REFERRAL, Seat.SENDER, Role.HANDLER),
    Stage.FEEDBACK: Duty(TaskKind.REVIEW, Seat.DESK, Role.REVIEWER),
    Stage.PENDING_VISIT: Duty(TaskKind.VISIT, Seat.DESK, Role.FOLLOW_UP),
}

DESK_ROLE: dict[TaskKind, Role] = {TaskKind.REFERRAL: Role.DISPATCHER}
"""The role that takes a task at the desk where its duty belongs to the desk only for want of a holder."""

LAPSE: dict[Purpose, Act] = {
    Purpose.SUPPLEMENT: Act.SUPPLEMENT_LAPSED,
    Purpose.SIGN: Act.SIGN_LAPSED,
    Purpose.RETURN: Act.RETURN_LAPSED,
    Purpose.VISIT: Act.VISIT_LAPSED,
    Purpose.SILENCE: Act.SILENCE_LAPSED,
    Purpose.REVIEW_REQUEST: Act.ARCHIVE,
}
"""Clocks whose end is itself an act; the end of any other clock is OVERDUE and the clock runs on as overdue."""

LADDER: tuple[Act, ...] = (
    Act.URGE_NOTICE,
    Act.YELLOW_CARD,
    Act.RED_CARD,
    Act.LIST_CASE,
    Act.CALL_IN,
    Act.ORDER_RECTIFICATION,
)
"""What an overdue clock leads to, the mildest first (rules.md §4.3); when each is due is reference data
(escalation.csv)."""

REPORTERS_CLOCKS = frozenset({Purpose.SUPPLEMENT, Purpose.SILENCE, Purpose.REVIEW_REQUEST})
"""Clocks that run for the reporter: officers get no due-soon notice for them."""

SILENT_CLOCKS = REPORTERS_CLOCKS | {Purpose.RETURN}
"""Clocks of which no warning is given: those of the reporter, and a window that closes by itself."""

ROLES_AT: dict[Seat, frozenset[Role]] = {
    Seat.DESK: frozenset({Role.CLERK, Role.DISPATCHER, Role.REVIEWER, Role.FOLLOW_UP, Role.SUPERVISOR}),
    Seat.HOLDER: frozenset({Role.HANDLER, Role.LEADER}),
    Seat.SUPPORT: frozenset({Role.HANDLER}),
    Seat.ARBITER: frozenset({Role.DISPATCHER, Role.LEADER}),
    Seat.RECEIVER: frozenset({Role.HANDLER, Role.DISPATCHER}),
}
"""The roles that count at a seat: a handler of the desk's unit does not do the holder's work. SENDER is one of two."""

HANDOVER_CLOCKS = frozenset(
    {Purpose.SIGN, Purpose.RETURN, Purpose.SUPPORT, Purpose.DECIDE_REFERRAL, Purpose.SEND_REFERRAL, Purpose.RECEIPT,
     Purpose.DISPOSAL, Purpose.ANSWER}
)  # fmt: skip
"""Clocks of one hand-over: they end with it. The clocks of the case go on, restart or stop as handovers.csv says."""


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    ``to`` is the stage it leads to; None where the stage stays, or depends on what the act brings (``decided``).
    ``seats``: the actor's unit must have one of them; empty: the task's unit or, for a supervisor, any that sees the
    case. ``may``: what it takes beside what it needs; a note is always welcome. ``starts`` and ``stops`` name the
    clocks that the act starts and stops.
    """

    act: Act
    party: Party
    stages: tuple[Stage, ...]
    to: Stage | None = None
    seats: tuple[Seat, ...] = ()
    roles: tuple[Role, ...] = ()
    needs: tuple[Field, ...] = ()
    may: tuple[Field, ...] = ()
    starts: tuple[Purpose, ...] = ()
    stops: tuple[Purpose, ...] = ()
    decided: tuple[Stage, ...] = ()
