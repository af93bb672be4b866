"""What is kept of a session: what finds its job again after any crash, its limits, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .used import Used


@dataclass(frozen=True, slots=True)
class Record:
    """What the Hub's database has of a session: enough to find its job after any crash.

    ``nonce`` is empty where no job was ever asked for. ``job_id`` is 0 until it is known. ``submitted`` is when sbatch was begun,
    ``queued_at`` the job's own SubmitTime once seen (seconds since the epoch). ``port`` is what the launcher reported; ``node`` and
    ``address`` are set once the server is known to listen there. ``stopping`` says that an order to stop was given. ``gpu_indices`` are the
    job's GPUs by Slurm's own numbers (IDX), as the launcher reported them; None where it has not. ``gpus_confirmed``: Slurm says so too.
    ``owner`` is the name of the system's user whose job it is, as Slurm prints it; empty where that is the Hub's name of the user.
    ``idle_minutes``: the stop was ordered because they did nothing for so long; 0 for any other reason. ``killed`` is how many of its
    processes were killed for want of memory, and ``peak_mb`` the most memory that they had at once in MB (0: not told), as the launcher
    says: its user can make it up, and it is for the user alone. ``started`` is when the job began, by Slurm's clock; 0 until its server
    listens. ``usage_factor`` is that of the job's QOS, None where it is not charged; ``is_priced``: that is known.
    ``by_admin``: the stop was ordered by somebody else than the user, and ``why`` is what they said; empty for nothing. ``setup`` is how
    the set-up of the user's first session with the release goes (:data:`.own_setup.SetupState`); empty where there is none. ``folder``
    is why it does not open in the folder that was chosen (:data:`.own_setup.FOLDER_TROUBLES`); empty where it does. ``reference`` tells
    the start from all others in the log (:mod:`.events`). ``told_end`` is the end of the walltime, in seconds since the epoch, that the
    user has got a message of; 0 for none.
    """

    nonce: str = ""
    job_id: int = 0
    submitted: float = 0.0
    queued_at: int = 0
    node: str = ""
    address: str = ""
    port: int = 0
    stopping: bool = False
    gpu_indices: tuple[int, ...] | None = None
    gpus_confirmed: bool = False
    idle_minutes: int = 0
    owner: str = ""
    killed: int = 0
    peak_mb: int = 0
    started: int = 0
    usage_factor: float | None = None
    is_priced: bool = False
    by_admin: bool = False
    why: str = ""
    setup: str = ""
    folder: str = ""
    reference: str = ""
    told_end: int = 0

    def by_hubs_clock(self, moment: float) -> float:
        """Return one of Slurm's moments by the Hub's clock, if that was ahead of Slurm's when the job was submitted; else as it is.

        Where it is behind nobody can tell that from an sbatch that took its time. Seconds since the epoch.
        """
        return moment + max(0.0, self.submitted - self.queued_at) if self.queued_at else moment

    def as_state(self) -> dict[str, Any]:
        """Return the record as JSON for the database; empty if there is nothing to remember."""
        return asdict(self) if self.nonce else {}

    @classmethod
    def from_state(cls, state: object) -> Record:
        """Read a record from the database; what an older version left out is taken as not known."""
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
                gpu_indices=_numbers(known.get("gpu_indices")),
                gpus_confirmed=known.get("gpus_confirmed") is True,
                idle_minutes=int(known.get("idle_minutes", 0)),
                owner=str(known.get("owner", "")),
                killed=int(known.get("killed", 0)),
                peak_mb=int(known.get("peak_mb", 0)),
                started=int(known.get("started", 0)),
                usage_factor=_amount(known.get("usage_factor")),
                is_priced=known.get("is_priced") is True,
                by_admin=known.get("by_admin") is True,
                why=str(known.get("why", "")),
                setup=str(known.get("setup", "")),
                folder=str(known.get("folder", "")),
                reference=str(known.get("reference", "")),
                told_end=int(known.get("told_end", 0)),
            )
        except (TypeError, ValueError):
            return cls()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many seconds a start may take: in the queue, and from the job's start until the server listens."""

    queue: float = 3600.0
    listen: float = 300.0


@dataclass(frozen=True, slots=True)
class End:
    """How a session ended.

    ``state`` is the job's last state, or one of our own words; ``at`` when that was noticed (seconds since the epoch). ``sentence`` and
    ``what_to_do`` are in the language of the session's user. The rest is known once :func:`.outcome.ending` has looked at the evidence:
    ``category`` and ``kind`` are its words, ``change`` the values of the form for another try, ``exit_code`` the server's, ``used_mb`` and
    ``asked_mb`` MB of memory; None, 0 or empty for what is not known. ``log`` are the lines of the session's log that say why.
    ``submitted`` and ``started`` are when that was (seconds since the epoch), ``cost`` is what it used in billing units. ``reference`` is
    what the log calls it by (:mod:`.events`). ``use`` is what it really used, as far as it was measured.
    """

    state: str
    sentence: str
    at: float
    category: str = ""
    kind: str = ""
    what_to_do: str = ""
    change: Mapping[str, str] = field(default_factory=dict)
    job_id: int = 0
    node: str = ""
    exit_code: int | None = None
    used_mb: int | None = None
    asked_mb: int | None = None
    log: tuple[str, ...] = ()
    submitted: float | None = None
    started: float | None = None
    cost: float | None = None
    reference: str = ""
    use: Used | None = None

    @classmethod
    def from_state(cls, state: object) -> End | None:
        """Read an end from the database; what an older version left out is taken as not known.

        None if there is none, or none that can be read.
        """
        if not isinstance(state, Mapping):
            return None
        change, log = state.get("change"), state.get("log")
        try:
            return cls(
                state=str(state["state"]),
                sentence=str(state["sentence"]),
                at=float(state["at"]),
                category=str(state.get("category", "")),
                kind=str(state.get("kind", "")),
                what_to_do=str(state.get("what_to_do", "")),
                change={str(name): str(value) for name, value in change.items()} if isinstance(change, Mapping) else {},
                job_id=int(state.get("job_id") or 0),
                node=str(state.get("node", "")),
                exit_code=_count(state.get("exit_code")),
                used_mb=_count(state.get("used_mb")),
                asked_mb=_count(state.get("asked_mb")),
                log=tuple(str(line) for line in log) if isinstance(log, (list, tuple)) else (),
                submitted=_amount(state.get("submitted")),
                started=_amount(state.get("started")),
                cost=_amount(state.get("cost")),
                reference=str(state.get("reference", "")),
                use=Used.from_state(state.get("use")),
            )
        except (KeyError, TypeError, ValueError):
            return None


def _numbers(value: Any) -> tuple[int, ...] | None:
    is_list = isinstance(value, (list, tuple)) and all(type(number) is int for number in value)
    return tuple(value) if is_list else None


def _amount(value: Any) -> float | None:
    return None if value is None else float(value)


def _count(value: Any) -> int | None:
    return None if value is None else int(value)
