"""What is wrong with Slurm, or with how it is reached. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...i18n import _
from .facts import SlurmFacts
from .findings import SHELL, Finding, error, listed, note, skipped, warning, well

OLDEST = (21, 8)
CLOCK_SECONDS = 5.0
"""So far may two clocks be apart before what the pages say of times looks wrong."""
MUNGE_SECONDS = 300.0
"""Beyond which munge takes no credential (munged(8), --ttl)."""

_VERSION = re.compile(r"slurm(?:-\S+)? ([0-9]+)\.([0-9]+)(?:\.([0-9]+))?\S*", re.ASCII)


def commands(facts: SlurmFacts) -> Iterator[Finding]:
    """Slurm's commands are where they are looked for."""
    if facts.missing:
        yield error(
            "slurm-commands",
            _("Slurm’s commands are not found: {names}").format(names=listed(facts.missing)),
            _("The Hub knows Slurm by its commands alone."),
            _("Install Slurm’s client commands on the Hub’s machine, or say where they are."),
            'c.SlurmCluster.bin_dir = "/opt/slurm/bin"',
        )
    else:
        yield well("slurm-commands", _("Slurm’s commands are there."))


def wrappers(facts: SlurmFacts) -> Iterator[Finding]:
    """The commands print what Slurm prints, and nothing else."""
    odd = [name for name, said in facts.versions.items() if not _VERSION.fullmatch(said.strip())]
    if odd:
        said = " ".join(facts.versions[odd[0]].split())[:120]
        yield warning(
            "wrappers",
            _("Something in front of {names} prints more than Slurm does: {said}").format(names=listed(odd), said=said),
            _("Most of it is passed over; but what stands between Slurm’s lines can hide a job, or the words of a refusal."),
            _("Take the notice out, or let the Hub call Slurm’s own programs."),
            'c.SlurmCluster.bin_dir = "/usr/lib/slurm/bin"',
        )
    elif facts.unread:
        yield warning(
            "wrappers",
            _("Parts of Slurm’s answers cannot be read: {names}").format(names=listed(facts.unread)),
            _("What cannot be read counts as unknown."),
            _("Send us what Slurm prints here: it has no names in it."),
            "resource-form capture",
            place=SHELL,
        )
    else:
        yield well("wrappers", _("Slurm’s commands print what Slurm prints."))


def answers(facts: SlurmFacts) -> Iterator[Finding]:
    """The controller answers."""
    if facts.error:
        yield error(
            "slurm",
            _("Slurm does not answer: {why}").format(why=facts.error),
            _("No form can be shown, and no session starts."),
            _("See whether slurmctld runs, and whether this machine has its slurm.conf and munge key."),
            "scontrol ping",
            place=SHELL,
        )
    else:
        number = len(facts.nodes)
        cluster = facts.configuration.cluster_name
        yield well("slurm", _("Slurm answers: the cluster {name}, {number} nodes.").format(name=cluster, number=number))


def version(facts: SlurmFacts) -> Iterator[Finding]:
    """Slurm is of a version that this package knows, and the commands are not newer than the controller."""
    found = facts.configuration.version
    there = ".".join(map(str, found)) or "?"
    here = [_VERSION.fullmatch(said.strip()) for said in facts.versions.values()]
    newest = max(((int(match[1]), int(match[2])) for match in here if match), default=())
    if found and found[:2] < OLDEST:
        yield warning(
            "slurm-version",
            _("Slurm {version} is older than what this package is tested with.").format(version=there),
            _("What it prints may not be read in full."),
            _("Take Slurm 21.08 or newer."),
        )
    elif found and newest > found[:2]:
        yield warning(
            "slurm-version",
            _("The commands here are of Slurm {here}, the controller is {there}.").format(here=".".join(map(str, newest)), there=there),
            _("A controller understands older commands, never newer ones."),
            _("Install the controller’s version on the Hub’s machine."),
        )
    else:
        yield well("slurm-version", _("Slurm is {version}.").format(version=there))


def clock(facts: SlurmFacts) -> Iterator[Finding]:
    """The controller's clock and this machine's agree."""
    if facts.ahead is None:
        yield skipped("clock", _("The controller does not say what time it has."))
    elif abs(facts.ahead) > CLOCK_SECONDS:
        kind = error if abs(facts.ahead) > MUNGE_SECONDS else warning
        yield kind(
            "clock",
            _("The controller’s clock and this machine’s are {seconds} s apart.").format(seconds=abs(round(facts.ahead))),
            _("Times on the pages are wrong; with five minutes between them munge lets no command through."),
            _("Have both follow the same time servers."),
            "chronyc tracking",
            place=SHELL,
        )
    else:
        yield well("clock", _("The controller’s clock agrees with this machine’s."))


def accounting(facts: SlurmFacts) -> Iterator[Finding]:
    """Accounts can be read."""
    if facts.accounting_error:
        yield error(
            "accounting",
            _("Accounts cannot be read: {why}").format(why=facts.accounting_error),
            _("Who may charge what is not known."),
            _("See whether slurmdbd runs."),
            "sacctmgr ping",
            place=SHELL,
        )
    elif facts.accounting is None:
        yield note(
            "accounting",
            _("This Slurm keeps no accounts."),
            _("The form has no account, and there are no limits, prices or budgets."),
            _("Nothing, if that is meant. Otherwise set up slurmdbd."),
            "AccountingStorageType=accounting_storage/slurmdbd",
            place="slurm.conf",
        )
    elif facts.accounting.is_substitute:
        yield warning(
            "accounting",
            _("slurmdbd does not answer: the accounts are those that slurmctld remembers."),
            _("Limits, QOS and default accounts are not known."),
            _("See whether slurmdbd runs."),
            "sacctmgr ping",
            place=SHELL,
        )
    else:
        enforced = facts.configuration.get("AccountingStorageEnforce") or "none"
        yield well("accounting", _("Accounts can be read (AccountingStorageEnforce={value}).").format(value=enforced))


def private_data(facts: SlurmFacts) -> Iterator[Finding]:
    """Slurm shows the Hub what it needs."""
    if facts.hidden:
        yield warning(
            "private-data",
            facts.hidden.partition(". ")[0] + ".",
            _("What is hidden counts as unknown: nodes seem free, accounts are missing, ended sessions are not noticed."),
            facts.hidden.partition(". ")[2] or _("See docs/hardening.md."),
            "sacctmgr modify user jupyterhub set AdminLevel=Operator",
            place=SHELL,
        )
    else:
        value = facts.configuration.get("PrivateData") or "none"
        yield well("private-data", _("Slurm hides nothing that the Hub needs (PrivateData={value}).").format(value=value))
