"""A Slurm that stops answering in the middle of everything: all that a page is made of ages together, and no check waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

from spawner.advice.service import CHECK_PATIENCE_SECONDS, PATIENCE_SECONDS, PricingSettings, advise, patience_of_open_page
from spawner.cluster.cluster import SlurmCluster
from spawner.request.choices import Choices
from tests.support import builders
from tests.support.fake_slurm import FakeSlurm, Trouble
from tests.support.session_rig import make_cluster, virtually

REFRESH_SECONDS = 20.0
"""So often an open page asks."""

ONE_CHECK_SECONDS = 1.0


class Page:
    """An open form: a check and the table, as the Hub answers them."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.slurm = FakeSlurm(self.loop)
        self.cluster: SlurmCluster = make_cluster(self.slurm)
        self.longest = 0.0

    async def check(self) -> Any:
        """What becomes of the default request."""
        begun, patience = self.loop.time(), patience_of_open_page(self.cluster)
        own = await self.cluster.entitlement("ada", patience=patience)
        choices = Choices(own, builders.catalogue(), now=self.cluster.clock())
        advice = await advise(self.cluster, choices, {"partition": "g100_int"}, PricingSettings(), patience=patience)
        self.longest = max(self.longest, self.loop.time() - begun)
        return advice

    async def is_table_old(self) -> bool:
        """Whether the table is marked."""
        return (await self.cluster.availability_for("ada", patience=patience_of_open_page(self.cluster))).stale

    async def parts(self) -> tuple[bool, bool, bool]:
        """Whether the verdict, the bars and the table say that nobody knows."""
        advice, table = await asyncio.gather(self.check(), self.is_table_old())
        bars = all(entry.overall.used is None for entry in advice.holdings)
        return advice.assessment.verdict.kind == "unknown", bars, table


def test_all_parts_age_together() -> None:
    """Within the second look of an open page nothing is green any more, and with the first answer all of it is known again."""

    async def scenario() -> None:
        page = Page()
        await page.parts()
        assert await page.parts() == (False, False, False)
        page.slurm.hang, page.longest = True, 0.0
        for _ in range(3):
            await asyncio.sleep(REFRESH_SECONDS)
            found = await page.parts()
            assert len(set(found)) == 1, found
        assert found == (True, True, True)
        assert page.longest <= ONE_CHECK_SECONDS
        page.slurm.hang = False
        for _ in range(4):
            await asyncio.sleep(REFRESH_SECONDS)
            found = await page.parts()
            assert len(set(found)) == 1, found
        assert found == (False, False, False)

    virtually(scenario)


def test_a_slow_slurm_is_no_silent_one() -> None:
    """Where each answer takes two seconds, an open page that nobody else keeps fresh says what it knows."""

    async def scenario() -> None:
        page = Page()
        await page.parts()
        page.slurm.delay = 2.0
        for _ in range(5):
            await asyncio.sleep(REFRESH_SECONDS)
            assert await page.parts() == (False, False, False)

    virtually(scenario)


def test_the_list_of_jobs_alone_is_old() -> None:
    """Who waits in front is part of the verdict."""

    async def scenario() -> None:
        page = Page()
        await page.parts()
        page.slurm.troubles.append(Trouble("squeue", hangs=True, times=100))
        for _ in range(3):
            await asyncio.sleep(REFRESH_SECONDS)
            verdict_is_unknown, bars_are_unknown, _table = await page.parts()
        assert verdict_is_unknown
        assert bars_are_unknown

    virtually(scenario)


def test_a_hub_that_has_just_begun() -> None:
    """A page waits longer until all that it asks for was answered once: that the nodes are known says nothing of the accounts."""

    async def scenario() -> None:
        page = Page()
        assert patience_of_open_page(page.cluster) == PATIENCE_SECONDS
        await page.cluster.nodes.get()
        assert patience_of_open_page(page.cluster) == PATIENCE_SECONDS
        await page.parts()
        assert patience_of_open_page(page.cluster) == CHECK_PATIENCE_SECONDS

    virtually(scenario)
