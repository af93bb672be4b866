"""Who may report GPUs, and how often."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub import orm, scopes
from sqlalchemy.exc import SQLAlchemyError

from ...cache import BoundedDict
from ...gpu.agent.tokens import PREFIX, genuine_node_of

SCOPE = "custom:resource-form:gpu-reports"

KNOWN_SECONDS = 60.0
"""For so long it is remembered which tokens count; one that is revoked counts for as long at most."""

MAX_WRONG = 1024
MAX_NODES = 50_000

BURST = 3
MIN_INTERVAL_SECONDS = 1.0
"""A node may report so often, after a few that follow each other at once."""

_AUTHORIZATION = re.compile(r"(?:token|bearer)[ \t]+([^\s]{1,512})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Whose token it is: that of one ``node``, or, where that is empty, of a service which reports for all."""

    node: str = ""


class Reporters:
    """The knowledge of who may report, from a token.

    Tokens of services are looked up in the Hub's database; those of nodes follow from the tokens of services that stand in the Hub's
    configuration, for only of these does the Hub know more than a hash. All that is remembered is forgotten after :data:`KNOWN_SECONDS`.
    """

    def __init__(self, settings: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._until = -math.inf
        self._keys: tuple[str, ...] | None = None
        self._known: BoundedDict[str, Reporter] = BoundedDict(MAX_NODES)
        self._wrong: set[bytes] = set()
        """The hashes of tokens that the database does not know, or that may do something else."""

    def who(self, authorization: str) -> Reporter | None:
        """Return whose token is in the header; None if there is none, or it may not report.

        Raises
        ------
        SQLAlchemyError
            The Hub's database does not answer.
        """
        now = self._clock()
        if now >= self._until:
            self._keys = None
            self._known.clear()
            self._wrong.clear()
            self._until = now + KNOWN_SECONDS
        # A dictionary compares what has the same hash only, which nobody can aim at: the time that it takes tells nothing of a token.
        known = self._known.get(authorization)
        if known is not None:
            return known
        found = _AUTHORIZATION.fullmatch(authorization)
        known = self._reporter(found[1]) if found else None
        if known is not None:
            self._known[authorization] = known
        return known

    def _reporter(self, token: str) -> Reporter | None:
        if token.startswith(PREFIX):
            node = genuine_node_of(token, self.keys())
            return Reporter(node) if node else None
        digest = hashlib.sha256(token.encode()).digest()
        if digest in self._wrong:
            return None
        if self._may_report(token):
            return Reporter()
        if len(self._wrong) < MAX_WRONG:
            self._wrong.add(digest)
        return None

    def keys(self) -> tuple[str, ...]:
        """Return the tokens of configured services that may report, from which nodes' tokens are made."""
        if self._keys is None:
            self._keys = self._read_keys()
        return self._keys

    def _read_keys(self) -> tuple[str, ...]:
        configured = {service.api_token: name for name, service in self._settings.get("services", {}).items() if service.api_token}
        configured |= getattr(self._settings.get("app"), "service_tokens", {})
        found = []
        for token, name in configured.items():
            with self._database() as db:
                service = orm.Service.find(db, name)
                has_scope = service is not None and SCOPE in scopes.get_scopes_for(service)
            # To find a token takes the database milliseconds: only those of services that have the scope.
            if has_scope and self._may_report(token):
                found.append(token)
        return tuple(found)

    def _may_report(self, token: str) -> bool:
        with self._database() as db:
            row = orm.APIToken.find(db, token, kind="service")
            return row is not None and SCOPE in scopes.get_scopes_for(row)

    @contextlib.contextmanager
    def _database(self) -> Iterator[Any]:
        """The Hub's own connection, left as it has to be for the others who use it."""
        db = self._settings["db"]
        try:
            yield db
        except SQLAlchemyError:
            db.rollback()
            raise
