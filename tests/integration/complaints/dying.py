"""The complaints service, which kills itself (SIGKILL) at one moment: the one that TEST_DIES_AFTER names."""

import os
import signal
from collections.abc import Callable
from typing import Any

from services.complaints import api_reporters, evidence, examiner, files, main, uploads

MB = 1024 * 1024


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(owner: Any, attribute: str, when: Callable[[Any], bool] = lambda result: True) -> None:
    """Die when a coroutine function of the service has done its work, and before anybody learns of it."""
    original = getattr(owner, attribute)

    async def run(*args: Any, **kwargs: Any) -> Any:
        result = await original(*args, **kwargs)
        if when(result):
            _die()
        return result

    setattr(owner, attribute, run)


def _after_sync(beyond: int) -> None:
    """Die when more than so many bytes of an upload are on the disk, and not counted yet."""
    original = evidence.Part.sync

    def sync(part: evidence.Part) -> int:
        size = original(part)
        if size > beyond:
            _die()
        return size

    evidence.Part.sync = sync  # type: ignore[method-assign]


MOMENTS: dict[str, Callable[[], None]] = {
    # a file of a form
    "draft": lambda: _after(evidence.EvidenceStore, "draft"),
    "row": lambda: _after(files.Files, "record"),
    "rename": lambda: _after(evidence.EvidenceStore, "settle"),
    "commit": lambda: _after(api_reporters, "receive"),
    # an upload in parts
    "synced": lambda: _after_sync(9 * MB),
    "counted": lambda: _after(uploads.Uploads, "_save", lambda standing: standing.offset > 8 * MB),
    "recorded": lambda: _after(uploads.Uploads, "_finish"),
    # its examination
    "copied": lambda: _after(evidence.EvidenceStore, "settle"),
    "examined": lambda: _after(examiner.Examiner, "_examine"),
}

if __name__ == "__main__":
    MOMENTS[os.environ["TEST_DIES_AFTER"]]()
    main.main()
