"""The check of a request against what its user may choose: the one gate for every door.

Every refusal names the field, the value, the limit and what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..accounting.partition_limits import PartitionLimits
from ..errors import NoAccount, RequestRejected, SlurmOutputError
from ..humanize import as_sentence, moment_in_words
from ..i18n import ENGLISH, N_, _, using
from ..units import format_walltime
from .choices import Choices
from .constraint import check_constraint
from .defaults import default_partition, default_values
from .field_values import quoted
from .model import FIELDS, NUMBERS_IN_WORDS, SessionRequest, at_field, label_of, read_request, refuse_too_large
from .nodes import check_nodes
from .policy import number_of
from .presets import Preset
from .qos import check_qos, choices_for
from .release_rules import may_be_in, problem_of_place
from .shared_memory import check_shared_memory
from .size_validation import Refuse, check_size, check_walltime, labelled, listed, locked_to, not_among
from .start_folder import check_start_folder
from .variables import beneath

DEFAULT_RELEASE = "default"
"""As the tag of a release: whichever is the default at the time."""


def resolve_request(options: Mapping[str, Any], choices: Choices) -> SessionRequest:
    """Return the request that ``options`` ask for, complete and allowed: the one gate for every door.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    RequestRejected
        With a sentence for each field at fault.
    """
    request, errors = judge_request(options, choices)
    if errors:
        # The log is English, whatever the user reads.
        with using(ENGLISH):
            english = RequestRejected(judge_request(options, choices)[1])
        raise RequestRejected(errors, log=english.log)
    return request


def judge_request(options: Mapping[str, Any], choices: Choices) -> tuple[SessionRequest, dict[str, str]]:
    """Return the request that ``options`` ask for, completed, and a sentence for each field at fault; what is unreadable has its default.

    Keys that are missing get the preset's values where one is named, else this user's defaults: a partition for the chosen account, numbers
    that the chosen partition has, an interface of the chosen release.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    RequestTooLarge
        The options hold more than any request needs.
    """
    choices = choices_for(options, choices)
    require_account(choices)
    refuse_too_large(options, choices.bounds)
    options = with_default_release(with_preset(options, choices), choices)
    given = {name: text_of(options.get(name)) for name in ("account", "reservation", "release")}
    defaults = default_values(choices, _partition_for(options, choices), **given)
    completed = {**defaults, **options}
    if "interface" not in options and "release" in options:
        release = choices.release(options["release"])
        if release is not None:
            names = [interface.name for interface in choices.interfaces(release)]
            completed["interface"] = defaults["interface"] if defaults["interface"] in names else (names or [""])[0]
    if "walltime" not in options:
        completed = _with_default_time(completed, choices)
    try:
        request, unreadable = read_request(completed), {}
    except RequestRejected as error:
        # What can be read is judged as well: a person wants to hear of all mistakes at once.
        unreadable = error.errors
        request = read_request({**{key: value for key, value in completed.items() if key in FIELDS}, **_replaced(unreadable, defaults)})
    request = true_preset(with_known_gpus(request, choices), choices)
    errors = {**check_request(request, choices), **unreadable}
    return request, {name: errors[name] for name in sorted(errors, key=_place)}


def with_preset(options: Mapping[str, Any], choices: Choices) -> Mapping[str, Any]:
    """Return the options with what they leave out of the preset that they name; what they say themselves wins, of each variable too."""
    preset = choices.preset(text_of(options.get("preset")) or "")
    if preset is None:
        return options
    own = {"environment": beneath(preset.values["environment"], options["environment"])} if _both_have_variables(preset, options) else {}
    return {**preset.values, **options, **own}


def _both_have_variables(preset: Preset, options: Mapping[str, Any]) -> bool:
    return "environment" in options and "environment" in preset.values


def with_default_release(options: Mapping[str, Any], choices: Choices) -> Mapping[str, Any]:
    """Return the options without the release ``default``, which asks for the one that is the default now; a release may be called so."""
    if options.get("release") != DEFAULT_RELEASE or choices.release(DEFAULT_RELEASE) is not None:
        return options
    return {name: value for name, value in options.items() if name != "release"}


def with_known_gpus(request: SessionRequest, choices: Choices) -> SessionRequest:
    """Return the request with its GPUs as the nodes of its partition have them: all parts of a card are the card."""
    return request.model_copy(update={"gpus": choices.gpus.known(request.gpus, request.partition)})


def true_preset(request: SessionRequest, choices: Choices) -> SessionRequest:
    """Return the request without its preset's name if one of its values is not the preset's: then it is the user's own."""
    preset = choices.preset(request.preset)
    if preset is None:
        return request
    meant = preset.read()
    for name in preset.values:
        value, wanted = getattr(request, name), getattr(meant, name)
        if name == "gpus":
            wanted = choices.gpus.known(wanted, request.partition)
        if name == "environment" and wanted.items() <= value.items():
            continue
        if value != wanted and not (name == "gpus" and choices.gpus.are_same(value, wanted)):
            return request.model_copy(update={"preset": ""})
    return request


def text_of(value: Any) -> str | None:
    """Return the value if it is text, else None."""
    return value if isinstance(value, str) else None


def _partition_for(options: Mapping[str, Any], choices: Choices) -> str:
    """The partition that was asked for, else the default one where the chosen account and release may run, else the first such."""
    if "partition" in options:
        return options["partition"] if isinstance(options["partition"], str) else ""
    preferred = default_partition(choices)
    account = options.get("account")
    fitting = [entry for entry in choices.partitions if account is None or account in entry.accounts]
    fitting = [entry for entry in fitting if entry.name not in choices.closed] or fitting
    release = choices.release(text_of(options.get("release")) or "")
    if release is not None:
        fitting = [entry for entry in fitting if may_be_in(release, entry)] or fitting
    names = [entry.name for entry in fitting]
    return names[0] if names and preferred not in names else preferred


def _replaced(unreadable: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: defaults.get(name, SessionRequest.model_fields[name].get_default()) for name in unreadable if name in FIELDS}


def _place(field: str) -> int:
    return FIELDS.index(field) if field in FIELDS else len(FIELDS)


def _with_default_time(completed: dict[str, Any], choices: Choices) -> dict[str, Any]:
    """The default time, shortened to what the chosen partition and reservation leave."""
    try:
        request = read_request(completed)
    except RequestRejected:
        return completed
    limit = choices.walltime_limit(request)[0]
    if limit is not None and 0 < limit < request.walltime:
        return {**completed, "walltime": format_walltime(limit)}
    return completed


def require_account(choices: Choices) -> None:
    """Refuse a user for whom no job could run at all.

    Raises
    ------
    NoAccount
        With what to do about it.
    SlurmOutputError
        Nobody knows: the user's accounts may be among those that could not be read.
    """
    user = choices.entitlement.user
    if not choices.entitlement.accounts and choices.entitlement.accounts_partial:
        raise SlurmOutputError(
            N_("Slurm's list of accounts cannot be read as a whole at the moment, and none of yours was found in it. Ask the support."),
            log=f"whether {user} has an association in Slurm is not known: some rows of sacctmgr cannot be read",
        )
    if choices.entitlement.accounts == ():
        raise NoAccount(
            _(
                "You have no active Slurm account on this cluster, so no session can be started for {user}. "
                "Ask your project's leader or the support for one."
            ).format(user=user),
            log=f"{user} has no association in Slurm",
        )
    if not choices.partitions:
        raise NoAccount(
            N_("None of your Slurm accounts may use a partition of this service. Ask the support."),
            log=f"{user} may use no partition of this service",
        )
    if choices.accounts is not None and not any(set(choices.accounts) & set(entry.accounts) for entry in choices.partitions):
        raise NoAccount(
            N_("None of your Slurm accounts may be used with this service. Ask the support."),
            log=f"{user} has no account that the configuration of the fields leaves",
        )


def check_request(request: SessionRequest, choices: Choices) -> dict[str, str]:
    """Return a sentence for each field of ``request`` that this user cannot have now; empty if all is well."""
    errors: dict[str, str] = {}

    def refuse(name: str, sentence: str) -> None:
        errors.setdefault(name, at_field(choices.policy(name).label or label_of(name), sentence))

    _check_narrowed(request, choices, refuse)
    partition = choices.partition(request.partition)
    if partition is None:
        names = [entry.name for entry in choices.partitions]
        sentence = _("{value} is not a partition that you may use. Choose one of: {list}.")
        if request.partition not in choices.barred:
            refuse("partition", sentence.format(value=quoted(request.partition), list=listed(names)))
    elif request.partition in choices.closed:
        refuse("partition", _closed(request.partition, choices))
    check_qos(request, choices, refuse)
    check_constraint(request, choices, refuse)
    check_nodes(request, choices, refuse)
    _check_account(request, choices, partition, refuse)
    _check_reservation(request, choices, partition, refuse)
    if partition is not None:
        # An account that may not be used there at all has no numbers to compare with.
        account = "" if request.account in partition.refused else request.account
        check_size(request, choices, partition.narrowed(account, request.reservation), account, refuse)
    check_walltime(request, choices, refuse)
    _check_software(request, choices, refuse)
    check_start_folder(request, choices, refuse)
    check_shared_memory(request, choices, refuse)
    if request.preset and choices.preset(request.preset) is None:
        refuse("preset", _no_preset(request.preset, choices))
    return errors


def _closed(partition: str, choices: Choices) -> str:
    """The admin's words, and where else sessions can be started."""
    names = [entry.name for entry in choices.partitions if entry.name not in choices.closed]
    instead = _("Choose one of: {list}.").format(list=listed(names)) if names else _("Try again later.")
    closed = _("{value} takes no new sessions at the moment.").format(value=quoted(partition))
    return " ".join(part for part in (closed, as_sentence(choices.closed[partition]), instead) if part)


def _no_preset(name: str, choices: Choices) -> str:
    if not choices.presets:
        return _("{value} is not a preset here. Leave it out.").format(value=quoted(name))
    sentence = _("{value} is not a preset that you may choose. Leave it out, or choose one of: {list}.")
    return sentence.format(value=quoted(name), list=listed([labelled(preset.title, preset.name) for preset in choices.presets]))


def _check_narrowed(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    for name, words in NUMBERS_IN_WORDS.items():
        policy = choices.policy(name)
        value = getattr(request, name)
        if policy.only_value is not None and value != number_of(name, policy.only_value):
            refuse(name, locked_to(words(value), str(policy.only_value)))
        elif policy.choices is not None and value not in [number_of(name, choice) for choice in policy.choices]:
            refuse(name, not_among(words(value), [str(choice) for choice in policy.choices]))


def _check_account(request: SessionRequest, choices: Choices, partition: PartitionLimits | None, refuse: Refuse) -> None:
    accounts = choices.accounts
    if accounts is None:
        if request.account and not choices.entitlement.accounts_hidden:
            sentence = _("{value} cannot be used: this cluster keeps no accounts. Leave it empty.")
            refuse("account", sentence.format(value=quoted(request.account)))
    elif request.account not in accounts:
        sentence = _("{value} is not one of your accounts. Choose one of: {list}.")
        refuse("account", sentence.format(value=quoted(request.account), list=listed(accounts)))
    elif partition is not None and request.account not in partition.accounts:
        there = choices.accounts_in(partition)
        why = partition.refused.get(request.account)
        if why:
            sentence = _("{value} may not be used in partition {partition}: {why}.")
        else:
            sentence = _("{value} may not be used in partition {partition}.")
        instead = _("Choose one of: {list}, or another partition.") if there else _("Choose another partition.")
        refused = sentence.format(value=quoted(request.account), partition=partition.name, why=why)
        refuse("account", f"{refused} {instead.format(list=listed(there))}")


def _check_reservation(request: SessionRequest, choices: Choices, partition: PartitionLimits | None, refuse: Refuse) -> None:
    values = choices.reservation_values
    if not request.reservation:
        if "" not in values:
            if values:
                instead = _("Choose {value}.").format(value=values[0])
            else:
                instead = _("It is over, has not begun, or is not for you. Ask the support.")
            sentence = _("None cannot be chosen, it is set to {default} on this service.")
            refuse("reservation", f"{sentence.format(default=choices.policy('reservation').default)} {instead}")
        elif partition is not None and partition.rules_for(request.account).needs_reservation:
            qos = partition.rules_for(request.account).qos
            refuse("reservation", _("QOS {name} can only be used with a reservation. Choose one, or another account.").format(name=qos))
        elif partition is not None and partition.reservation_required:
            sentence = _("partition {partition} can only be used with a reservation. Choose one, or another partition.")
            refuse("reservation", sentence.format(partition=partition.name))
        return
    reservation = choices.reservation(request.reservation)
    admitted = choices.entitlement.reservation_accounts.get(request.reservation, ())
    upcoming = next((entry for entry in choices.upcoming_reservations if entry.name == request.reservation), None)
    if upcoming is not None:
        # Translators: the moment is "at 14:00"
        begins = _("{reservation} begins {moment}.").format(
            reservation=quoted(request.reservation), moment=moment_in_words(upcoming.start, choices.now)
        )
        refuse("reservation", f"{begins} {_other_reservation(values)}")
    elif reservation is None:
        sentence = _("{reservation} cannot be used: it is over, has not begun, or is not for you.")
        refuse("reservation", f"{sentence.format(reservation=quoted(request.reservation))} {_other_reservation(values)}")
    elif choices.accounts is not None and request.account in choices.accounts and request.account not in admitted:
        there = [account for account in choices.accounts if account in admitted]
        if there:
            sentence = _("{reservation} may not be used with account {account}. Choose account {list}, or None.")
        else:
            sentence = _("{reservation} may not be used with account {account}. Choose None.")
        refuse("reservation", sentence.format(reservation=quoted(request.reservation), account=request.account, list=listed(there)))
    elif partition is not None and reservation.partition and reservation.partition != partition.name:
        sentence = _("{reservation} is for partition {partition}, not {other}. Choose that partition, or None.")
        refuse(
            "reservation",
            sentence.format(reservation=quoted(request.reservation), partition=reservation.partition, other=partition.name),
        )
    elif partition is not None and not reservation.takes_partition(partition.name):
        sentence = _("{reservation} is not for partition {other}. Choose another partition, or None.")
        refuse("reservation", sentence.format(reservation=quoted(request.reservation), other=partition.name))
    elif partition is not None and not reservation.takes_qos(partition.rules_for(request.account).qos):
        sentence = _("{reservation} is not for QOS {name}. Choose another account, or None.")
        refuse("reservation", sentence.format(reservation=quoted(request.reservation), name=partition.rules_for(request.account).qos))
    elif partition is not None and partition.inside.get(request.reservation) == ():
        sentence = _("{reservation} has no node of partition {partition}. Choose another partition, or None.")
        refuse("reservation", sentence.format(reservation=quoted(request.reservation), partition=partition.name))


def _other_reservation(values: Sequence[str]) -> str:
    names = [value for value in values if value]
    if not names:
        return _("Choose None.") if values else _("Ask the support.")
    sentence = _("Choose None or one of: {list}.") if "" in values else _("Choose one of: {list}.")
    return sentence.format(list=listed(names))


def _check_software(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    release = choices.release(request.release)
    if release is None:
        tags = [labelled(_(entry.title), entry.tag) for entry in choices.releases]
        sentence = _("{value} is not a release of this service. Choose one of: {list}.")
        if not tags:
            sentence = _("There is no release of software for you on this service. Ask the support.")
        refuse("release", sentence.format(value=quoted(request.release), list=listed(tags)))
        if request.interface in [interface.name for interface in choices.interfaces()]:
            return
        names = [labelled(_(interface.label), interface.name) for interface in choices.interfaces()]
        sentence = _("{value} is not an interface of this service. Choose one of: {list}.")
        refuse("interface", sentence.format(value=quoted(request.interface), list=listed(names)))
        return
    there = [partition.name for partition in choices.partitions]
    problem = problem_of_place(release, choices.partition(request.partition), request.account, request.reservation, there)
    if problem:
        refuse("release", problem)
    offered = choices.interfaces(release)
    if request.interface not in [interface.name for interface in offered]:
        names = [labelled(_(interface.label), interface.name) for interface in offered]
        labels = choices.catalogue.labels()
        value, sentence = labels.interface(request.interface), _("{value} is not offered by {release}. Choose one of: {list}.")
        refuse("interface", sentence.format(value=quoted(value), release=labels.release(release.tag), list=listed(names)))
