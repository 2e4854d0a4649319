"""The parts of the command line, each loaded only when it is used.

A module here has `app: typer.Typer`. One command without a group becomes `huiyin <name>`, several become
`huiyin <name> <command>`.
"""

from __future__ import annotations

PARTS: dict[str, str] = {
    "demo": "Watch sample complaints come in and every one of them end in an answer.",
    "bench": "Measure intake, lifecycles and a burst of deadlines beside their floors.",
    "admin": "Set up the first administrator, and look after accounts.",
    "clients": "API clients of the intake channels (12345 platforms).",
    "dlq": "Messages that could not be processed: list, show, requeue.",
    "audit": "The record of who read, changed and took out what: verify, show, declare a restore.",
    "erase": "Erase what was kept for its whole period; legal holds.",
    "keys": "Keys: list, add, rotate, rewrap, destroy.",
    "package": "Signed letters to units off the system: check one, show the key.",
    "clock": "The business clock: show, set.",
    "clocks": "The legal clocks: list, explain a deadline, compute many.",
    "calendar": "Working days: import own ones, show a year.",
    "reference": "Reference tables: check, diff, load an agency's own.",
}
"""Name and one line of help; the module is deploy.commands.<name>."""
