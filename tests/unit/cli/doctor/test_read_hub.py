"""What the doctor reads of the Hub around the spawner."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from spawner.cli.doctor import read_hub
from spawner.cli.doctor.read_config import Configured


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"should_start": False}, ""),
        ({"should_start": False, "command": ["/nowhere/proxy"]}, ""),
        ({"command": ["/nowhere/proxy"]}, "/nowhere/proxy"),
        ({"command": ["/bin/sh"]}, ""),
    ],
    ids=["a service of its own", "a service of its own, with a command all the same", "not there", "there"],
)
def test_the_proxy_s_program(settings: dict[str, Any], missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for where the Hub starts it. Of one that is a service the secret is in the unit's environment, and not the doctor's."""
    monkeypatch.delenv("CONFIGPROXY_AUTH_TOKEN", raising=False)
    configured = cast("Configured", SimpleNamespace(hub=JupyterHub(), config=Config({"ConfigurableHTTPProxy": settings})))
    assert read_hub._proxy(configured) == missing
