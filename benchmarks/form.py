"""How long do the form, its table and the check take with 10,000 nodes, 200 partitions and 500 associations, and does the loop stall?

``python benchmarks/form.py``: a real spawner, SlurmCluster and event loop, in one process; Slurm's commands are those of
:mod:`large_cluster`. Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import pwd
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User
from large_cluster import LargeCluster
from timing import LoopWatch, Samples, table
from traitlets.config import Config

from spawner import ResourceFormSpawner, configure
from spawner.advice.service import PATIENCE_SECONDS, advise
from spawner.hub.apihandlers.check import check_answer
from spawner.hub.apihandlers.cluster import BETWEEN_NODES, around_nodes, cluster_answer
from spawner.hub.form.free import free_gpus
from spawner.hub.form.page import decision, usage_panel

LIMIT_MS = 50.0
FOR_EVER = 1e6
ANSWERS, MAX_GROWN = 10, 10_000
"""New answers about nodes, and the objects that may be left of all of them: fewer than there are nodes in one."""
PRESETS = [{"name": name, "label": name, "values": {"cores": cores, "memory": "8G"}} for name, cores in (("small", 1), ("large", 16))]
REQUESTS = {
    "now": {"partition": "cshort", "cores": 4, "memory": "8G", "gpus": "0", "walltime": "1:00:00"},
    "wait": {"partition": "hlong", "cores": 8, "memory": "64G", "gpus": "h100:8", "walltime": "4:00:00"},
    "never": {"partition": "ashort", "cores": 8, "memory": "64G", "gpus": "a100:32", "walltime": "4:00:00"},
}


class Clock:
    """The time of day, which can be moved on."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Bench:
    """One user's spawner on a Hub without a database file."""

    def __init__(self, folder: Path) -> None:
        name = pwd.getpwuid(os.geteuid()).pw_name
        LargeCluster(name, os.geteuid()).write(folder)
        config = Config()
        configure(config)
        config.ResourceFormSpawner.presets = PRESETS
        config.SlurmCluster.bin_dir = str(folder)
        for interval in ("nodes", "layout", "accounting", "jobs", "starting", "holdings"):
            config.SlurmCluster[f"{interval}_interval"] = FOR_EVER
        session = orm.new_session_factory("sqlite:///:memory:")()
        user = orm.User(name=name)
        session.add(user)
        session.commit()
        settings = {"spawner_class": ResourceFormSpawner, "config": config, "hub": Hub(base_url="/hub/"), "cookie_secret": b"secret"}
        self.spawner: Any = User(user, settings).spawner
        self.cluster = self.spawner.cluster
        self.clock = self.cluster.clock = Clock()
        self.cluster.views._clock = self.clock  # noqa: SLF001 - nothing but a benchmark moves it
        for shared in self.answers.values():
            shared._clock = self.clock  # noqa: SLF001
        self.html = self.table_html = ""

    @property
    def answers(self) -> dict[str, Any]:
        """What Slurm is asked, by name."""
        cluster = self.cluster
        return {
            "nodes": cluster.nodes,
            "jobs": cluster.jobs,
            "partitions": cluster.all_partitions,
            "reservations": cluster.reservations,
            "accounts": cluster.accounting,
            "holdings": cluster.holdings,
            "configuration": cluster.configuration,
        }

    async def form(self) -> None:
        self.html = await self.spawner.options_form_html()

    async def table(self) -> None:
        """As the open page fetches it."""
        self.table_html = await free_gpus(self.spawner, partition="ashort", patience=PATIENCE_SECONDS)

    async def check(self, kind: str) -> str:
        """As the open page asks, the pieces of HTML with it."""
        choices = await self.spawner.choices(patience=PATIENCE_SECONDS)
        advice = await advise(self.cluster, choices, REQUESTS[kind], await self.spawner.terms())
        answer = check_answer(advice, choices, now=time.time())
        answer |= {"panel": decision(advice, choices, self.spawner), "holding": usage_panel(advice, self.spawner)}
        assert answer["verdict"] == kind, (kind, answer["verdict"], answer["sentence"])
        return json.dumps(answer)

    async def state(self) -> str:
        """``GET /hub/api/resource-form/cluster``."""
        snapshot = await self.cluster.availability_for(self.spawner.user.name, patience=PATIENCE_SECONDS)

        def text() -> str:
            answer = cluster_answer(snapshot, now=time.time())
            before, after = around_nodes(answer)
            return before + BETWEEN_NODES.join(json.dumps(node) for node in answer["nodes"]) + after

        return await asyncio.to_thread(text)

    async def many_forms(self) -> None:
        await asyncio.gather(*(self.spawner.options_form_html() for _ in range(20)))

    async def after(self, *names: str) -> None:
        """A form, the first one after new answers to these questions."""
        for name in names:
            self.answers[name].expire()
        await self.form()

    async def objects_kept(self, answers: int) -> int:
        """By how many objects the Hub has grown after so many new answers about nodes and jobs."""
        counts = []
        for _ in range(1 + answers):
            self.clock.ahead += 20
            await self.after("nodes", "jobs")
            await self.table()
            gc.collect()
            counts.append(len(gc.get_objects()))
        return counts[-1] - counts[0]


async def measured(bench: Bench, rounds: int, cold_rounds: int) -> list[Samples]:
    """Every question, in turn, so that what else the machine does falls on all of them alike."""
    watch = LoopWatch()
    questions: dict[str, Callable[[], Awaitable[object]]] = {"form": bench.form, "table of the open form": bench.table}
    questions |= {f"check: {kind}": (lambda kind=kind: bench.check(kind)) for kind in REQUESTS}
    warm = {name: Samples(name, LIMIT_MS) for name in questions}
    questions |= {"state as JSON": bench.state, "20 forms at once": bench.many_forms}
    # Twenty that ask in the same moment have each their turn before anybody else has: that is no stall of one of them.
    warm |= {"state as JSON": Samples("state as JSON"), "20 forms at once": Samples("20 forms at once", may_stall=True)}
    first = Samples("first form of all")
    cold = {name: Samples(f"form after new {name}") for name in (*bench.answers, "everything")}
    await watch.measure(first, bench.form)
    unread = [name for name, query in bench.answers.items() if query.last is None or query.last.error]
    if unread:
        raise SystemExit(f"The cluster's answers about {', '.join(unread)} could not be read: nothing would be measured.")
    for question in questions.values():
        await question()
    for _ in range(rounds):
        for name, question in questions.items():
            await watch.measure(warm[name], question)
    for _ in range(cold_rounds):
        for name, samples in cold.items():
            bench.clock.ahead += 5  # Shared leaves some time between its questions
            names = tuple(bench.answers) if name == "everything" else (name,)
            await watch.measure(samples, lambda names=names: bench.after(*names))
    watch.close()
    warm["form"].note = f"{len(bench.html) / 1000:.0f} kB"
    warm["table of the open form"].note = f"{len(bench.table_html) / 1000:.0f} kB"
    warm["state as JSON"].note = f"{len(await bench.state()) / 1000:.0f} kB"
    for kind in REQUESTS:
        warm[f"check: {kind}"].note = f"{len(await bench.check(kind)) / 1000:.0f} kB"
    return [*warm.values(), first, *cold.values()]


async def everything(bench: Bench, rounds: int, cold_rounds: int) -> tuple[list[Samples], int]:
    return await measured(bench, rounds, cold_rounds), await bench.objects_kept(ANSWERS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--cold-rounds", type=int, default=5)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        rows, grown = asyncio.run(everything(Bench(Path(folder)), arguments.rounds, arguments.cold_rounds))
    text, kept = table(rows, LIMIT_MS)
    kept = kept and grown <= MAX_GROWN
    verdict = "All limits are kept." if kept else "A limit is exceeded."
    print(f"milliseconds; Python {sys.version.split()[0]}, {os.cpu_count()} cores\n\n{text}\n")
    print(f"{grown} more objects after {ANSWERS} new answers about 10,000 nodes (limit {MAX_GROWN})\n\n{verdict}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
