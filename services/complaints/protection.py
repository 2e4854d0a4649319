"""Protection of reporters: a cry about retaliation becomes an urgent report with a number and a code of its own.

信访工作条例 art. 46 and the rules on protecting those who report (高检/公安/财政 2016): retaliation is a matter for
discipline inspection. The old case is told nothing: whoever handles it may be who retaliates.
"""

from contracts.lifecycle import Channel, Track
from services.complaints.reporters import View
from services.complaints.schemas import RetaliationReport, Submission
from services.complaints.service import Origin, Protected

RETALIATION = "1304"
"""投诉举报处理推诿、泄露举报人、打击报复 (taxonomy.csv)."""


def retaliation(view: View, report: RetaliationReport, key: str) -> tuple[Submission, Origin]:
    """What is submitted for the reporter of an opened complaint, and where it comes from."""
    own = view.rows[0]
    submission = Submission(
        category=RETALIATION,
        track=Track.INTEGRITY,
        region=own.region,
        narrative=report.text,
        respondents=report.respondents,
        reporter=report.reporter,
        ways=report.ways,
    )
    cases = tuple(row.case_id for row in view.rows)
    return submission, Origin(Channel.WEB, key, protects=Protected(own.complaint_id, cases))
