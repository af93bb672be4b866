"""A request becomes a job: sbatch's argv, the script on its standard input, the environment.

Values of the user reach sbatch as one argv token each, and the job as environment variables; never as text in the script
(``#SBATCH`` lines are split at blanks). Secrets are in the environment only: argv is stored as SubmitLine.
docs/slurm-facts.md#script-and-arguments has both.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import shlex
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from .._data import folder
from ..availability.demand import AS_ASKED, MemoryRule
from ..request.gpus import GpuRequest
from ..request.model import SessionRequest
from ..request.variables import MASK, looks_secret
from ..site.interfaces import Interface
from ..site.release import Release
from ..units import format_walltime
from .apps import servers_of
from .lab_extension import with_lab_extension

COMMENT_PREFIX = "jupyterhub"
FOR_THE_SERVER = "RESOURCE_FORM_SET_"
"""In front of the name of each of the user's variables, so that it acts neither on sbatch nor on a shell: the launcher takes it off."""
_PART = r"([A-Za-z0-9@.%_~-]*)"
_TAG = re.compile(rf"(?:^|(?<=[^A-Za-z0-9@.%_~:-])){COMMENT_PREFIX}:{_PART}:{_PART}:{_PART}:{_PART}(?=$|[^A-Za-z0-9@.%_~:-])", re.ASCII)
PARTS, OLDER_PARTS = 5, 4
"""Of a nonce; those of versions before the script's digest was in it have one less."""
JOB_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Tag:
    """What identifies a job as a session of ours: Hub, user, server ("" is the default server), and a nonce of this start."""

    hub: str
    user: str
    server: str
    nonce: str

    @property
    def job_name(self) -> str:
        """``jupyterhub`` for the default server, ``jupyterhub-NAME`` for a named one, in characters that any tool can print."""
        safe = re.sub(r"[^A-Za-z0-9_.-]", "_", self.server)
        return f"jupyterhub-{safe}" if safe else "jupyterhub"

    @property
    def comment(self) -> str:
        """``jupyterhub:HUB:USER:SERVER:NONCE``, each part percent-encoded, so that it can be taken apart again."""
        parts = (self.hub, self.user, self.server, self.nonce)
        return ":".join((COMMENT_PREFIX, *(urllib.parse.quote(part, safe="@.-_") for part in parts)))

    @classmethod
    def parse(cls, comment: str) -> Tag | None:
        """Read the tag in a job's comment, whatever a site's plugin has put before it or behind it; None if there is none of ours."""
        found = _TAG.search(comment)
        return None if found is None else cls(*map(urllib.parse.unquote, found.groups()))


TagOfScript = Callable[[str], Tag]
"""Makes the tag of a job with this script."""


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """What is handed to sbatch: its argv, the script on its standard input, its environment; and the tag that stands in the argv."""

    argv: tuple[str, ...]
    script: str
    environment: Mapping[str, str]
    tag: Tag

    @property
    def command(self) -> str:
        """The command as one would type it."""
        return shlex.join(self.argv)

    @property
    def shown_environment(self) -> dict[str, str]:
        """The environment by name, without what looks secret (:func:`.variables.looks_secret`), or will be: a look has no token yet."""
        return {name: MASK if looks_secret(name, value or "-") else value for name, value in sorted(self.environment.items())}


def signing_key(secret: bytes | str) -> bytes:
    """Return the key with which a Hub signs its tags, made from its cookie secret: that outlives its database."""
    return hmac.digest(secret.encode() if isinstance(secret, str) else secret, b"jupyterhub-resource-form: the tags of jobs", "sha256")


def new_tag(hub: str, user: str, server: str, script: str, *, token: str, key: bytes, clock: Callable[[], float]) -> Tag:
    """Make the tag of a start that begins now, by ``clock`` (seconds since the epoch), and hands ``script`` to Slurm.

    Its nonce has five parts: the time, 16 random digits that no two starts share, 32 digits each of the SHA-256 of the start's token and
    of its script, and a signature over all that is in the tag. Neither can be had from it; but a Hub that has forgotten both knows them
    again when it sees them, and only the Hub can have made it: a comment can be written on any job.
    """
    core = f"{int(clock()):x}.{secrets.token_hex(8)}.{_digest(token)}.{_digest(_as_slurm_has_it(script))}"
    return Tag(hub, user, server, f"{core}.{_signature(hub, user, server, core, key)}")


def is_signed(tag: Tag, key: bytes) -> bool:
    """Tell whether this Hub has made the tag, for this user and server."""
    core, _, signature = tag.nonce.rpartition(".")
    return hmac.compare_digest(signature.encode(), _signature(tag.hub, tag.user, tag.server, core, key).encode())


def begun_at(tag: Tag) -> float:
    """Return when the start of a tag of ours began, in seconds since the epoch."""
    return float(int(tag.nonce.partition(".")[0], 16))


def is_token_of(nonce: str, token: str) -> bool:
    """Tell whether ``token`` is the one that the start of this nonce was given."""
    parts = nonce.split(".")
    return len(parts) in (OLDER_PARTS, PARTS) and hmac.compare_digest(parts[2].encode(), _digest(token).encode())


def tells_script(nonce: str) -> bool:
    """Tell whether a nonce of ours says which script its job has: older versions left that out."""
    return nonce.count(".") == PARTS - 1


def is_script_of(nonce: str, script: str) -> bool:
    """Tell whether ``script`` is the one that the start of this nonce handed to Slurm."""
    parts = nonce.split(".")
    return len(parts) == PARTS and hmac.compare_digest(parts[3].encode(), _digest(_as_slurm_has_it(script)).encode())


def _as_slurm_has_it(script: str) -> str:
    return script.rstrip("\n")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _signature(hub: str, user: str, server: str, core: str, key: bytes) -> str:
    signed = json.dumps([hub, user, server, core])
    return hmac.digest(key, signed.encode(), "sha256").hex()[:32]


def forced_partitions(sbatch_options: Iterable[str]) -> frozenset[str]:
    """Return the partitions that the admin's own options of sbatch ask for, none where they ask for none; the last option counts."""
    chosen = ""
    for option in sbatch_options:
        name, _equals, value = option.partition("=")
        if name == "--partition":
            chosen = value
    return frozenset(name for name in chosen.split(",") if name)


def sbatch_arguments(
    request: SessionRequest,
    tag: Tag,
    *,
    home: str,
    extra: Sequence[str] = (),
    memory: MemoryRule = AS_ASKED,
    gpu_option: str = "gres",
    qos: str = "",
) -> tuple[str, ...]:
    """Return sbatch's argv for ``request`` (sbatch(1)).

    Parameters
    ----------
    home
        The job's working directory.
    extra
        The admin's own options, each ``--name=value``; they come last, so they win.
    """
    arguments = [
        "sbatch",
        "--parsable",
        f"--nodes={request.nodes}",
        f"--ntasks={request.nodes * request.tasks}",
        *((f"--ntasks-per-node={request.tasks}",) if request.nodes > 1 else ()),
        f"--cpus-per-task={request.cores // request.tasks}",
        *_memory_option(request, memory),
        f"--time={format_walltime(request.walltime)}",
        f"--partition={request.partition}",
        "--no-requeue",
        f"--job-name={tag.job_name}",
        f"--comment={tag.comment}",
        f"--chdir={home}",
        # The script opens the session's log itself, in a folder that only the user can read.
        "--output=/dev/null",
        "--export=ALL",
        # The Hub's own limits (open files, memory) are not the job's.
        "--propagate=NONE",
    ]
    if request.gpus.option:
        # --gpus counts those of all nodes, and Slurm would share them out as it likes.
        arguments.append(_gpu_option(request.gpus, "gpus-per-node" if request.nodes > 1 and gpu_option == "gpus" else gpu_option))
    if request.account:
        arguments.append(f"--account={request.account}")
    if qos:
        arguments.append(f"--qos={qos}")
    if request.reservation:
        arguments.append(f"--reservation={request.reservation}")
    return (*arguments, *extra)


def _memory_option(request: SessionRequest, memory: MemoryRule) -> tuple[str, ...]:
    if memory.option == "mem":
        return (f"--mem={request.memory}M",)
    return (f"--mem-per-cpu={memory.share(request.demand)}M",) if memory.is_asked_for else ()


def _gpu_option(gpus: GpuRequest, option: str) -> str:
    """``--gpus=v100:2`` and ``--gpus-per-node=v100:2`` are ``--gres=gpu:v100:2`` (sbatch(1)); parts have no option but ``--gres``."""
    if option == "gres" or gpus.is_part:
        return f"--gres={gpus.option}"
    return f"--{option}={gpus.option.partition(':')[2]}"


def job_environment(
    request: SessionRequest,
    server_environment: Mapping[str, str],
    *,
    command: Sequence[str],
    interface: Interface,
    ports: str = "",
    umask: str = "0022",
    certificates: Mapping[str, str] | None = None,
    bar: Mapping[str, Any] | None = None,
    memory: MemoryRule = AS_ASKED,
    apps: Iterable[Interface] = (),
    links: Mapping[str, str] | None = None,
    start_folder: Mapping[str, str] | None = None,
    shared_memory: int = 0,
) -> dict[str, str]:
    """Return the job's environment, by name.

    Parameters
    ----------
    server_environment
        What the Hub gives to any server of this user (``Spawner.get_env()``), HOME, USER and SHELL included.
    command
        The server's command and arguments.
    ports
        ``LOW-HIGH``, or empty for any port.
    certificates
        Under ``internal_ssl``: ``keyfile``, ``certfile`` and ``cafile``, each with the text of that file; the launcher writes them where
        only the user can read.
    bar
        What JupyterLab's session bar says (:func:`.lab_extension.session_bar`); None for no bar.
    memory
        How the job asks for memory: if it does not, how much it gets is not the request's to say.
    apps
        What can be opened in the session besides.
    links
        Links that the user's home gets, name to target (:func:`.home_links.links_of`).
    shared_memory
        Of the session's container, in MB (:func:`.shared_memory.given_to`); 0 where there is none to be set.
    start_folder
        Where the session opens (:func:`.start_folder.start_folder_of`); None where it always does.
    """
    servers = servers_of(apps)
    own = {"RESOURCE_FORM_CERTIFICATES": json.dumps(dict(certificates))} if certificates else {}
    own |= {"RESOURCE_FORM_SERVERS": json.dumps(servers)} if servers else {}
    own |= {"RESOURCE_FORM_LINKS": json.dumps(dict(links))} if links else {}
    own |= {"RESOURCE_FORM_START_FOLDER": json.dumps(dict(start_folder))} if start_folder else {}
    own |= {"RESOURCE_FORM_BAR": json.dumps(dict(bar))} if bar else {}
    own_limits = {name: value for name, value in limits(request).items() if memory.is_asked_for or not name.startswith("MEM_")}
    given = {**server_environment, **own_limits}
    return {
        "PATH": JOB_PATH,
        "LANG": "C.UTF-8",
        **{FOR_THE_SERVER + name: value for name, value in request.environment.items() if name not in given},
        **given,
        "RESOURCE_FORM_RELEASE": request.release,
        "RESOURCE_FORM_GPUS": request.gpus.value,
        **({"RESOURCE_FORM_SHARED_MEMORY": str(shared_memory)} if shared_memory else {}),
        "RESOURCE_FORM_COMMAND": json.dumps(list(command)),
        "RESOURCE_FORM_PORTS": ports,
        "RESOURCE_FORM_UMASK": umask,
        **own,
        "JUPYTERHUB_DEFAULT_URL": first_page(interface.url, server_environment.get("JUPYTERHUB_DEFAULT_URL", "")),
    }


def limits(request: SessionRequest) -> dict[str, str]:
    """Return what the job has, as JupyterHub tells any server its limits: memory in bytes, cores. They are the job's, not the Hub's."""
    memory, cores = str(request.memory * 1024 * 1024), str(float(request.cores))
    return {"MEM_LIMIT": memory, "MEM_GUARANTEE": memory, "CPU_LIMIT": cores, "CPU_GUARANTEE": cores}


def continues(interface_url: str, default_url: str) -> bool:
    """Tell whether the admin's ``default_url`` leads to a page of an interface: it is its address, or goes on from there."""
    path = default_url.partition("?")[0].partition("#")[0].rstrip("/")
    return path == interface_url.rstrip("/") or path.startswith(f"{interface_url.rstrip('/')}/")


def first_page(interface_url: str, default_url: str) -> str:
    """Return the address that the server opens first: the admin's ``default_url`` if it is one of the chosen interface."""
    return default_url if default_url and continues(interface_url, default_url) else interface_url


def launcher_source() -> str:
    """Return the launcher's text, with that of the module that it imports in its place: on the node there is no other file."""
    place = folder("share") / "resource_form"
    before, _line, after = re.split(
        r"(^from session_setup import .*\n)", (place / "launcher.py").read_text("utf-8"), maxsplit=1, flags=re.MULTILINE
    )
    return f"{before}{(place / 'session_setup.py').read_text('utf-8')}\n{after}"


def script_environment(template_folders: Sequence[str | Path] = ()) -> jinja2.Environment:
    """Return where the script's template is looked up: in the admin's folders first, then in ours.

    An admin's ``resource_form/job_script.sh`` may extend ours as ``ours/resource_form/job_script.sh``.
    """
    ours = jinja2.FileSystemLoader(str(folder("templates")))
    loaders: list[jinja2.BaseLoader] = [jinja2.FileSystemLoader(str(path)) for path in template_folders]
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([*loaders, ours, jinja2.PrefixLoader({"ours": ours})]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - a shell script; values go through the filter quote # nosec B701
    )
    environment.filters["quote"] = shlex.quote
    environment.filters["tojson_plain"] = json.dumps  # jinja2's own tojson is for HTML
    environment.filters["container"] = lambda container: json.dumps(container.model_dump(), separators=(",", ":"))
    return environment


def job_script(
    release: Release, *, template_folders: Sequence[str | Path] = (), launcher: str | None = None, lab_extension: bool = False
) -> str:
    """Return the job's script: the release's set-up, then the launcher. It depends on the release alone, on nothing of the user's.

    With ``lab_extension`` the launcher brings JupyterLab's session bar along.
    """
    source = launcher_source() if launcher is None else launcher
    if lab_extension:
        source = with_lab_extension(source)
    template = script_environment(template_folders).get_template("resource_form/job_script.sh")
    software = {architecture: release.software_for(architecture) for architecture in release.architectures}
    return template.render(
        release=release, software=software, launcher=source.rstrip("\n"), end_of_launcher="END_OF_RESOURCE_FORM_LAUNCHER"
    )
