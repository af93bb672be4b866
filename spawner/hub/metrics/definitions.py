"""Every counter and histogram of ours at ``/hub/metrics``, with all its labels from the start: ``docs/metrics.md`` tells admins of them.

They are the library's: one registry for each process, whatever Hubs run in it. What is read when somebody looks (the numbers of sessions,
the ages of answers) is in :mod:`..background.gauges`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import get_args

from jupyterhub.metrics import metrics_prefix
from prometheus_client import Counter, Histogram

from ...bounds import Bounds
from ...errors import ResourceFormError
from ...session.outcome import CATEGORIES, Category
from ...slurm.runner import COMMANDS, OTHER, OUTCOMES

SUBSYSTEM = "resource_form"

SCHEDULED_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)
SERVER_SECONDS = (2.5, 5, 10, 15, 20, 30, 60, 120, 300, 600)
PROCESS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
ANSWER_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def _counter(name: str, words: str, *labels: str) -> Counter:
    return Counter(name, words, labels, namespace=metrics_prefix, subsystem=SUBSYSTEM)


def _histogram(name: str, words: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, words, labels, namespace=metrics_prefix, subsystem=SUBSYSTEM, buckets=buckets)


REFUSED = _counter("refused", "What was over a bound of c.ResourceFormBounds and was refused.", "bound")
UNREAD = _counter("unread", "Rows and values of Slurm's answers that could not be read.", "list", "what")
QUEUE_WAIT = _histogram(
    "queue_wait_seconds", "From a job's submission to its start, by Slurm's clock.", SCHEDULED_SECONDS, "partition", "gpu"
)
SERVER_START = _histogram(
    "server_start_seconds", "From a job's start until its server was known to listen.", SERVER_SECONDS, "partition", "gpu"
)
ENDED = _counter("ended_sessions", "Sessions that are over, by why, as it was known at once.", "category")
FAILED_STARTS = _counter("failed_starts", "Starts that were refused or failed, by why.", "reason")
COMMANDS_RUN = _counter("commands", "Commands that were run, Slurm's and others, by how they ended.", "command", "outcome")
COMMAND_SECONDS = _histogram("command_seconds", "How long a command ran.", PROCESS_SECONDS, "command")
FORM_SECONDS = _histogram("form_seconds", "How long it took to make the form.", ANSWER_SECONDS)
CHECK_SECONDS = _histogram("check_seconds", "How long it took to judge a request while its user chooses.", ANSWER_SECONDS)

LISTS = (
    *("accounts", "users", "QOS", "what is held", "slurmdbd's configuration", "its configuration", "nodes", "jobs", "comments"),
    *("partitions", "reservations", "licences", "ended jobs", "what jobs use"),
)
"""Slurm's answers by the names under which :mod:`.cluster` reads them."""


def reasons() -> Iterator[str]:
    """Give every label that an error can have, those of ends of jobs among them, and :data:`.runner.OTHER` for one that is not known."""
    waiting: list[type[ResourceFormError]] = [ResourceFormError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        yield kind.label
    yield from (state.lower() for state in CATEGORIES)
    yield OTHER


REASONS = frozenset(reasons())


def _create_all() -> None:
    """Every combination of labels that is known before anything happens: a rate needs a beginning."""
    for bound in fields(Bounds):
        REFUSED.labels(bound.name)
    for name in LISTS:
        for what in ("rows", "values"):
            UNREAD.labels(name, what)
    for category in get_args(Category):
        ENDED.labels(category)
    for reason in REASONS:
        FAILED_STARTS.labels(reason)
    for command in COMMANDS:
        COMMAND_SECONDS.labels(command)
        for outcome in OUTCOMES:
            COMMANDS_RUN.labels(command, outcome)


_create_all()
