"""The services' OpenAPI documents: committed as generated, valid OpenAPI 3.1, and every error a problem."""

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploy import openapi

METHODS = {"get", "put", "post", "delete", "patch"}


def committed(service: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(openapi.path_of(service).read_text(encoding="utf-8"))
    return content


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


@pytest.mark.parametrize("service", openapi.APPS)
def test_the_committed_document_is_the_generated_one(service: str) -> None:
    committed_text = openapi.path_of(service).read_text(encoding="utf-8")
    assert committed_text == openapi.document(service), "run: python -m deploy.openapi"


@pytest.mark.parametrize("service", openapi.APPS)
def test_the_document_is_valid_openapi_3_1(service: str) -> None:
    document = committed(service)
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type]


@pytest.mark.parametrize("service", openapi.APPS)
def test_every_operation_has_a_summary_and_an_id_of_its_own(service: str) -> None:
    found = operations(committed(service))
    assert all(operation.get("summary") for _, operation in found)
    ids = [operation["operationId"] for _, operation in found]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("service", openapi.APPS)
def test_every_error_is_a_problem(service: str) -> None:
    for name, operation in operations(committed(service)):
        if name in ("GET /ready", "GET /health"):
            continue
        for status, response in operation["responses"].items():
            if status[0] in "45" and response.get("content"):
                assert "application/problem+json" in response["content"], f"{name} {status}"
