"""The audit: an append-only table in each service's database, one hash chain per case, account and area.

To put something on it, in the transaction of what it tells of::

    from services.chassis import audit

    await audit.record(
        session,
        audit.Entry(
            chain=audit.of_case(case_id),
            actor=audit.officer(account_id),
            action="IDENTITY_OPENED",
            subject=str(release_id),
            purpose="VISIT",
            details={"second": second_account_id, "until": until.isoformat()},
        ),
        schema="vault",
    )

Ids, codes, numbers and hashes only: an `Entry` with anything else can't be made. Where the officer's request came from
is added by itself (`Origins`). A sealer anchors the heads of the chains outside the database (sealing.py), and
verifying.py finds what was changed, deleted, added or put elsewhere since.
"""

from services.chassis.audit.digest import GENESIS as GENESIS
from services.chassis.audit.digest import microseconds as microseconds
from services.chassis.audit.recording import SCHEMAS as SCHEMAS
from services.chassis.audit.recording import Entry as Entry
from services.chassis.audit.recording import Origins as Origins
from services.chassis.audit.recording import of_account as of_account
from services.chassis.audit.recording import of_area as of_area
from services.chassis.audit.recording import of_case as of_case
from services.chassis.audit.recording import of_contact as of_contact
from services.chassis.audit.recording import officer as officer
from services.chassis.audit.recording import operator as operator
from services.chassis.audit.recording import record as record
from services.chassis.audit.recording import service as service
from services.chassis.audit.schema import audit_ddl as audit_ddl
