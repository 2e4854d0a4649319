"""Which reference data this process works by: the shipped tables, and an agency's own above them."""

from contracts import reference
from services.chassis.settings import Settings


def use_reference(settings: Settings) -> None:
    """Lay the agency's tables above the shipped ones, when there are any; raises BadReference with file and line."""
    folder = settings.reference_dir
    given = folder != settings.state_dir / "reference"
    reference.use(folder if given or folder.is_dir() else None)
