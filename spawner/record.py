"""What is kept of a session: what finds its job again after any crash, its limits, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """What the Hub's database has of a session: enough to find its job after any crash.

    ``nonce`` is empty where no job was ever asked for. ``job_id`` is 0 until it is known. ``submitted`` is when sbatch was begun,
    ``queued_at`` the job's own SubmitTime once seen (seconds since the epoch). ``port`` is what the launcher reported; ``node`` and
    ``address`` are set once the server is known to listen there. ``stopping`` says that an order to stop was given.
    """

    nonce: str = ""
    job_id: int = 0
    submitted: float = 0.0
    queued_at: int = 0
    node: str = ""
    address: str = ""
    port: int = 0
    stopping: bool = False

    def as_state(self) -> dict[str, Any]:
        """As JSON for the database; empty if there is nothing to remember."""
        return asdict(self) if self.nonce else {}

    @classmethod
    def from_state(cls, state: object) -> Record:
        """From the database; what an older version left out is taken as not known."""
        if not isinstance(state, Mapping):
            return cls()
        known = {name: state[name] for name in cls.__slots__ if name in state}
        try:
            return cls(
                nonce=str(known.get("nonce", "")),
                job_id=int(known.get("job_id", 0) or 0),
                submitted=float(known.get("submitted", 0.0)),
                queued_at=int(known.get("queued_at", 0)),
                node=str(known.get("node", "")),
                address=str(known.get("address", "")),
                port=int(known.get("port", 0)),
                stopping=bool(known.get("stopping", False)),
            )
        except (TypeError, ValueError):
            return cls()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: in the queue, from the job's start until the server listens."""

    queue: float = 3600.0
    listen: float = 300.0


@dataclass(frozen=True, slots=True)
class End:
    """How a session ended: the job's last state, the sentence for the user, when it was noticed (seconds since the epoch)."""

    state: str
    sentence: str
    at: float

    @classmethod
    def from_state(cls, state: object) -> End | None:
        """From the database; None if there is none, or none that can be read."""
        if not isinstance(state, Mapping):
            return None
        try:
            return cls(str(state["state"]), str(state["sentence"]), float(state["at"]))
        except (KeyError, TypeError, ValueError):
            return None
