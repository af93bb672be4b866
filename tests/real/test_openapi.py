"""Every address of ours, called as docs/openapi.yaml allows and as it does not, answers as the document says, and soon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.support.real_hub import CHECKOUT
from tests.support.site_under_test import Site, Visitor

EVENTS = "/api/resource-form/sessions/events"
SCHEMA = schemathesis.openapi.from_path(CHECKOUT / "docs" / "openapi.yaml")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Fuzzed:
    """A Hub that is called, by a user's token and by their browser."""

    def __init__(self, site: Site, visitor: Visitor) -> None:
        answer = visitor.api("POST", f"users/{visitor.name}/tokens", json={})
        self.site = site
        self.base_url = f"{site.hub.url}hub"
        self.headers = {"Authorization": f"token {answer.json()['token']}"}
        self.pages = visitor.session
        self.pages.cookies.set("language", "en")

    @property
    def memory_mb(self) -> float:
        """Megabytes of memory of the Hub's process."""
        lines = Path(f"/proc/{self.site.hub.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    @property
    def database_mb(self) -> float:
        """Megabytes of the Hub's database."""
        return sum(path.stat().st_size for path in self.site.hub.folder.glob("*.sqlite*")) / 1e6


@pytest.fixture(scope="module")
def fuzzed(running_site: Site) -> Iterator[Fuzzed]:
    """The Hub; in the end it is no larger than it was."""
    found = Fuzzed(running_site, running_site.visitor())
    memory, database = found.memory_mb, found.database_mb
    yield found
    assert found.memory_mb - memory < 200
    assert found.database_mb - database < 5
    assert running_site.cluster.active_jobs() == []
    running_site.clean()


def as_documented(path: str, method: str) -> Callable[..., None]:
    """The test of one address, as a function of its own: pytest 9.2 knows all that schemathesis makes of one function by the same name,
    and xdist runs only the first of those.
    """

    @SCHEMA.include(path=path, method=method).parametrize()
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    def test_as_documented(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
        """Whatever is sent: an answer that the document has, of the kind that it says; nothing is a mistake of the Hub's."""
        if "/api/" in case.path:
            answer = case.call(base_url=fuzzed.base_url, headers=fuzzed.headers, timeout=60)
        else:
            answer = case.call(base_url=fuzzed.base_url, session=fuzzed.pages, timeout=60, allow_redirects=False)
        case.validate_response(answer, checks=CHECKS)

    return test_as_documented


for found in SCHEMA.exclude(path=EVENTS).get_all_operations():
    address = found.ok()
    globals()[re.sub(r"\W+", "_", f"test_as_documented {address.label}")] = as_documented(address.path, address.method)

QUERIES = ["limit=0", "limit=500", "limit=501", "limit=-1", "limit=1e3", f"limit={'9' * 5000}", "all=1", "all=x", f"x={'y' * 9000}"]


@pytest.mark.parametrize("query", QUERIES)
def test_streams(fuzzed: Fuzzed, query: str) -> None:
    """The same for the stream, of which only the beginning is read."""
    with requests.get(f"{fuzzed.base_url}{EVENTS}?{query}", headers=fuzzed.headers, stream=True, timeout=60) as answer:
        assert str(answer.status_code) in SCHEMA[EVENTS]["get"].definition.raw["responses"]
        kind = answer.headers["Content-Type"]
        assert kind.startswith("text/event-stream" if answer.ok else "application/json")
