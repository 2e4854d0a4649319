"""Uploads in parts from the page of a case: as programs do it, on behalf of the visit that the page belongs to."""

from fastapi import Request

from services.chassis.web.forms import check_form
from services.complaints.api_uploads import tus
from services.complaints.domain import Refusal
from services.complaints.schemas import Credentials
from services.complaints.web.common import tracking_cookie

PATH = "/tracking/case/uploads"
FORM_TOKEN = "X-Form-Token"


def _of_visit(request: Request) -> Credentials:
    """Raises Refusal (403) when the visit has ended, and Problem (403) when the page is none of its own."""
    session = tracking_cookie(request).read(request)
    if session is None:
        raise Refusal(
            403,
            "VISIT_ENDED",
            "查询页面已自动退出：请重新输入案件编号和查询码，再选择同一文件，会接着上传。",
            "The page has closed by itself: enter number and code again and choose the same file; it goes on.",
        )
    check_form(request, session, request.headers.get(FORM_TOKEN))
    return Credentials(**session.values)


router = tus(PATH, _of_visit, include_in_schema=False)
