"""Every metric of ours is in docs/metrics.md as it is, with all labels from the start; dashboard and alerts ask for what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric

import spawner.errors
from spawner.bounds import Bounds
from spawner.hub.admission import Admission
from spawner.hub.background.gauges import Gauges
from spawner.hub.metrics.definitions import LISTS, REASONS
from spawner.hub.state import HubState
from spawner.session.outcome import CATEGORIES, Category
from spawner.slurm.runner import COMMANDS, OUTCOMES

CHECKOUT = Path(__file__).resolve().parents[4]
PREFIX = "jupyterhub_resource_form_"
DASHBOARD = json.loads((CHECKOUT / "share/resource_form/grafana/dashboard.json").read_text())
ALERTS = yaml.safe_load((CHECKOUT / "share/resource_form/prometheus/alerts.yaml").read_text())
NOT_OURS = frozenset({"up", "jupyterhub_event_loop_interval_seconds_bucket", "jupyterhub_event_loop_interval_seconds_count"})


def families() -> Iterator[Metric]:
    """All of ours: what counts and measures, and what is read when somebody looks."""
    yield from (family for family in REGISTRY.collect() if family.name.startswith(PREFIX))
    app: Any = SimpleNamespace(users={}, tornado_settings={})
    state = HubState.of(app)
    state.part(Admission, lambda: Admission(state, base_url="/hub/", cookie="hub-login"))
    yield from Gauges(app).collect()


def labels_of(family: Metric) -> frozenset[str]:
    """The names of its labels, apart from a bucket's."""
    return frozenset(name for entry in family.samples for name in entry.labels) - {"le"}


FAMILIES = {family.name: family for family in families()}
NAMES = {entry.name for family in FAMILIES.values() for entry in family.samples}


def values(name: str, *labels: str) -> set[tuple[str, ...]]:
    """The combinations of values that a metric's labels have."""
    return {tuple(entry.labels[label] for label in labels) for entry in FAMILIES[PREFIX + name].samples}


def test_the_document_has_them_as_they_are() -> None:
    """Names, types, labels and what they are, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|([^|]*)\|[^|]+\|$", (CHECKOUT / "docs/metrics.md").read_text(), re.MULTILINE)
    written = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), words.strip()) for name, kind, labels, words in rows}
    suffix = {"counter": "_total"}
    found = {
        name.removeprefix(PREFIX) + suffix.get(family.type, ""): (family.type, labels_of(family), family.documentation)
        for name, family in FAMILIES.items()
    }
    assert written == found


def test_all_labels_from_the_start() -> None:
    """Each combination that can be known is there before anything has happened."""
    assert values("commands", "command", "outcome") == {(command, outcome) for command in COMMANDS for outcome in OUTCOMES}
    assert values("command_seconds", "command") == {(command,) for command in COMMANDS}
    assert values("ended_sessions", "category") == {(category,) for category in get_args(Category)}
    assert {(bound.name,) for bound in fields(Bounds)} <= values("refused", "bound")
    assert values("failed_starts", "reason") == {(reason,) for reason in REASONS}
    assert {("rows",), ("values",)} == values("unread", "what")


def test_every_error_has_a_reason() -> None:
    """Those of the tree, and what a job's end makes of a start."""
    kinds = [
        kind for kind in vars(spawner.errors).values() if isinstance(kind, type) and issubclass(kind, spawner.errors.ResourceFormError)
    ]
    assert len(kinds) > 15
    assert {kind.label for kind in kinds} | {state.lower() for state in CATEGORIES} <= REASONS


def test_every_list_that_is_read() -> None:
    """By the names that the cluster's modules give."""
    source = "".join(path.read_text() for path in (CHECKOUT / "spawner" / "cluster").glob("*.py"))
    assert set(re.findall(r'\b_?(?:read|parse)\("([^"]+)"', source)) == set(LISTS)


def expressions() -> Iterator[tuple[str, str]]:
    """Each query of the dashboard and the alerts, with what it is called."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for rule in ALERTS["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]


@pytest.mark.parametrize("expression", [pytest.param(found, id=name) for name, found in expressions()])
def test_a_query_asks_for_what_there_is(expression: str) -> None:
    """Each name is that of a metric, each label one of its own, and each value of a label one that it can have."""
    names = set(re.findall(r"\b(?:up|jupyterhub_\w+)\b", expression))
    assert names
    assert names <= NAMES | NOT_OURS
    known = {label for name in names for family in FAMILIES.values() if name.startswith(family.name) for label in labels_of(family)}
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        assert set(labels.replace(" ", "").split(",")) - {"le"} <= known
    for name, selectors in re.findall(r"\b(jupyterhub_resource_form_\w+)\{([^}]*)\}", expression):
        samples = [entry.labels for family in FAMILIES.values() for entry in family.samples if entry.name == name]
        for label, wanted in re.findall(r'(\w+)[=!]~?"([^"]*)"', selectors):
            assert set(wanted.split("|")) <= {entry[label] for entry in samples}, label


def test_the_dashboard_is_laid_out() -> None:
    """Each panel has an id and a place of its own, and asks the source that is chosen above."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    (chosen,) = DASHBOARD["templating"]["list"]
    targets = [target for panel in panels for target in panel.get("targets", ())]
    assert {target["datasource"]["uid"] for target in targets} == {f"${{{chosen['name']}}}"}
