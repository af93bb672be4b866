"""What an admin may set of :class:`spawner.ResourceFormSpawner`, apart from what it has of its base classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import Callable, Dict, HasTraits, Integer, List, TraitError, Unicode, Union, validate

from .choices import parse_policies


class SpawnerSettings(HasTraits):
    """The traits of the spawner, checked when they are set."""

    catalogue_file = Unicode(
        "",
        help="""
        The YAML file that lists the releases of software; read again when it changes.

        Empty (the default): :attr:`catalogue` is used. Example: ``"/etc/jupyterhub/releases.yaml"``
        """,
    ).tag(config=True)

    catalogue = Dict(
        help="""
        The releases of software, as in :attr:`catalogue_file`, where that is empty.

        Default: one release that takes jupyterhub-singleuser from the PATH of the node. Example::

            {"releases": [{"tag": "2026.10", "date": "2026-10-01", "path": "/opt/jupyter/2026.10/bin"}]}
        """,
    ).tag(config=True)

    fields = Union(
        [Dict(), Callable()],
        help="""
        How the admin narrows, presets or locks the fields of the form: field name to a dictionary with any of ``default``,
        ``choices``, ``minimum``, ``maximum``, ``locked``, ``hidden``, ``label``, ``help``. Values are written as a user types them.

        May be a function of the spawner that returns such a dictionary. Default: nothing is narrowed. Example::

            {"memory": {"default": "16G", "maximum": "128G"}, "partition": {"choices": ["g100_int"]}}
        """,
    ).tag(config=True)

    hub_name = Unicode(
        "jupyterhub",
        help="""
        What this Hub calls itself in the comment of its jobs, so that two Hubs on one cluster tell theirs apart.

        Default: ``"jupyterhub"``
        """,
    ).tag(config=True)

    sbatch_options = List(
        Unicode(),
        help="""
        Options that every job gets on top of the form's, each as one ``--name=value``; they win over the form's.

        Default: none. Example: ``["--qos=interactive", "--constraint=v100"]``
        """,
    ).tag(config=True)

    port_range = Unicode(
        "",
        help="""
        The ports of the compute node that the server may listen on, ``"LOW-HIGH"``, for sites with a firewall in between.

        Empty (the default): any free port. Example: ``"20000-20999"``
        """,
    ).tag(config=True)

    job_umask = Unicode(
        "0022",
        help="The umask of the session, in octal digits: how files are protected that are made in it. Default: ``0022``",
    ).tag(config=True)

    template_paths = List(
        Unicode(),
        help="""
        Folders that are searched for our templates before our own: ``resource_form/form.html``, ``resource_form/job_script.sh``, …

        A template there may extend ours as ``ours/resource_form/…``. Default: none. Example: ``["/etc/jupyterhub/templates"]``
        """,
    ).tag(config=True)

    support_text = Unicode(
        "",
        help="""
        One sentence at the foot of the form that says where to ask for help. Plain text.

        Default: none. Example: ``"Questions: superc@example.org"``
        """,
    ).tag(config=True)

    queue_timeout = Integer(
        3600,
        help="Seconds that a job may wait in the queue before the start is given up and the job cancelled. Default: 3600.",
    ).tag(config=True)

    listen_timeout = Integer(
        300,
        help="Seconds that a job that runs may take until its server listens, before the start is given up. Default: 300.",
    ).tag(config=True)

    start_timeout = Integer(
        3600 + 300 + 60,
        help="""
        Seconds after which JupyterHub itself gives up. Keep it above :attr:`queue_timeout` plus :attr:`listen_timeout`,
        which end a start with a better sentence. Default: 3960.
        """,
    ).tag(config=True)

    poll_interval = Integer(
        10,
        help="""
        Seconds after which the Hub looks again whether the session lives. A look costs nothing: it reads the list of jobs that all
        sessions share, whose age is :attr:`Cluster.jobs_interval`. Default: 10.
        """,
    ).tag(config=True)

    @validate("fields")
    def _check_fields(self, proposal: Any) -> Any:
        if isinstance(proposal["value"], Mapping):
            try:
                parse_policies(proposal["value"])
            except ValueError as error:
                raise TraitError(str(error)) from error
        return proposal["value"]

    @validate("sbatch_options")
    def _check_sbatch_options(self, proposal: Any) -> Any:
        for option in proposal["value"]:
            if not option.startswith("--") or "\n" in option or "\0" in option:
                raise TraitError(f"ResourceFormSpawner.sbatch_options: {option!r} is not of the form --name=value")
        return proposal["value"]

    @validate("port_range")
    def _check_port_range(self, proposal: Any) -> str:
        text = str(proposal["value"])
        low, _, high = text.partition("-")
        if text and not (low.isdigit() and high.isdigit() and 1 <= int(low) <= int(high) <= 65535):
            raise TraitError(f"ResourceFormSpawner.port_range: {text!r} is not of the form LOW-HIGH, two ports")
        return text
