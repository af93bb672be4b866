"""All checks in the order in which they are told, and what stands in their place where nothing is known. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...i18n import _
from . import check_cluster, check_config, check_hub, check_job, check_slurm, check_user
from .facts import Facts, SlurmFacts
from .findings import Finding, skipped

OF_CONFIG = (
    check_config.values,
    check_config.names,
    check_config.effect,
    check_config.spawner_class,
    check_config.hub_settings,
)
OF_SITE = (
    check_config.templates,
    check_config.folders,
    check_config.job_script,
    check_config.assets,
    check_config.catalogue,
    check_config.notices,
    check_config.form_file,
    check_config.site_commands,
)
OF_CONTROLLER: tuple[Callable[[SlurmFacts], Iterator[Finding]], ...] = (
    check_slurm.version,
    check_slurm.clock,
    check_slurm.accounting,
    check_slurm.private_data,
    check_cluster.cloud_nodes,
    check_cluster.partitions,
    check_cluster.nodes,
    check_cluster.allow_accounts,
    check_cluster.part_limits,
    check_cluster.select_type,
    check_cluster.memory,
    check_cluster.memory_spec_limit,
    check_cluster.kept_environments,
    check_cluster.gpu_accounting,
)


def judged(facts: Facts) -> Iterator[Finding]:
    """Yield what each check finds, or that all is well with what it looks at: at least one finding a check that could be made."""
    yield from check_config.loads(facts.config)
    if facts.config.error:
        return
    for of_config in OF_CONFIG:
        yield from of_config(facts.config)
    if facts.site is not None:
        for of_site in OF_SITE:
            yield from of_site(facts.site)
    yield from _of_hub(facts)
    yield from _of_slurm(facts)
    yield from _of_job(facts)


def _of_hub(facts: Facts) -> Iterator[Finding]:
    if facts.hub is None:
        return
    yield from check_hub.hub_user(facts.hub)
    yield from check_hub.database(facts.hub)
    yield from check_hub.proxy(facts.hub)
    yield from check_hub.hub_url(facts.hub, facts.slurm)
    yield from check_hub.hub_answers(facts.hub)
    yield from check_hub.hub_name(facts.hub)


def _of_slurm(facts: Facts) -> Iterator[Finding]:
    slurm = facts.slurm
    if slurm is None:
        return
    yield from check_slurm.commands(slurm)
    if slurm.missing:
        return
    yield from check_slurm.answers(slurm)
    if facts.sudo is not None:
        yield from check_user.sudo(facts.sudo)
    if not slurm.is_there:
        return
    yield from check_slurm.wrappers(slurm)
    for of_controller in OF_CONTROLLER:
        yield from of_controller(slurm)
    yield from check_user.user(facts.user)
    yield from check_user.submit(facts.user, check_cluster.environment_plugins(slurm))


def _of_job(facts: Facts) -> Iterator[Finding]:
    if facts.job is None:
        yield skipped("job", _("No job has looked around on a node: that takes --job."))
        return
    yield from check_job.ran(facts.job)
    if not facts.job.error and not facts.job.waited:
        yield from check_job.port(facts.job)
        yield from check_job.hub(facts.job, facts.hub)
        yield from check_job.clock(facts.job)
        yield from check_job.home(facts.job)
