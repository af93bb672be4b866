"""docs/openapi.yaml has every address, method and parameter that we add to a Hub, and no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tornado.web import RequestHandler

from spawner.hub.apihandlers.gpu_reports import GpuReports
from spawner.hub.routes import API, PAGES
from spawner.request.model import FIELDS

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "docs" / "openapi.yaml").read_text())
ADDRESSES: dict[str, Any] = {
    str(entry[0]).replace("(.*)", "{version}/{name}").replace("([^/]+)", "{tag}"): entry[1] for entry in (*API, *PAGES)
}


def methods_of(handler: Any) -> set[str]:
    """The methods that a handler answers."""
    if isinstance(handler, GpuReports):
        return {"post"}
    names = [name.lower() for name in handler.SUPPORTED_METHODS if name not in ("HEAD", "OPTIONS")]
    return {name for name in names if getattr(handler, name) is not getattr(RequestHandler, name)}


def documented(path: str) -> dict[str, Any]:
    """The operations of a path."""
    return {name: entry for name, entry in DOCUMENT["paths"][path].items() if name != "parameters"}


def test_every_address() -> None:
    assert set(DOCUMENT["paths"]) == set(ADDRESSES)


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_every_method(path: str) -> None:
    assert set(documented(path)) == methods_of(ADDRESSES[path])


@pytest.mark.parametrize("path", sorted(ADDRESSES))
def test_every_argument_that_a_handler_names(path: str) -> None:
    """What its own module reads from the address is in the document."""
    handler = ADDRESSES[path]
    if isinstance(handler, GpuReports):
        return
    read = set(re.findall(r'get_(?:query_)?argument\("(\w+)"', inspect.getsource(handler)))
    written = DOCUMENT["paths"][path]
    entries = [*written.get("parameters", ()), *(entry for each in documented(path).values() for entry in each.get("parameters", ()))]
    assert read <= {entry["name"] for entry in entries}


def test_every_operation_says_what_is_too_much() -> None:
    """Whatever takes a credential may be asked too often; whatever takes a body may get too large a one."""
    for path in DOCUMENT["paths"]:
        for name, operation in documented(path).items():
            if operation.get("security") != []:
                assert "429" in operation["responses"], path
            if "requestBody" in operation and "/api/" in path:
                assert "413" in operation["responses"], (path, name)


def test_a_request_has_its_fields() -> None:
    assert set(DOCUMENT["components"]["schemas"]["Request"]["properties"]) == set(FIELDS)
