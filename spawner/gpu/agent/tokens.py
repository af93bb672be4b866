"""Tokens with which one node, and no other, reports its GPUs. Pure, and of the standard library only.

A node's token follows from the token of a service of the Hub that may report for all nodes. So the Hub has to keep no list of them, and
all of them end with the service's token. Nobody who has a node's token learns the service's from it, if that one cannot be guessed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

PREFIX = "rfgpu."

_NODE_TOKEN = re.compile(r"rfgpu\.([A-Za-z0-9][A-Za-z0-9._-]{0,254})\.([0-9a-f]{64})", re.ASCII)


def node_token(service_token: str, node: str) -> str:
    """Return the token of ``node``: ``rfgpu.NODE.HEX``, HEX being the HMAC-SHA256 of ``gpu-report:NODE`` under the service's token."""
    return f"{PREFIX}{node}.{_signature(service_token, node)}"


def node_of(token: str) -> str | None:
    """Return the node that a token names, whether it is genuine or not; None if it has not the form of a node's token."""
    found = _NODE_TOKEN.fullmatch(token)
    return found[1] if found else None


def genuine_node_of(token: str, service_tokens: Iterable[str]) -> str | None:
    """Return the node that a token was made for from one of ``service_tokens``, compared in constant time; None if it was not."""
    found = _NODE_TOKEN.fullmatch(token)
    if not found:
        return None
    # No early end: how long it takes tells not which of them it was.
    genuine = [hmac.compare_digest(_signature(service_token, found[1]), found[2]) for service_token in service_tokens if service_token]
    return found[1] if any(genuine) else None


def _signature(service_token: str, node: str) -> str:
    return hmac.digest(service_token.encode(), b"gpu-report:" + node.encode(), "sha256").hex()
