"""What a job has seen on its node. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...i18n import _
from .check_slurm import CLOCK_SECONDS
from .facts import HubFacts, JobFacts
from .findings import Finding, error, listed, note, skipped, warning, well


def ran(facts: JobFacts) -> Iterator[Finding]:
    """The job ran, and told."""
    if facts.error:
        yield error(
            "job",
            _("The job told nothing: {why}").format(why=facts.error),
            _("Sessions fail in the same way."),
            _("Look at slurmd’s log on the node."),
        )
    elif facts.waited:
        yield warning(
            "job",
            _("The job still waited, and was cancelled: {reason}").format(reason=facts.waited),
            _("Nothing is known of the nodes."),
            _("Try again with a longer --wait, or when a node is free."),
        )
    else:
        yield well("job", _("A job ran on {node}.").format(node=facts.node))


def port(facts: JobFacts) -> Iterator[Finding]:
    """The Hub's machine reaches a port of the node."""
    if facts.port is not None:
        yield well(
            "job-port", _("{node} is reached at {address}, port {port}.").format(node=facts.node, address=facts.address, port=facts.port)
        )
        return
    reached = listed(map(str, facts.tried)) or _("none is free")
    yield error(
        "job-port",
        _("{node} is not reached at {address} (ports {ports}).").format(node=facts.node, address=facts.address, ports=reached),
        _("The proxy cannot lead users to their sessions: each start fails once the server listens."),
        _("Let the Hub’s machine reach the nodes in the firewall, or say which ports it does reach."),
        'c.ResourceFormSpawner.port_range = "20000-20999"',
    )


def hub(facts: JobFacts, here: HubFacts | None) -> Iterator[Finding]:
    """The node reaches the Hub."""
    if not facts.hub:
        yield well("job-hub", _("{node} reaches the Hub.").format(node=facts.node))
    elif here is not None and here.answers is None:
        yield skipped("job-hub", _("Whether nodes reach the Hub is not known: it does not run now."))
    else:
        yield error(
            "job-hub",
            _("{node} does not reach the Hub at {url}: {why}").format(
                node=facts.node, url=here.api_url if here is not None else "?", why=facts.hub
            ),
            _("Sessions start and cannot say so: each start fails after minutes."),
            _("Let nodes reach that port in the firewall, and have the Hub listen on that address."),
            'c.JupyterHub.hub_ip = "0.0.0.0"',
            'c.JupyterHub.hub_connect_ip = "hub.cluster.example"',
        )


def clock(facts: JobFacts) -> Iterator[Finding]:
    """The node's clock and this machine's agree."""
    if facts.ahead is None:
        yield skipped("job-clock", _("The node’s clock could not be read."))
    elif abs(facts.ahead) > CLOCK_SECONDS:
        yield warning(
            "job-clock",
            _("The clock of {node} and this machine’s are {seconds} s apart.").format(node=facts.node, seconds=abs(round(facts.ahead))),
            _("What sessions say of times is wrong, and their last minutes may come without a warning."),
            _("Have both follow the same time servers."),
        )
    else:
        yield well("job-clock", _("The clock of {node} agrees with this machine’s.").format(node=facts.node))


def home(facts: JobFacts) -> Iterator[Finding]:
    """The user's home is there, and is the same one."""
    if facts.home:
        yield error(
            "job-home",
            _("The user’s home cannot be used on {node}: {why}").format(node=facts.node, why=facts.home),
            _("Sessions write their log there, and users their work."),
            _("Mount the homes on the nodes, and make the user known there."),
        )
    elif facts.same_home is False:
        yield note(
            "job-home",
            _("The user’s home on {node} is not the one of the Hub’s machine.").format(node=facts.node),
            _("The pages cannot show the logs of sessions."),
            _("Mount the nodes’ homes on the Hub’s machine, if logs are to be shown."),
        )
    else:
        yield well("job-home", _("The user’s home is there on {node}.").format(node=facts.node))
