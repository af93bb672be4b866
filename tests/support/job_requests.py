"""Requests that have gone through the gate, a release, and what JupyterHub hands to a server."""

from __future__ import annotations

from typing import Any

from spawner.request.model import SessionRequest
from spawner.request.validation import resolve_request
from spawner.site.interfaces import Interface
from spawner.site.release import Release
from tests.support.builders import choices, reservation

LAB = Interface(name="lab", label="JupyterLab", url="/lab")


SERVER = {
    "JUPYTERHUB_API_TOKEN": "s3cr3t-api-token",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:0/user/ada/",
    "JPY_API_TOKEN": "s3cr3t-api-token",
    "HOME": "/home/ada",
    "USER": "ada",
    "SHELL": "/bin/bash",
}


def request_for(options: dict[str, Any]) -> SessionRequest:
    """A request that has gone through the gate."""
    return resolve_request(options, choices(reservations=(reservation(),)))


def release(**changes: Any) -> Release:
    """A release without anything to set up."""
    return Release.model_validate({"tag": "a", "date": "2026-01-01", **changes})
