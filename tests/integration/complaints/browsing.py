"""The public site as a browser without scripts uses it: its forms, and the way to the page of a case."""

import re

import httpx

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
FORM = {
    "category": "0704",
    "place": "杭州西湖区",
    "respondents": "某医院收费处\r\n某医院住院部",
    "narrative": "多收三天床位费。\r\n问过三次。",
    "identity": "anonymous",
}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
OTHER_PAGE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere"}


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, name
    return found[1]


def codes(page: str) -> list[str]:
    return re.findall(r'class="hy-code">([^<]+)<', page)


async def file(
    browser: httpx.AsyncClient, files: list[tuple[str, bytes]] | None = None, **changes: str
) -> httpx.Response:
    key = changes.pop("key", None) or hidden((await browser.get("/file")).text, "key")
    parts = [("files", file) for file in files or [("", b"")]]
    return await browser.post("/file", data={**FORM, "key": key, **changes}, files=parts)


async def follow(browser: httpx.AsyncClient) -> tuple[str, str, str]:
    """File, keep, open: number, code and the page of the case."""
    assert (await file(browser)).status_code == 303
    page = (await browser.get("/receipt")).text
    number, code = codes(page)
    kept = {"form_token": hidden(page, "form_token"), "ending": code[-6:]}
    assert (await browser.post("/receipt", data=kept)).headers["location"] == "/tracking/case"
    return number, code, (await browser.get("/tracking/case")).text
