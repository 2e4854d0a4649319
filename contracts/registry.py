"""All events, by CloudEvents type."""

from contracts import cases, complaints, notifications
from contracts.envelope import Registry

EVENTS = Registry((*complaints.EVENTS, *cases.EVENTS, *notifications.EVENTS))
