"""Sites of every kind, each a real cluster: what we say of a request equals what Slurm does with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.newer_slurm import SLURMS, slurm_of

from tests.support.conformance import Report, try_site
from tests.support.conformance_table import above_the_bar, record, total
from tests.support.real_hub import needs_users
from tests.support.slurm_sites import SlurmSite
from tests.support.slurm_versions import EVERY_SITE_ON_ALL, MAIN, READ

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith(("test_", "_")))
SITES: tuple[SlurmSite, ...] = tuple(site for name in MODULES for site in import_module(f"tests.real.sites.{name}").SITES)
"""Those of every module beside this one."""

SEED = os.environ.get("RESOURCE_FORM_SEED", "20261129")
AT_ONCE = 4
"""Sites mostly wait for Slurm."""


def versions_of(number: int, site: SlurmSite) -> tuple[str, ...]:
    """Where the nth site is tried: on the main version, each second one on another, too; where its rule differs, on all it is about."""
    if EVERY_SITE_ON_ALL or site.by_version or len(READ) == 1:
        return tuple(version for version in READ if version in site.slurms)
    others = [version for version in SLURMS if version != MAIN and version in site.slurms]
    another = others[number % max(1, len(others)) :][:1] if number % 4 in (1, 2) or MAIN not in site.slurms else []
    return tuple(version for version in (MAIN, *another) if version in site.slurms)


CASES = [(site, slurm) for number, site in enumerate(SITES) for slurm in versions_of(number, site)]


@pytest.fixture(scope="module")
def reports(
    installed: Path, test_folder: Path, users: tuple[str, ...], request: pytest.FixtureRequest
) -> Iterator[dict[tuple[str, str], Future[Report]]]:
    """Every site under every Slurm that it is about, some at a time, in the order of the tests; of those that are chosen by ``-k``."""
    chosen = {item.name.partition("[")[2].rstrip("]") for item in request.session.items}
    needs_users(users, 3)
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    names = {"ada": users[0], "grace": users[1], "alan": users[2], "root": "root"}
    slurms = {version: slurm_of(version, installed) for version in READ}
    umask = os.umask(0o022)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (site.name, slurm): pool.submit(try_site, site, slurm, slurms[slurm], test_folder / f"site{number}", names, SEED)
            for number, (site, slurm) in enumerate(CASES)
            if f"{site.name}-{slurm}" in chosen
        }
        pool.shutdown(cancel_futures=True)
    os.umask(umask)


@pytest.mark.parametrize(("described", "slurm"), CASES, ids=[f"{site.name}-{slurm}" for site, slurm in CASES])
def test_what_is_said_is_what_slurm_does(
    reports: dict[tuple[str, str], Future[Report]],
    described: SlurmSite,
    slurm: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Each request of the site, and some that are drawn from what its form offers."""
    report = reports[described.name, slurm].result()
    record(record_property, report.counts)
    problems = report.problems if report.trials else [*report.failures, "nothing was tried"]
    if problems:
        pytest.fail("\n".join([f"{described.about}:", *problems]), pytrace=False)


def test_the_bar(reports: dict[tuple[str, str], Future[Report]]) -> None:
    """Of all sites together, on each version: less than 1 % of "now" is wrong, less than 5 % of "wait", and no "never"."""
    counts = [report.result().counts for report in reports.values()]
    wrong = [line for slurm in READ for line in above_the_bar(total((row for row in counts if row.slurm == slurm), "all sites", slurm))]
    assert not wrong, "\n".join(wrong)
