"""What is wrong around the Hub's own process. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...i18n import _
from .facts import HubFacts, SlurmFacts
from .findings import SHELL, Finding, error, listed, note, skipped, warning, well


def hub_user(facts: HubFacts) -> Iterator[Finding]:
    """The doctor sees what the Hub sees: it runs as the same user."""
    if facts.owner:
        yield note(
            "hub-user",
            _("The doctor runs as {user}, and the Hub’s files are {owner}’s.").format(user=facts.runs_as, owner=facts.owner),
            _("It sees and may do what {user} may, which can be more or less than the Hub.").format(user=facts.runs_as),
            _("Run it as the Hub’s user."),
            f"sudo -u {facts.owner} resource-form doctor",
            place=SHELL,
        )
    else:
        yield well("hub-user", _("The doctor runs as {user}; no file of the Hub’s is somebody else’s.").format(user=facts.runs_as))


def database(facts: HubFacts) -> Iterator[Finding]:
    """The Hub's database can be opened and has the tables of this JupyterHub."""
    if facts.database.startswith("jupyterhub upgrade-db"):
        yield error(
            "database",
            _("The Hub’s database is of another version of JupyterHub ({versions}).").format(versions=facts.database.partition(": ")[2]),
            _("The Hub does not start with it."),
            _("Make a copy of it, then upgrade it."),
            "jupyterhub upgrade-db",
            place=SHELL,
        )
    elif facts.database:
        yield error(
            "database",
            _("The Hub’s database cannot be opened: {why}").format(why=facts.database),
            _("The Hub does not start, or stores no session."),
            _("See to c.JupyterHub.db_url, to the server behind it, and to the rights of the file."),
        )
    elif facts.database_is_new:
        yield well("database", _("The Hub’s database is not there yet; the Hub will make it."))
    else:
        yield well("database", _("The Hub’s database can be opened."))


def proxy(facts: HubFacts) -> Iterator[Finding]:
    """The proxy's program is there."""
    if facts.proxy:
        yield error(
            "proxy",
            _("The proxy’s program {name} is not found.").format(name=facts.proxy),
            _("The Hub starts no proxy, and nobody reaches it."),
            _("Install it, or name it with its path."),
            "npm install -g configurable-http-proxy",
            place=SHELL,
        )
    else:
        yield well("proxy", _("The proxy’s program is there."))


def hub_url(facts: HubFacts, slurm: SlurmFacts | None) -> Iterator[Finding]:
    """Nodes call the Hub at an address that is theirs to reach."""
    elsewhere = [name for name, place in (slurm.places if slurm is not None else {}).items() if not place.is_here]
    lines = ('c.JupyterHub.hub_ip = "0.0.0.0"', 'c.JupyterHub.hub_connect_ip = "hub.cluster.example"')
    if facts.place.is_loopback and elsewhere:
        yield error(
            "hub-url",
            _("Nodes are told to call the Hub at {url}, which is their own address.").format(url=facts.api_url),
            _("Sessions start and cannot say so: each start fails after minutes. Nodes: {nodes}").format(nodes=listed(elsewhere)),
            _("Have the Hub listen on an address of this machine that nodes reach."),
            *lines,
        )
    elif not facts.place.is_known:
        yield error(
            "hub-url",
            _("The host of {url} has no address on this machine.").format(url=facts.api_url),
            _("Nodes are told to call the Hub there."),
            _("Name the Hub’s machine as nodes know it."),
            *lines,
        )
    else:
        yield well("hub-url", _("Nodes are told to call the Hub at {url}.").format(url=facts.api_url))


def hub_answers(facts: HubFacts) -> Iterator[Finding]:
    """Whether the Hub runs now; no fault if it does not."""
    if facts.answers is None:
        yield skipped("hub-answers", _("No Hub answers at {url}: it does not run now.").format(url=facts.api_url))
    else:
        yield well("hub-answers", _("The Hub answers (JupyterHub {version}).").format(version=facts.answers or "?"))


def hub_name(facts: HubFacts) -> Iterator[Finding]:
    """No other Hub on the cluster has this one's name."""
    if facts.strangers is None:
        yield skipped("hub-name", _("Whether two Hubs share a name is not known: {why}").format(why=facts.why_strangers_unknown))
    elif facts.strangers:
        jobs = listed([f"{number} ({user})" for number, user in facts.strangers])
        yield warning(
            "hub-name",
            _("Jobs carry the name {name} and are not this Hub’s: {jobs}").format(name=facts.hub_name, jobs=jobs),
            _("Two Hubs of one name take each other’s jobs for left over. Or this Hub has lost its cookie secret."),
            _("Give each Hub a name of its own."),
            f'c.SlurmCluster.hub_name = "{facts.hub_name}-2"',
        )
    else:
        yield well("hub-name", _("No other Hub’s jobs carry the name {name}.").format(name=facts.hub_name))
