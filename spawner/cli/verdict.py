"""What would become of a request, as the Hub says it: asked for once, and put into words once, for all commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .exit_codes import READY, REFUSED, WAITS
from .hub_client import Hub


def ask(hub: Hub, request: Mapping[str, Any], *, name: str = "", script: bool = False) -> dict[str, Any]:
    """Return what the Hub says of a request for the server of this name, with Slurm's estimate where it would wait.

    Raises
    ------
    HubTrouble
        There is no answer.
    """
    query = {**({"server": name} if name else {}), "script": "1" if script else "0", "when": "1"}
    return hub.read("POST", f"resource-form/check?{urlencode(query)}", dict(request))


def code_of(answer: Mapping[str, Any]) -> int:
    """Return the exit code of a verdict: it starts now, would wait or nobody knows, or cannot be had."""
    verdict = answer.get("verdict")
    if answer.get("errors") or verdict == "never":
        return REFUSED
    return READY if verdict == "now" else WAITS


def in_words(answer: Mapping[str, Any]) -> list[str]:
    """Return the verdict in lines: what is wrong, or what was asked for, whether it starts, what to know, and what would start instead."""
    errors = answer.get("errors") or {}
    if errors:
        return [str(sentence) for sentence in errors.values()]
    estimate = answer.get("estimate_sentence") if answer.get("verdict") == "wait" else ""
    lines = [answer.get("words"), answer.get("sentence"), estimate, *(answer.get("warnings") or ())]
    if answer.get("verdict") != "now":
        lines += [f"  {entry.get('sentence', '')}" for entry in answer.get("alternatives") or ()]
    return [str(line) for line in lines if line]
