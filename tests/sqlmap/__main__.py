"""sqlmap against every parameter of a system of its own: `make sqlmap`. Exits with 1 when it finds one injectable.

Requests come from the OpenAPI documents (paths, queries, bodies) and from the pages: each link and form that a reporter
or an officer meets. An officer's session stands in their headers, so that what lies behind the log-in is reached.
"""

import asyncio
import base64
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import httpx

from deploy.config import PROJECT
from deploy.demo.plan import samples
from deploy.demo.prepare import prepare
from deploy.stack import Stack
from tests.integration.referrals.browsing import Browser, Page

OFFICER = "clerk.desk-990100"
_PACES = {f"HUIYIN_{name}_BURST": "1e9" for name in ("VISITOR", "ADDRESS", "NUMBER")}
_FOUND = re.compile(r"is vulnerable|appears to be .*injectable|identified the following injection", re.IGNORECASE)
_TESTED = re.compile(r"testing if ([^\n]+?) is dynamic")
_AT_ONCE = 3
UPLOADS = "/v1/tracking/uploads"


@dataclass(frozen=True)
class Target:
    """A request whose parameters are tried: those of its query and body, or the places marked with ``*``."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def raw(self) -> str:
        parts = urlsplit(self.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"{self.method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Accept: text/html, application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines) + "\r\n\r\n" + self.body


@dataclass(frozen=True)
class Known:
    """What a real request holds: a case, its reporter's code, an officer's token."""

    values: dict[str, str]
    token: str

    @property
    def basic(self) -> str:
        """Number and code as uploads take them."""
        pair = f"{self.values['case_number']}:{self.values['query_code']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


def of_documents(stack: Stack, known: Known) -> Iterator[Target]:
    """Every operation of every service, its path's places marked, then its query and its body."""
    for service in ("complaints", "referrals", "notifications", "vault"):
        document = json.loads((PROJECT / f"contracts/openapi/{service}.json").read_text())
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if (method, path) == ("delete", "/v1/sessions/current"):
                    continue  # it would end the session of all that follows
                yield from _of_operation(stack.url(service) + path, method.upper(), operation, document, known)


def _of_operation(url: str, method: str, operation: Any, document: Any, known: Known) -> Iterator[Target]:
    headers = {"Authorization": known.basic if UPLOADS in url else f"Bearer {known.token}"}
    marked_headers = dict(headers)
    query = {}
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        value = known.values.get(name) or str(_sample(parameter["schema"], document, known, name))
        if parameter["in"] == "header":
            headers[name], marked_headers[name] = value, f"{value}*"
        elif parameter["in"] == "query":
            query[name] = value
    filled = re.sub(r"\{(\w+)\}", lambda found: known.values.get(found[1], "1"), url)
    body = ""
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        kind = next(iter(content))
        sample = _sample(content[kind]["schema"], document, known, "")
        if kind == "application/json":
            body = json.dumps(sample)
        elif isinstance(sample, dict):
            body, kind = urlencode(sample), "application/x-www-form-urlencoded"
        else:
            body = str(sample)
        headers["Content-Type"] = marked_headers["Content-Type"] = kind
    yield Target(method, filled + (f"?{urlencode(query)}" if query else ""), headers, body)
    if "{" in url:
        marked = re.sub(r"\{(\w+)\}", lambda found: known.values.get(found[1], "1") + "*", url)
        yield Target(method, marked, headers, body)
    if any(value.endswith("*") for value in marked_headers.values()):
        yield Target(method, filled, marked_headers, body)


def of_uploads(browser: Browser, page: Page) -> Iterator[Target]:
    """What the page's own script asks (tus): it stands in no form and in no document."""
    token = next(form.fields["form_token"][0] for form in page.forms if "form_token" in form.fields)
    url = str(browser.http.base_url).rstrip("/") + "/tracking/case/uploads"
    own = {
        "Cookie": "; ".join(f"{item.name}={item.value}" for item in browser.http.cookies.jar),
        "Sec-Fetch-Site": "same-origin", "Tus-Resumable": "1.0.0", "X-Form-Token": token,
    }  # fmt: skip
    part = {**own, "Content-Type": "application/offset+octet-stream"}
    yield Target("POST", url, {**own, "Upload-Length": "10*", "Upload-Metadata": "filename YS50eHQ=*"})
    yield Target("POST", url, {**own, "X-Form-Token": f"{token}*", "Upload-Length": "10"})
    for method in ("HEAD", "PATCH", "DELETE"):
        yield Target(method, f"{url}/{uuid4()}*", {**part, "Upload-Offset": "0"}, "x")
        yield Target(method, f"{url}/{uuid4()}", {**part, "Upload-Offset": "0*"}, "x")


def _sample(schema: Any, document: Any, known: Known, name: str) -> Any:
    if "$ref" in schema:
        return _sample(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, known, name)
    if "anyOf" in schema or "oneOf" in schema:
        return _sample((schema.get("anyOf") or schema["oneOf"])[0], document, known, name)
    if name in known.values:
        return known.values[name]
    if "const" in schema or "enum" in schema:
        return schema.get("const") or schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {key: _sample(item, document, known, key) for key, item in schema.get("properties", {}).items()}
    if kind == "array":
        return [_sample(schema.get("items", {}), document, known, name)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    formats = {"uuid": str(uuid4()), "date-time": "2026-09-25T10:00:00+08:00", "date": "2026-09-25"}
    return formats.get(schema.get("format", ""), "abcd1234abcd1234")


async def of_pages(browser: Browser, start: list[str], known: Known) -> list[Target]:
    """What can be asked from these pages and from those that they lead to: links with queries, and forms."""
    base = str(browser.http.base_url).rstrip("/")
    seen: dict[str, Target] = {}
    waiting, visited = list(start), set()
    while waiting and len(visited) < 60:
        path = waiting.pop(0)
        if path in visited:
            continue
        visited.add(path)
        page = await browser.get(path)
        cookie = {"Cookie": "; ".join(f"{item.name}={item.value}" for item in browser.http.cookies.jar)}
        for link in re.findall(r'href="(/[^"#]*)"', page.answer.text):
            address = link.replace("&amp;", "&")
            if not address.startswith("/assets/"):
                waiting.append(address)
                if "?" in address:
                    seen.setdefault(_shape("GET", address, []), Target("GET", base + address, cookie))
        for target in _forms(page, path, base, cookie, known):
            names = [pair.partition("=")[0] for pair in target.body.split("&")]
            seen.setdefault(_shape(target.method, urlsplit(target.url).path, names), target)
    return list(seen.values())


def _forms(page: Page, path: str, base: str, cookie: dict[str, str], known: Known) -> Iterator[Target]:
    for form in page.forms:
        if form.action.endswith(("/logout", "/leave")):
            continue
        fields = {name: options[0] for name, options in form.offered.items()}
        fields |= {name: values[0] for name, values in form.fields.items() if values}
        filled = {name: value or known.values.get(name, "abc") for name, value in fields.items()}
        action = base + (form.action or path)
        if form.method.lower() == "get":
            yield Target("GET", f"{action}?{urlencode(filled)}", cookie)
        else:
            kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
            yield Target("POST", action, {**cookie, **kind}, urlencode(filled))


def _shape(method: str, address: str, names: list[str]) -> str:
    path, _, query = address.partition("?")
    plain = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", path)
    return f"{method} {plain} {sorted(names)} {sorted(pair.partition('=')[0] for pair in query.split('&'))}"


async def attack(tool: str, targets: list[Target]) -> int:
    """Run sqlmap on each; prints what it tried, and what it found. Returns how many requests have an injection."""
    slots = asyncio.Semaphore(_AT_ONCE)
    tried = 0

    async def one(number: int, target: Target, folder: Path) -> bool:
        nonlocal tried
        request = folder / f"{number}.txt"
        request.write_text(target.raw())
        command = [tool, "-r", str(request), "--batch", "--dbms=postgresql", "--level=1", "--risk=1", "--time-sec=2"]
        command += ["--technique=BEUST", "--flush-session", "--disable-coloring", "--output-dir", str(folder / "out")]
        command += ["--ignore-code=*", "--drop-set-cookie", "--timeout=20"]
        async with slots:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out = (await process.communicate())[0].decode(errors="replace")
        parameters = sorted(set(_TESTED.findall(out)))
        tried += len(parameters)
        found = bool(_FOUND.search(out))
        path = urlsplit(target.url).path
        print(f"{'INJECTABLE' if found else 'clean'}  {target.method} {path}  {len(parameters)} parameters", flush=True)
        if found:
            print(out)
        return found

    with tempfile.TemporaryDirectory() as folder:
        found = await asyncio.gather(*(one(number, target, Path(folder)) for number, target in enumerate(targets)))
    print(f"{len(targets)} requests, {tried} parameters tried, {sum(found)} requests with an injection")
    return sum(found)


async def main(tool: str) -> int:
    """Start a system, meet every request of it once, and let sqlmap at them. Returns the exit status."""
    stack = Stack(PROJECT / ".huiyin" / "sqlmap", env=_PACES)
    stack.discard()
    with stack:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            reporters, officers = await prepare(stack.settings, http)
            receipts = [await reporters.file(sample) for sample in list(samples())[:3]]
            token = await officers.login(OFFICER)
            case_id = None
            async with asyncio.timeout(60):
                while case_id is None:
                    case_id = await officers.find(OFFICER, receipts[0].case_number)
                    await asyncio.sleep(0.2)
            kept = {"case_number": receipts[0].case_number, "query_code": receipts[0].query_code, "case_id": case_id}
            begun = await http.post(
                stack.url("complaints") + UPLOADS,
                auth=(kept["case_number"], kept["query_code"]),
                headers={"Tus-Resumable": "1.0.0", "Upload-Length": "10"},
            )
            kept["upload_id"] = begun.headers["location"].rpartition("/")[2]
            known = Known({**kept, "unit_id": "desk-990100", "category": "0704", "region": "990100"}, token)
            targets = list(of_documents(stack, known))
            password = officers._password
        for url, start in (
            (stack.url("complaints"), ["/", "/file", "/tracking"]),
            (stack.url("referrals"), ["/workbench", f"/workbench/cases/{case_id}"]),
        ):
            async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
                browser = Browser(http)
                if start[0] == "/workbench":
                    await browser.log_in(OFFICER, password)
                else:
                    await http.post("/tracking", data=kept)
                    start.append("/tracking/case")
                targets += await of_pages(browser, start, known)
                if start[0] == "/":
                    targets += of_uploads(browser, await browser.get("/tracking/case"))
        found = await attack(tool, targets)
    stack.discard()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
