"""Wrong codes: so many for one case number, whoever types them, before a browser has to have done some work first."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from services.chassis.buckets import Buckets, Rate
from services.chassis.settings import Settings
from services.complaints.admission import VISITOR, too_often
from services.complaints.domain import Refusal, normalise_case_number
from services.complaints.reporters import NOT_FOUND
from services.complaints.rights import UNVERIFIED


class Attempts:
    """Counts failures alone, and by the number as it was typed: whether there is such a number makes no difference.

    Who knows a number can't keep its reporter out: a browser that did its work is counted by itself (admission.py).
    """

    def __init__(self, settings: Settings) -> None:
        self._failures = Buckets(Rate(settings.number_burst, settings.number_per_minute / 60))

    @contextmanager
    def of(self, request: Request, case_number: str) -> Iterator[None]:
        """Inside, a number and a code are tried. Raises Problem (429), before anything is looked up."""
        number = normalise_case_number(case_number) or case_number
        wait = 0.0 if VISITOR in request.scope.get("state", {}) else self._failures.wait(number)
        if wait:
            raise too_often(wait)
        try:
            yield
        except Refusal as refusal:
            if refusal.code in (NOT_FOUND, UNVERIFIED):
                self._failures.take(number)
            raise
