"""What the doctor has read, before anybody judges it: frozen values, so that each check can be tried on what some site has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...accounting.qos import AccountingRecords
from ...request.model import SessionRequest
from ...slurm.model import Node, Partition, SlurmConfig


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """The configuration's file. ``error`` says why it cannot be read; then nothing else is known.

    ``wrong`` are settings whose values cannot be, in traitlets' words. ``unknown`` are settings that there are none of, each with one that
    is written nearly the same, or none. ``without_effect`` are settings that say nothing to this spawner, each with what to use instead.
    ``renamed`` are those under an older name of their section.
    """

    path: str
    error: str = ""
    wrong: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    without_effect: tuple[tuple[str, str], ...] = ()
    renamed: tuple[str, ...] = ()
    spawner_class: str = ""
    is_ours: bool = True
    cleanup_servers: bool = False
    concurrent_spawn_limit: int = 0


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the admin has written besides, and what the package brings. Errors are in words; empty for none.

    ``pages`` are what a site's pages take of ours, with whether that is an error. ``releases`` are how many the catalogue has and how many
    of them are tested and supported, None where it cannot be read. ``folders`` are the settings that name a folder, each with one that is
    none. ``commands`` are the settings that name a program, each with what is
    wrong with it.
    """

    pages: tuple[tuple[bool, str], ...] = ()
    folders: tuple[tuple[str, str], ...] = ()
    job_script: str = ""
    assets: str = ""
    catalogue: str = ""
    has_catalogue: bool = True
    releases: tuple[int, int] | None = None
    notices: str = ""
    form_file: str = ""
    commands: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """An address: its host, whether that can be resolved on this machine, is its own, or is the loopback's."""

    host: str
    is_known: bool = True
    is_here: bool = False
    is_loopback: bool = False


@dataclass(frozen=True, slots=True)
class HubFacts:
    """What is around the Hub's own process.

    ``api_url`` is where nodes call it, ``place`` that address, ``listens`` the one at which it listens. ``answers`` is the version that
    answered there, None where nobody does. ``database`` says what is wrong with it, ``database_is_new``: there is none yet. ``proxy`` is
    what is wrong with the proxy's program. ``owner`` is whose the Hub's files are, where that is somebody else than ``runs_as``.
    ``strangers`` are jobs that carry this Hub's name and that it has not submitted; None where nobody can tell, and
    ``why_strangers_unknown`` says why.
    """

    api_url: str
    place: Place
    listens: Place
    runs_as: str
    owner: str = ""
    answers: str | None = None
    database: str = ""
    database_is_new: bool = False
    proxy: str = ""
    hub_name: str = ""
    strangers: tuple[tuple[int, str], ...] | None = ()
    why_strangers_unknown: str = ""


@dataclass(frozen=True, slots=True)
class SlurmFacts:
    """What Slurm has answered; ``error`` says why it has not.

    ``missing`` are its commands that are not there, ``versions`` what each of the others prints of its version, all of it.
    ``ahead`` is how many seconds the controller's clock is ahead of ours, None where it does not say.
    ``accounting`` is None where the site keeps no accounts, ``accounting_error`` says why they cannot be read. ``hidden`` are the words of
    PrivateData that bind the Hub's user, as a warning of the Hub's at its start. ``unread`` are lists with rows or values that could not
    be read. ``places`` are the nodes' addresses, by their names, some of them.
    ``offered`` are the partitions that the service offers.
    """

    missing: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    configuration: SlurmConfig = field(default_factory=SlurmConfig)
    ahead: float | None = None
    nodes: tuple[Node, ...] = ()
    partitions: tuple[Partition, ...] = ()
    offered: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    accounting: AccountingRecords | None = None
    accounting_error: str = ""
    hidden: str = ""
    unread: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """Whether the controller has answered."""
        return not self.error and not self.missing


@dataclass(frozen=True, slots=True)
class SudoFacts:
    """The rule for sudo. ``is_needed``: the Hub is not root. ``precaution`` is what the Hub's log says of it at its start.

    ``tried`` are commands as a user: what it is, whether the rule must allow it, and whether it does; none where no user was named.
    ``reads_logs``: it also allows the reader of logs, which is there.
    """

    is_needed: bool = False
    is_there: bool = True
    precaution: str = ""
    tried: tuple[tuple[str, bool, bool], ...] = ()
    reads_logs: bool = True


@dataclass(frozen=True, slots=True)
class UserFacts:
    """A user, whose requests are tried. ``error`` says why there can be none.

    ``refusal`` is what Slurm says to the request that the form has by itself; ``passes_with`` is a line of the configuration with which it
    takes it. ``unreadable``: it takes it, in words that cannot be read.
    """

    name: str
    error: str = ""
    request: SessionRequest | None = None
    refusal: str = ""
    unreadable: bool = False
    passes_with: str = ""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What has become of the job. ``error`` says why nothing is known of its node; ``waited``: it waited for too long, with that reason.

    ``port`` is the one on which it was reached, None for none; ``tried`` the ports. ``ahead`` is by how many seconds the node's clock is
    ahead, None where it could not be read. ``home`` is what is wrong with the user's home there, ``same_home`` whether it is this one's,
    None where nobody can tell. ``hub`` is why the node cannot reach the Hub, empty where it does.
    """

    node: str = ""
    address: str = ""
    error: str = ""
    waited: str = ""
    port: int | None = None
    tried: tuple[int, ...] = ()
    ahead: float | None = None
    home: str = ""
    same_home: bool | None = None
    hub: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. What is None was not looked at: what it needs is not there, or nobody asked for it."""

    config: ConfigFacts
    site: SiteFacts | None = None
    hub: HubFacts | None = None
    slurm: SlurmFacts | None = None
    sudo: SudoFacts | None = None
    user: UserFacts | None = None
    job: JobFacts | None = None
