"""The address of a node of a cloud, which it gets while it boots: what Slurm said of it before does not count."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.newer_slurm import slurm_of

from tests.real.sites.cloud import OFF, SITES
from tests.support.conformance import Laboratory, laboratory
from tests.support.real_hub import needs_users
from tests.support.slurm_versions import MAIN

SITE = next(site for site in SITES if site.name == "cloud-booting")
BOOTING = ("grace: -p cloud -w c1 -c2", "grace: -p cloud -w c2 -c2")


@pytest.fixture(scope="module")
def there(installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Laboratory]:
    """The site whose nodes boot for ever."""
    needs_users(users, 3)
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    names = {"ada": users[0], "grace": users[1], "alan": users[2], "root": "root"}
    umask = os.umask(0o022)
    with laboratory(SITE, slurm_of(MAIN, installed), test_folder / "addresses", names, "") as there:
        yield there
    os.umask(umask)


def test_a_node_that_boots(there: Laboratory) -> None:
    """It was seen booting, with the address that slurm.conf has."""

    async def scenario() -> str:
        there.occupy(BOOTING)
        there.prepare(("wait c1 POWERING_UP",))
        there.product.nodes.expire()
        await there.product.nodes.get()
        there.prepare(("update NodeName=c1 NodeAddr=127.0.9.77",))
        return await there.product.node_address("c1")

    assert asyncio.run(scenario()) == "127.0.9.77"


def test_a_node_that_was_off(there: Laboratory) -> None:
    """It was not up when Slurm was asked last; Slurm 22.05 did not even show it."""

    async def scenario() -> str:
        there.occupy(())
        there.prepare(OFF[:1] if MAIN != "22.05" else OFF)
        there.product.nodes.expire()
        await there.product.nodes.get()
        there.occupy(BOOTING)
        there.prepare(("wait c2 POWERING_UP", "update NodeName=c2 NodeAddr=127.0.9.78"))
        return await there.product.node_address("c2")

    assert asyncio.run(scenario()) == "127.0.9.78"
