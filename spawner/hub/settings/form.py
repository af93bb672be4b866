"""What the admin may set of the form: what is offered, said, priced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from traitlets import Bool, Callable, Dict, Enum, Float, HasTraits, List, TraitError, Unicode, Union, validate

from ...i18n import languages
from ...request.policy import parse_policies
from ...request.presets import parse_presets
from ...site.audience import Audience
from ...site.release_policy import AdvancedReleases
from .checks import check_command

LOGIN_HOST = r"([A-Za-z0-9]([A-Za-z0-9.:_-]{0,250}[A-Za-z0-9])?)?"
"""The name or the address of a host, or nothing; nothing that ssh could take for an option or a user."""


class FormSettings(HasTraits):
    """The traits of the form."""

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

    advanced_releases = Dict(
        help="""
        For whom the releases are that are not for everybody, and stand under "Advanced" on the form: ``untested``, ``ended`` (their
        ``end_of_life`` is over) and ``disabled``, each True for everyone, False for nobody, ``"admins"``, or a dictionary with any of
        ``groups`` (of the system or the Hub), ``accounts``, ``partitions`` and ``reservations``. It holds whatever way a request comes.

        Default: ``{"untested": True, "ended": True, "disabled": "admins"}``. Example: ``{"untested": {"groups": ["testers"]}}``
        """,
    ).tag(config=True)

    fields = Union(
        [Dict(), Callable()],
        help="""
        How the admin narrows, presets or locks the fields of the form: field name to a dictionary with any of ``default``,
        ``choices``, ``minimum``, ``maximum``, ``locked``, ``hidden``, ``label``, ``help``, ``folded``, ``position``. Values are written as
        a user types them. ``folded`` puts a field behind the line that names partition, account and reservation, or in front of it;
        ``position`` orders them: GPUs are at 10, cores at 20, then memory, time, release, interface, partition, account, reservation.

        May be a function of the spawner that returns such a dictionary. Default: nothing is narrowed. Example::

            {"memory": {"default": "16G", "maximum": "128G"}, "partition": {"choices": ["g100_int"]}}
        """,
    ).tag(config=True)

    presets = Union(
        [List(Dict()), Callable()],
        help="""
        Requests that are chosen with one press, and are in REST calls and links as ``{"preset": NAME}``: dictionaries with ``name``,
        ``label``, ``description`` and ``values``, which are a part of a request, written as a user types it.

        With any of ``groups`` (of the system or the Hub), ``accounts``, ``partitions`` and ``reservations`` a preset is for those who
        are in one of the groups and may choose one of the accounts, and so on. What the values name the user has to be allowed to
        choose as well.

        May be a function of the spawner that returns such a list. Default: none. Example::

            [{"name": "small-gpu", "label": "Small GPU", "description": "For trying things out.",
              "values": {"gpus": 1, "cores": 8, "memory": "32G", "walltime": "4h"}, "partitions": ["g100_int"]}]
        """,
    ).tag(config=True)

    form_file = Unicode(
        "",
        help="""
        The YAML file with more ``fields`` and ``presets``, written as in the settings of these names; read again when it changes, so that a
        course is added without a restart of the Hub. A field or a preset that a setting names too is as the file has it. One to start from
        is ``share/resource_form/form.example.yaml``. While it is broken, what it said last counts, and the log says what is wrong in which
        line; no session is started where it never was in order.

        Empty (the default): none. Example: ``"/etc/jupyterhub/form.yaml"``
        """,
    ).tag(config=True)

    only_presets = Union(
        [Bool(), Dict()],
        default_value=False,
        help="""
        Whether the form shows presets in place of its fields, as for a class: a card is pressed, and Start. Whoever may have no preset sees
        the fields. What a request may ask for is not bound by it: :attr:`fields` does that.

        True is for everyone; a dictionary with any of ``groups`` (of the system or the Hub), ``accounts``, ``partitions`` and
        ``reservations`` for those who are in one of the groups, may choose one of the accounts, and so on. Default: False.
        Example: ``{"groups": ["school"]}``
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

    login_host = Unicode(
        "",
        help="""
        The login node by which ``resource-form forward`` leads users to the node of a session with ssh. The command prints it, or runs ssh
        with it; the Hub itself does nothing with it.

        Empty (the default): users name one themselves. Example: ``"login.example.org"``
        """,
    ).tag(config=True)

    @validate("login_host")
    def _check_login_host(self, proposal: Any) -> Any:
        if not re.fullmatch(LOGIN_HOST, proposal["value"], re.ASCII):
            raise TraitError(f"login_host must be the name or address of a host, not {proposal['value']!r}")
        return proposal["value"]

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
        Whether a link with options (``/hub/spawn?opt-gpus=1``) on another page of this Hub's own site, such as a portal with an address in
        the same domain, starts a session by itself. A link in a mail, typed in, or on a page elsewhere only fills the form, whatever is set
        here. So does a link on a page of the Hub's own host, unless ``JupyterHub.subdomain_host`` gives sessions other hosts: any user can
        make such a page.

        Default: False: no link starts a session. Example: True where a portal of the centre on the same domain offers such links.
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

    @validate("presets")
    def _check_presets(self, proposal: Any) -> Any:
        if not callable(proposal["value"]):
            try:
                parse_presets(proposal["value"])
            except ValueError as error:
                raise TraitError(str(error)) from error
        return proposal["value"]

    @validate("only_presets")
    def _check_only_presets(self, proposal: Any) -> Any:
        if isinstance(proposal["value"], dict):
            try:
                Audience.model_validate(proposal["value"])
            except ValidationError as error:
                raise TraitError(f"ResourceFormSpawner.only_presets: {error}") from error
        return proposal["value"]

    @validate("advanced_releases")
    def _check_advanced_releases(self, proposal: Any) -> Any:
        try:
            AdvancedReleases.model_validate(proposal["value"])
        except ValidationError as error:
            raise TraitError(f"ResourceFormSpawner.advanced_releases: {error}") from error
        return proposal["value"]

    @validate("notices_command")
    def _check_notices_command(self, proposal: Any) -> Any:
        return check_command(proposal)

    @validate("notices_interval")
    def _check_notices_interval(self, proposal: Any) -> float:
        if not proposal["value"] > 0:
            raise TraitError("ResourceFormSpawner.notices_interval must be a number of seconds above 0")
        return float(proposal["value"])

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
