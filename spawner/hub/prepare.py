"""What a spawner hands to a job before Slurm has it: argv, script and environment, and the names that its certificate is good for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from jupyterhub.utils import url_escape_path, url_path_join

from ..accounting.qos import forced_qos
from ..availability.node_choice import node_choice_of
from ..errors import SessionFailed
from ..i18n import _
from ..job.home_links import links_of
from ..job.lab_extension import session_bar
from ..job.sbatch import PreparedJob, TagOfScript, job_environment, job_script, sbatch_arguments
from ..job.start_folder import start_folder_of
from ..request.model import SessionRequest
from ..request.release_rules import options_of_job
from ..request.shared_memory import given_to
from ..site.areas import parse_areas
from ..slurm.values import is_address
from .handlers.over import over_url
from .handlers.stop import stop_url
from .known import name_of
from .labels import labels_of
from .protocol import HubSpawner, StartingSpawner
from .sessions.options import display_name


async def prepared_job(
    spawner: StartingSpawner, request: SessionRequest, tagged: TagOfScript, home: str, *, certificates: Mapping[str, str]
) -> PreparedJob:
    """Return what is handed to sbatch for ``request`` of the spawner's user.

    Parameters
    ----------
    home
        The job's working directory.
    certificates
        Under ``internal_ssl`` the texts of the server's files (:func:`.job.sbatch.job_environment`); else empty.

    Raises
    ------
    SessionFailed
        The release has just been taken off the list.
    """
    catalogue = spawner.current_catalogue()
    release = catalogue.get(request.release)
    if release is None:
        raise SessionFailed(
            _("Release {release} was taken off the list. Choose another one.").format(release=request.release),
            log=f"release {request.release} was taken off the list",
        )
    memory = await spawner.cluster.memory_rule(request.partition)
    options = spawner.sbatch_options
    own = await spawner.cluster.entitlement(
        name_of(spawner.user), job_qos=forced_qos(options) or request.qos, whole_nodes=node_choice_of(options).whole
    )
    environment = job_environment(
        request,
        spawner.get_env(),
        command=[*spawner.cmd, *spawner.get_args()],
        interface=catalogue.interfaces[request.interface],
        ports=spawner.port_range,
        umask=spawner.job_umask,
        certificates=certificates,
        bar=_session_bar(spawner, request) if spawner.lab_extension else None,
        memory=memory,
        apps=catalogue.opened_in(release),
        links=links_of(spawner.home_links, account=request.account, user=name_of(spawner.user)),
        shared_memory=given_to(request, release),
        start_folder=start_folder_of(
            request.start_folder, parse_areas(spawner.start_folders), account=request.account, user=name_of(spawner.user)
        ),
    )
    script = await asyncio.to_thread(job_script, release, template_folders=spawner.template_paths, lab_extension=spawner.lab_extension)
    tag = tagged(script)
    argv = sbatch_arguments(
        request,
        tag,
        home=home,
        extra=options_of_job(request, release, own.partition(request.partition), options),
        memory=memory,
        gpu_option=spawner.cluster.gpu_option,
        qos=request.qos or own.qos_to_ask_for(request.partition, request.account),
    )
    return PreparedJob(argv, script, environment, tag)


def _session_bar(spawner: StartingSpawner, request: SessionRequest) -> dict[str, Any]:
    name = display_name(spawner.orm_spawner, request.options(), labels_of(spawner))
    hub = spawner.hub
    where = hub.public_host, hub.base_url, name_of(spawner.user), spawner.name
    form = url_path_join(hub.base_url, "spawn", spawner.user.escaped_name, url_escape_path(spawner.name))
    return session_bar(
        request,
        display_name=name,
        stop_url=stop_url(*where),
        over_url=over_url(*where),
        new_url=f"{hub.public_host}{form}",
        warn_minutes=spawner.warn_minutes,
    )


async def names_of_nodes(spawner: HubSpawner) -> list[str]:
    """Return what the server's certificate must be good for, as OpenSSL writes alternative names.

    The node is not known yet, so these are the names and addresses of all nodes that may be it.
    """
    partition = str((spawner.user_options or {}).get("partition") or "")
    nodes = (await spawner.cluster.nodes.get()).value
    names = {name for node in nodes if partition in node.partitions for name in (node.name, node.address)}
    names = names or {name for node in nodes for name in (node.name, node.address)}
    return [f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in sorted(names - {""})]
