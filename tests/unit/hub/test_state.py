"""One state for each Hub, found alike from its application, its handlers and its spawners."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from tornado import web
from traitlets import TraitError

from spawner.bounds import DEFAULTS, Bounds
from spawner.cluster.cluster import SlurmCluster
from spawner.hub.settings.bounds import ResourceFormBounds
from spawner.hub.state import MAX_WARNINGS, AdminWarnings, HubState


class Part:
    """What a module keeps."""


def hub() -> tuple[Any, Any, Any]:
    """An application, one of its handlers and a spawner, which have its settings as tornado and JupyterHub give them."""
    app = JupyterHub()
    app.tornado_settings = {"app": app, "config": app.config, "log": app.log}
    handler = SimpleNamespace(settings=web.Application([], **app.tornado_settings).settings)
    return app, handler, SimpleNamespace(user=SimpleNamespace(settings=app.tornado_settings))


def test_found_in_one_way() -> None:
    """Whoever asks first."""
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        owners = hub()
        state = HubState.of(owners[order[0]])
        assert all(HubState.of(owners[place]) is state for place in order)


def test_two_hubs_share_nothing() -> None:
    """What is kept for one is not the other's: neither their parts nor their Clusters."""
    one, other = (HubState.of(hub()[0]) for _hub in range(2))
    assert one.part(Part) is one.part(Part)
    assert one.part(Part) is not other.part(Part)
    assert one.cluster is one.part(SlurmCluster)
    assert one.cluster is not other.cluster
    assert one.session_logs is one.session_logs
    assert one.session_logs is not other.session_logs


def test_bounds_are_the_admins() -> None:
    """What the configuration sets counts, for the cluster's commands too; the rest stays as it is."""
    app, handler, spawner = hub()
    app.config.ResourceFormBounds.streams = 7
    state = HubState.of(spawner)
    assert state.bounds == replace(DEFAULTS, streams=7)
    assert HubState.of(handler).bounds is state.bounds is state.cluster.bounds


def test_bounds_are_positive() -> None:
    """Nothing at all is no bound that anybody means."""
    app, _handler, _spawner = hub()
    app.config.ResourceFormBounds.streams = 0
    with pytest.raises(TraitError, match="streams"):
        assert HubState.of(app).bounds


def test_each_bound_has_its_reason() -> None:
    """With its unit and default, where an admin looks."""
    for bound in fields(Bounds):
        help_text = ResourceFormBounds.class_traits(config=True)[bound.name].help
        assert bound.metadata["reason"] in help_text
        assert f"Unit: {bound.metadata['unit']}. Default: {getattr(DEFAULTS, bound.name)}." in help_text


def test_a_part_is_made_once() -> None:
    """By whoever asks first for it."""
    state, part = HubState.in_settings({}), Part()
    assert state.part(Part, lambda: part) is part
    assert state.part(Part, Part) is part


def test_warnings() -> None:
    """Each mistake once, and so many of a kind at most."""
    warnings = AdminWarnings()
    assert [warnings.is_due("presets", text) for text in ("a", "b", "a")] == [True, True, False]
    assert sum(warnings.is_due("presets", str(number)) for number in range(2 * MAX_WARNINGS)) == MAX_WARNINGS - 2
    assert warnings.is_due("time limits", (1, 2, 3))
