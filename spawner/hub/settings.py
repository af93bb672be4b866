"""What an admin may set, of the cluster and of the spawner, apart from what the spawner has of its base classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from traitlets import Bool, Callable, Dict, Enum, Float, HasTraits, Integer, List, TraitError, Unicode, Union, default, validate

from ..i18n import languages
from ..request.policy import parse_policies
from ..request.presets import parse_presets

LONGER_THAN_BOTH_SECONDS = 60
MAX_WARNINGS_OF_AN_END = 10
MAX_IDLE_MINUTES = 525600.0


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

    presets = Union(
        [List(Dict()), Callable()],
        help="""
        Requests that are chosen with one press, and are in REST calls and links as ``{"preset": NAME}``: dictionaries with ``name``,
        ``label``, ``description`` and ``values``, which are a part of a request, written as a user types it.

        With any of ``groups`` (of the system), ``accounts``, ``partitions`` and ``reservations`` a preset is for those who are in one of
        the groups and may choose one of the accounts, and so on. What the values name the user has to be allowed to choose as well.

        May be a function of the spawner that returns such a list. Default: none. Example::

            [{"name": "small-gpu", "label": "Small GPU", "description": "For trying things out.",
              "values": {"gpus": 1, "cores": 8, "memory": "32G", "walltime": "4h"}, "partitions": ["g100_int"]}]
        """,
    ).tag(config=True)

    notices_file = Unicode(
        "",
        help="""
        The YAML file of announcements and of partitions that are in trouble or closed; read again when it changes. One to start from is
        ``share/resource_form/notices.example.yaml``. While it is broken the last good one counts, and the log says what is wrong.

        Empty (the default): none. Example: ``"/etc/jupyterhub/notices.yaml"``
        """,
    ).tag(config=True)

    notices_command = List(
        Unicode(),
        help="""
        A command that prints what could stand in :attr:`notices_file`, as YAML or JSON: the absolute path of a program, and its arguments.

        It is run as the Hub's own user, without a shell, for 10 seconds at most, once per :attr:`notices_interval` for all users. Where
        there is a file as well, both count. Default: none. Example: ``["/opt/site/bin/notices", "--json"]``
        """,
    ).tag(config=True)

    notices_interval = Float(
        60.0,
        help="Seconds for which the answer of :attr:`notices_command` counts as fresh, while somebody looks at a form. Default: 60.",
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

    language = Unicode(
        "",
        help="""
        The language of the form and of all that users are told, whatever their browser asks for: ``"en"`` or ``"it"``.

        Empty (the default): the one that the browser prefers of those that there are. Example: ``"it"``
        """,
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

    budget_command = List(
        Unicode(),
        help="""
        The site's own command that tells what is left of its accounts' budgets: the absolute path of a program, and its arguments.

        It prints JSON, a list of ``{"account": "physics", "unit": "billing", "limit": 1000, "used": 880, "as_of": "2026-11-21T12:00:00"}``;
        ``unit`` is ``"billing"`` (Slurm's billing units, each for an hour) or ``"core hours"``. An argument ``{user}`` becomes the user's
        name; without one, the command is run once for all users. It is run as the Hub's own user, without a shell, for 10 seconds at most.

        Default: none; what Slurm itself knows of budgets (GrpTRESMins) needs no command.
        Example: ``["/opt/site/bin/budgets", "--json", "--user", "{user}"]``
        """,
    ).tag(config=True)

    budget_interval = Float(
        600.0,
        help="Seconds for which the answer of :attr:`budget_command` counts as fresh, while somebody looks at a form. Default: 600.",
    ).tag(config=True)

    over_budget = Enum(
        ["warn", "refuse"],
        default_value="warn",
        help="""
        What becomes of a request that the budget of its account does not cover for all of its time: ``"warn"`` says so, ``"refuse"`` lets
        nobody start it. Slurm's own AccountingStorageEnforce holds in any case. Default: ``"warn"``
        """,
    ).tag(config=True)

    not_charged = Union(
        [Bool(), List(Unicode()), Callable()],
        default_value=False,
        help="""
        Whether sessions cost nothing, as in a service in pre-production: the form says so, and no budget is looked at. True: all sessions;
        or a list of the partitions and accounts whose sessions cost nothing.

        May be a function of the spawner that returns one of these. Default: False. Example: ``["g100_int", "cin_training"]``
        """,
    ).tag(config=True)

    links_may_start = Bool(
        False,
        help="""
        Whether a link with options (``/hub/spawn?opt-gpus=1``) on a page of this Hub's own site starts a session by itself. A link on any
        other page, in a mail or typed in only fills the form, whatever is set here.

        Default: False: no link starts a session. Example: True where a portal of the centre on the same domain offers such links.
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

    idle_gpu_minutes = Float(
        0.0,
        help="""
        So many minutes after the GPUs of a session have last done anything, its user is told so on its card, and the admin's command and
        webhook are (:attr:`idle_gpu_command`, :attr:`idle_gpu_webhook`).

        It takes the reports of the nodes (``resource-form gpu-report``). A session counts only while they tell of each of its GPUs that it
        does nothing. Default: 0, nobody is told. Example: 60
        """,
    ).tag(config=True)

    idle_gpu_stop_minutes = Float(
        0.0,
        help="""
        So many minutes after its user was told (:attr:`idle_gpu_minutes`) a session is stopped whose GPUs still have done nothing.

        Default: 0, none is stopped. Example: 30
        """,
    ).tag(config=True)

    idle_gpu_command = List(
        Unicode(),
        help="""
        A command that is run when a user is told of idle GPUs and when their session is stopped for that, once each: the absolute path of a
        program, and its arguments. It may send the mail.

        It finds on its standard input ``{"event": "idle", "user", "server", "job_id", "node", "gpus", "idle_minutes", "stops_at", "url"}``
        as JSON, with ``"event": "stopped"`` after a stop. It is run as the Hub's own user, without a shell, for 30 seconds at most.

        Default: none. Example: ``["/opt/site/bin/mail-idle-gpus", "--from", "superc@example.org"]``
        """,
    ).tag(config=True)

    idle_gpu_webhook = Unicode(
        "",
        help="""
        An address to which the same JSON as for :attr:`idle_gpu_command` is posted.

        Default: none. Example: ``"https://chat.example.org/hooks/gpus"``
        """,
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

    history_length = Integer(
        100,
        help="""
        So many past sessions of each user are kept in a table of ours in the Hub's database, for the list of sessions. 0: none is kept.

        Default: 100.
        """,
    ).tag(config=True)

    history_days = Integer(
        90,
        help="For so many days past sessions are kept (:attr:`history_length`). 0: none is kept. Default: 90.",
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

    @validate("fields")
    def _check_fields(self, proposal: Any) -> Any:
        if isinstance(proposal["value"], Mapping):
            try:
                parse_policies(proposal["value"])
            except ValueError as error:
                raise TraitError(str(error)) from error
        return proposal["value"]

    @validate("presets")
    def _check_presets(self, proposal: Any) -> Any:
        if not callable(proposal["value"]):
            try:
                parse_presets(proposal["value"])
            except ValueError as error:
                raise TraitError(str(error)) from error
        return proposal["value"]

    @validate("notices_command", "idle_gpu_command")
    def _check_command(self, proposal: Any) -> Any:
        command, name = proposal["value"], f"ResourceFormSpawner.{proposal['trait'].name}"
        if command and (not command[0].startswith("/") or command[0].split() != command[:1]):
            raise TraitError(f"{name}: {command[0]!r} is not the absolute path of a program, without blanks")
        if any("\0" in word for word in command):
            raise TraitError(f"{name}: an argument has a NUL in it")
        return command

    @validate("idle_gpu_minutes", "idle_gpu_stop_minutes")
    def _check_idle_minutes(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= MAX_IDLE_MINUTES:
            raise TraitError(f"ResourceFormSpawner.{proposal['trait'].name} must be a number of minutes, 0 for never")
        return float(proposal["value"])

    @validate("idle_gpu_webhook")
    def _check_idle_webhook(self, proposal: Any) -> str:
        address = str(proposal["value"])
        if address and not (address.startswith(("http://", "https://")) and urlsplit(address).hostname and address.isprintable()):
            # The address itself may be a secret.
            raise TraitError("ResourceFormSpawner.idle_gpu_webhook must begin with http:// or https://")
        return address

    @validate("warn_minutes")
    def _check_warn_minutes(self, proposal: Any) -> list[int]:
        if not all(minutes > 0 for minutes in proposal["value"]) or len(proposal["value"]) > MAX_WARNINGS_OF_AN_END:
            raise TraitError(f"ResourceFormSpawner.warn_minutes: at most {MAX_WARNINGS_OF_AN_END} numbers of minutes above 0 are needed")
        return sorted(set(proposal["value"]), reverse=True)

    @validate("history_length", "history_days")
    def _check_history(self, proposal: Any) -> int:
        if proposal["value"] < 0:
            raise TraitError(f"ResourceFormSpawner.{proposal['trait'].name} must be 0 or more")
        return int(proposal["value"])

    @validate("notices_interval")
    def _check_notices_interval(self, proposal: Any) -> float:
        if not proposal["value"] > 0:
            raise TraitError("ResourceFormSpawner.notices_interval must be a number of seconds above 0")
        return float(proposal["value"])

    @validate("sbatch_options")
    def _check_sbatch_options(self, proposal: Any) -> Any:
        for option in proposal["value"]:
            if not option.startswith("--") or "\n" in option or "\0" in option:
                raise TraitError(f"ResourceFormSpawner.sbatch_options: {option!r} is not of the form --name=value")
        return proposal["value"]

    @validate("language")
    def _check_language(self, proposal: Any) -> str:
        code = str(proposal["value"])
        if code and code not in languages():
            raise TraitError(f"ResourceFormSpawner.language: there is no {code!r}; there are {', '.join(languages())}")
        return code

    @validate("budget_command")
    def _check_budget_command(self, proposal: Any) -> Any:
        command = proposal["value"]
        if command and (not command[0].startswith("/") or command[0].split() != command[:1]):
            raise TraitError(f"ResourceFormSpawner.budget_command: {command[0]!r} is not the absolute path of a program, without blanks")
        for word in command:
            if "\0" in word or ("{user}" in word and word != "{user}"):
                raise TraitError(f"ResourceFormSpawner.budget_command: in {word!r}, {{user}} has to be an argument of its own")
        return command

    @validate("budget_interval")
    def _check_budget_interval(self, proposal: Any) -> float:
        if proposal["value"] <= 0:
            raise TraitError("ResourceFormSpawner.budget_interval must be a number of seconds above 0")
        return float(proposal["value"])

    @validate("port_range")
    def _check_port_range(self, proposal: Any) -> str:
        text = str(proposal["value"])
        low, _, high = text.partition("-")
        if text and not (low.isdigit() and high.isdigit() and 1 <= int(low) <= int(high) <= 65535):
            raise TraitError(f"ResourceFormSpawner.port_range: {text!r} is not of the form LOW-HIGH, two ports")
        return text
