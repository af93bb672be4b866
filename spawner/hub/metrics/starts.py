"""How long sessions wait and come up, by partition and type of GPU: so many of these pairs at most, for each is a row of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ...request.gpus import GpuRequest, parse_gpus
from ...request.model import CARD
from ...session.session import Session
from ...slurm.model import Node, Partition
from ...slurm.tres import tres_of_job
from .definitions import QUEUE_WAIT, SERVER_START

MAX_PAIRS, MAX_CREATED = 100, 60
"""Of partitions and types of GPUs, and as many of them before a session has had them; the others are counted together."""

OTHERS = ("other", "other")
NO_GPU = "none"
ANY_GPU = "any"
"""The label of a GPU of which neither the request nor Slurm tells the type."""

_OF_TYPE = "gres/gpu:"


class Pairs:
    """The pairs of a partition and a type of GPU that have rows of their own, in the order in which they became known."""

    def __init__(self, most: int = MAX_PAIRS) -> None:
        self._most = most
        self._known: dict[tuple[str, str], None] = {}

    def known(self, partition: str, gpu: str) -> tuple[str, str]:
        """Return the pair, which is known from now on; :data:`OTHERS` where there are too many."""
        pair = (partition, gpu)
        if pair not in self._known:
            if len(self._known) >= self._most:
                return OTHERS
            self._known[pair] = None
        return pair


_PAIRS = Pairs()  # as the registry, of the process


def create(pairs: Iterable[tuple[str, str]]) -> None:
    """Create the rows of the first pairs that Slurm has, so that each has one before its first session."""
    for pair in islice(pairs, MAX_CREATED):
        _rows(*_PAIRS.known(*pair))


def _rows(*pair: str) -> None:
    QUEUE_WAIT.labels(*pair)
    SERVER_START.labels(*pair)


def pairs_of(partitions: Iterable[Partition], nodes: Iterable[Node]) -> list[tuple[str, str]]:
    """Return what there may be sessions with: in each partition without a GPU, and with each type that its nodes have."""
    types: dict[str, set[str]] = {partition.name: set() for partition in partitions}
    for node in nodes:
        found = {gres.type or ANY_GPU for gres in node.gres if gres.name == "gpu"}
        for partition in node.partitions if found else ():
            if partition in types:
                types[partition] |= found
    return [(partition, gpu) for partition, found in types.items() for gpu in (NO_GPU, *sorted(found))]


def gpu_of(options: Mapping[str, Any], tres: str) -> str:
    """Return the type of GPU of a session: what its request says, else what Slurm has given it (``tres``, as squeue prints it)."""
    try:
        asked = parse_gpus(options.get("gpus", 0))
    except ValueError:
        asked = GpuRequest()
    if not asked.count:
        return NO_GPU
    given = (name.removeprefix(_OF_TYPE) for name, _number in tres_of_job(tres) if name.startswith(_OF_TYPE))
    return asked.type or str(options.get(CARD) or "").partition("/")[0] or next(given, ANY_GPU)


def server_started(session: Session, options: Mapping[str, Any]) -> None:
    """Measure a start whose server is known to listen now."""
    record = session.record
    if not (record.started and record.queued_at):
        return
    given = session.seen.tres if session.seen is not None else ""
    pair = _PAIRS.known(str(options.get("partition") or OTHERS[0]), gpu_of(options, given))
    QUEUE_WAIT.labels(*pair).observe(max(0, record.started - record.queued_at))
    SERVER_START.labels(*pair).observe(max(0.0, session.cluster.clock() - record.by_hubs_clock(record.started)))


_rows(*OTHERS)
