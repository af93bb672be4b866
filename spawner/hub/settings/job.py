"""What the admin may set of the jobs that sessions are: their options, and how long they may take."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict, HasTraits, Integer, List, TraitError, Unicode, default, validate

from ...job.home_links import check_links
from ..numbers import whole_number

LONGER_THAN_BOTH_SECONDS = 60
MAX_WARNINGS_OF_AN_END = 10


def ports_of(port_range: str) -> range:
    """Return the ports that a server may listen on, from ``"LOW-HIGH"``; all that there are, from an empty text.

    Raises
    ------
    ValueError
        It is not of this form, or they are no ports.
    """
    low, _dash, high = port_range.partition("-") if port_range else ("1", "-", "65535")
    last = whole_number(high, least=1, most=65535)
    first = whole_number(low, least=1, most=last or 0)
    if first is None or last is None:
        raise ValueError(f"{port_range!r} is no range of ports")
    return range(first, last + 1)


class JobSettings(HasTraits):
    """The traits of the job."""

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

    home_links = Dict(
        help="""
        Links to the site's storage areas that a session finds in its user's home: the link's name to the place to which it leads.
        ``$NAME`` is a variable of the session, as a module or ``/etc/profile`` sets it; ``{account}`` and ``{user}`` are the session's, in
        names too. A link is made as the user, where its target is there. A file, a folder or another link of that name stays; one that
        leads nowhere, or that an earlier session has made, is led to where it should.

        Default: none. Example: ``{"work": "$WORK", "scratch": "$CINECA_SCRATCH", "work_{account}": "/work/{account}"}``
        """,
    ).tag(config=True)

    job_umask = Unicode(
        "0022",
        help="The umask of the session, in octal digits: how files are protected that are made in it. Default: ``0022``",
    ).tag(config=True)

    queue_timeout = Integer(
        3600,
        help="Seconds that a job may wait in the queue before the start is given up and the job cancelled. Default: 3600.",
    ).tag(config=True)

    listen_timeout = Integer(
        300,
        help="Seconds that a job that runs may take until its server listens, before the start is given up. Default: 300.",
    ).tag(config=True)

    lab_extension = Bool(
        True,
        help="""
        Whether JupyterLab and Notebook show a bar with the session's name, job, node, GPUs, time left, and a button that stops it. The bar
        travels in the job's script; a release need not contain anything for it.

        Default: True. Example: False
        """,
    ).tag(config=True)

    warn_minutes = List(
        Integer(),
        default_value=[15, 5],
        help="""
        So many minutes before a session's time is up its user is warned: on the home page, and by the browser of whoever wants that.

        Default: ``[15, 5]``; empty for no warning. Example: ``[60, 10]``
        """,
    ).tag(config=True)

    start_timeout = Integer(
        help="""
        Seconds after which JupyterHub itself gives up. Below :attr:`queue_timeout` plus :attr:`listen_timeout` it would end a start
        before they do, without their sentence; the log says so.

        Default: a minute more than the two together, 3960.
        """,
    ).tag(config=True)

    poll_interval = Integer(
        10,
        help="""
        Seconds after which the Hub looks again whether the session lives. A look costs nothing: it reads the list of jobs that all
        sessions share, whose age is :attr:`SlurmCluster.jobs_interval`. Default: 10.
        """,
    ).tag(config=True)

    @default("start_timeout")
    def _default_start_timeout(self) -> int:
        return int(self.queue_timeout + self.listen_timeout + LONGER_THAN_BOTH_SECONDS)

    @validate("warn_minutes")
    def _check_warn_minutes(self, proposal: Any) -> list[int]:
        if not all(minutes > 0 for minutes in proposal["value"]) or len(proposal["value"]) > MAX_WARNINGS_OF_AN_END:
            raise TraitError(f"ResourceFormSpawner.warn_minutes: at most {MAX_WARNINGS_OF_AN_END} numbers of minutes above 0 are needed")
        return sorted(set(proposal["value"]), reverse=True)

    @validate("sbatch_options")
    def _check_sbatch_options(self, proposal: Any) -> Any:
        for option in proposal["value"]:
            if not option.startswith("--") or "\n" in option or "\0" in option:
                raise TraitError(f"ResourceFormSpawner.sbatch_options: {option!r} is not of the form --name=value")
        return proposal["value"]

    @validate("home_links")
    def _check_home_links(self, proposal: Any) -> Any:
        try:
            check_links(proposal["value"])
        except ValueError as error:
            raise TraitError(f"ResourceFormSpawner.home_links: {error}") from error
        return proposal["value"]

    @validate("port_range")
    def _check_port_range(self, proposal: Any) -> str:
        text = str(proposal["value"])
        try:
            ports_of(text)
        except ValueError:
            raise TraitError(f"ResourceFormSpawner.port_range: {text!r} is not of the form LOW-HIGH, two ports") from None
        return text
