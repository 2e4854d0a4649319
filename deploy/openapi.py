"""Writes the services' OpenAPI 3.1 documents to contracts/openapi/ without any engine: `python -m deploy.openapi`."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import FastAPI

FOLDER = Path(__file__).resolve().parent.parent / "contracts" / "openapi"


def _complaints() -> FastAPI:
    from services.chassis.settings import Settings
    from services.complaints.main import build

    return build(Settings())


def _vault() -> FastAPI:
    from services.chassis.settings import Settings
    from services.complaints.vault.main import build

    return build(Settings())


def _referrals() -> FastAPI:
    from services.chassis.settings import Settings
    from services.referrals.main import build

    return build(Settings())


def _notifications() -> FastAPI:
    from services.notifications.main import build
    from services.notifications.settings import NotificationSettings

    return build(NotificationSettings())


APPS: Mapping[str, Callable[[], FastAPI]] = {
    "complaints": _complaints,
    "vault": _vault,
    "referrals": _referrals,
    "notifications": _notifications,
}


def document(service: str) -> str:
    """The service's document as it is committed: keys sorted, so that a difference is a difference."""
    return json.dumps(APPS[service]().openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def path_of(service: str) -> Path:
    """Where it is committed."""
    return FOLDER / f"{service}.json"


def main(arguments: list[str]) -> int:
    """Write the documents, or with ``--check`` say which are stale. Returns the exit status."""
    stale = []
    for service in APPS:
        path, text = path_of(service), document(service)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(service)
        if "--check" not in arguments:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'stale' if '--check' in arguments else 'wrote'}: contracts/openapi/{service}.json\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
