"""The check of a request against what its user may choose: the one gate for every door.

Every refusal names the field, the value, the limit and what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .choices import Choices, number_of
from .entitlement import PartitionLimits
from .errors import NoAccount, RequestRejected
from .request import FIELDS, SessionRequest, label_of, parse_request, quoted
from .sizes import Refuse, check_size, check_walltime, listed
from .slurm.grammar import format_memory, format_walltime
from .words import moment_in_words


def resolve_request(options: Mapping[str, Any], choices: Choices) -> SessionRequest:
    """The request that ``options`` ask for, complete and allowed: the one gate for every door.

    Keys that are missing get this user's defaults: a partition for the chosen account, numbers that the chosen partition has, an
    interface of the chosen release.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    RequestRejected
        With a sentence for each field at fault.
    """
    require_account(choices)
    defaults = choices.defaults(
        _partition_for(options, choices), account=_text(options.get("account")), reservation=_text(options.get("reservation"))
    )
    completed = {**defaults, **options}
    if "interface" not in options and "release" in options:
        release = next((entry for entry in choices.releases if entry.tag == options["release"]), None)
        if release is not None:
            names = [interface.name for interface in choices.interfaces(release)]
            completed["interface"] = defaults["interface"] if defaults["interface"] in names else (names or [""])[0]
    if "account" not in options and choices.accounts is not None:
        partition = next((entry for entry in choices.partitions if entry.name == completed["partition"]), None)
        there = [account for account in choices.accounts if partition is not None and account in partition.accounts]
        if there and completed["account"] not in there:
            completed["account"] = there[0]
    if "walltime" not in options:
        completed = _with_default_time(completed, choices)
    try:
        request, unreadable = parse_request(completed), {}
    except RequestRejected as error:
        # What can be read is judged as well: a person wants to hear of all mistakes at once.
        unreadable = error.errors
        request = parse_request({**{key: value for key, value in completed.items() if key in FIELDS}, **_replaced(unreadable, defaults)})
    errors = {**check_request(request, choices), **unreadable}
    if errors:
        raise RequestRejected({name: errors[name] for name in sorted(errors, key=_place)})
    return request


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _partition_for(options: Mapping[str, Any], choices: Choices) -> str:
    """The partition that was asked for, else the default one where the chosen account may run there, else the first where it may."""
    if "partition" in options:
        return options["partition"] if isinstance(options["partition"], str) else ""
    preferred = choices.default_partition
    fitting = [entry.name for entry in choices.partitions if options.get("account", "") in entry.accounts]
    return fitting[0] if fitting and preferred not in fitting else preferred


def _replaced(unreadable: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: defaults.get(name, SessionRequest.model_fields[name].get_default(call_default_factory=True))
        for name in unreadable
        if name in FIELDS
    }


def _place(field: str) -> int:
    return FIELDS.index(field) if field in FIELDS else len(FIELDS)


def _with_default_time(completed: dict[str, Any], choices: Choices) -> dict[str, Any]:
    """The default time, shortened to what the chosen partition and reservation leave."""
    try:
        request = parse_request(completed)
    except RequestRejected:
        return completed
    limit, _ = choices.walltime_limit(request)
    if limit is not None and 0 < limit < request.walltime:
        return {**completed, "walltime": format_walltime(limit)}
    return completed


def require_account(choices: Choices) -> None:
    """Refuse a user for whom no job could run at all.

    Raises
    ------
    NoAccount
        With what to do about it.
    """
    user = choices.entitlement.user
    if choices.entitlement.accounts == ():
        raise NoAccount(
            f"You have no active Slurm account on this cluster, so no session can be started for {user}. "
            "Ask your project's leader or the support for one.",
            log=f"{user} has no association in Slurm",
        )
    if not choices.partitions:
        raise NoAccount(
            "None of your Slurm accounts may use a partition of this service. Ask the support.",
            log=f"{user} may use no partition of this service",
        )
    if choices.accounts is not None and not any(set(choices.accounts) & set(entry.accounts) for entry in choices.partitions):
        raise NoAccount(
            "None of your Slurm accounts may be used with this service. Ask the support.",
            log=f"{user} has no account that the configuration of the fields leaves",
        )


def check_request(request: SessionRequest, choices: Choices) -> dict[str, str]:
    """A sentence for each field of ``request`` that this user cannot have now; empty if all is well."""
    errors: dict[str, str] = {}

    def refuse(name: str, sentence: str) -> None:
        errors.setdefault(name, f"{choices.policy(name).label or label_of(name)}: {sentence}")

    _check_narrowed(request, choices, refuse)
    partition = next((entry for entry in choices.partitions if entry.name == request.partition), None)
    if partition is None:
        names = [entry.name for entry in choices.partitions]
        refuse("partition", f"{quoted(request.partition)} is not a partition that you may use. Choose one of: {listed(names)}.")
    _check_account(request, choices, partition, refuse)
    _check_reservation(request, choices, partition, refuse)
    if partition is not None:
        # An account that may not be used there at all has no numbers to compare with.
        account = "" if request.account in partition.refused else request.account
        check_size(request, choices, partition.narrowed(account, request.reservation), account, refuse)
    check_walltime(request, choices, refuse)
    _check_software(request, choices, refuse)
    if request.preset:
        refuse("preset", f"{quoted(request.preset)} is not a preset here. Leave it out.")
    return errors


def _check_narrowed(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    in_words: dict[str, Callable[[int], str]] = {"cores": str, "memory": format_memory, "walltime": format_walltime}
    for name, words in in_words.items():
        policy = choices.policy(name)
        value = getattr(request, name)
        if policy.locked and policy.default is not None and value != number_of(name, policy.default):
            refuse(name, f"{words(value)} cannot be chosen, it is set to {policy.default} on this service. Leave it as it is.")
        elif policy.choices is not None and value not in [number_of(name, choice) for choice in policy.choices]:
            refuse(name, f"{words(value)} cannot be chosen. Choose one of: {listed([str(choice) for choice in policy.choices])}.")


def _check_account(request: SessionRequest, choices: Choices, partition: PartitionLimits | None, refuse: Refuse) -> None:
    accounts = choices.accounts
    if accounts is None:
        if request.account:
            refuse("account", f"{quoted(request.account)} cannot be used: this cluster keeps no accounts. Leave it empty.")
    elif request.account not in accounts:
        refuse("account", f"{quoted(request.account)} is not one of your accounts. Choose one of: {listed(accounts)}.")
    elif partition is not None and request.account not in partition.accounts:
        there = [account for account in partition.accounts if account in accounts]
        instead = f"Choose one of: {listed(there)}, or another partition." if there else "Choose another partition."
        why = partition.refused.get(request.account)
        because = f": {why}" if why else ""
        refuse("account", f"{quoted(request.account)} may not be used in partition {partition.name}{because}. {instead}")


def _check_reservation(request: SessionRequest, choices: Choices, partition: PartitionLimits | None, refuse: Refuse) -> None:
    values = choices.reservation_values
    if not request.reservation:
        if "" not in values:
            instead = f"Choose {values[0]}." if values else "It is over, has not begun, or is not for you. Ask the support."
            refuse("reservation", f"None cannot be chosen, it is set to {choices.policy('reservation').default} on this service. {instead}")
        elif partition is not None and partition.rules_for(request.account).needs_reservation:
            qos = partition.rules_for(request.account).qos
            refuse("reservation", f"QOS {qos} can only be used with a reservation. Choose one, or another account.")
        elif partition is not None and partition.reservation_required:
            refuse("reservation", f"partition {partition.name} can only be used with a reservation. Choose one, or another partition.")
        return
    reservation = choices.reservation(request.reservation)
    admitted = choices.entitlement.reservation_accounts.get(request.reservation, ())
    upcoming = next((entry for entry in choices.upcoming_reservations if entry.name == request.reservation), None)
    if upcoming is not None:
        refuse(
            "reservation",
            f"{quoted(request.reservation)} begins {moment_in_words(upcoming.start, choices.now)}. {_other_reservation(values)}",
        )
    elif reservation is None:
        sentence = f"{quoted(request.reservation)} cannot be used: it is over, has not begun, or is not for you."
        refuse("reservation", f"{sentence} {_other_reservation(values)}")
    elif choices.accounts is not None and request.account in choices.accounts and request.account not in admitted:
        there = [account for account in choices.accounts if account in admitted]
        instead = f"Choose account {listed(there)}, or None." if there else "Choose None."
        refuse("reservation", f"{quoted(request.reservation)} may not be used with account {request.account}. {instead}")
    elif partition is not None and reservation.partition and reservation.partition != partition.name:
        refuse(
            "reservation",
            f"{quoted(request.reservation)} is for partition {reservation.partition}, not {partition.name}. "
            "Choose that partition, or None.",
        )
    elif partition is not None and partition.inside.get(request.reservation) == ():
        refuse(
            "reservation", f"{quoted(request.reservation)} has no node of partition {partition.name}. Choose another partition, or None."
        )


def _other_reservation(values: Sequence[str]) -> str:
    names = [value for value in values if value]
    if not names:
        return "Choose None." if values else "Ask the support."
    return f"Choose {'None or ' if '' in values else ''}one of: {listed(names)}."


def _check_software(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    release = next((entry for entry in choices.releases if entry.tag == request.release), None)
    if release is None:
        tags = [entry.tag for entry in choices.releases]
        refuse("release", f"{quoted(request.release)} is not a release of this service. Choose one of: {listed(tags)}.")
        if request.interface in [interface.name for interface in choices.interfaces()]:
            return
        names = [interface.name for interface in choices.interfaces()]
        refuse("interface", f"{quoted(request.interface)} is not an interface of this service. Choose one of: {listed(names)}.")
        return
    names = [interface.name for interface in choices.interfaces(release)]
    if request.interface not in names:
        refuse("interface", f"{quoted(request.interface)} is not offered by {release.title}. Choose one of: {listed(names)}.")


def salvage(options: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The defaults, with those of the remembered ``options`` that still hold, and the labels of the fields that were dropped."""
    defaults = choices.defaults()
    kept = {key: value for key, value in options.items() if key in FIELDS}
    dropped: list[str] = []
    for _ in range(len(FIELDS) + 1):
        try:
            request = resolve_request(kept, choices)
        except RequestRejected as error:
            at_fault = [name for name in error.errors if name in kept]
            if not at_fault:
                return defaults, tuple(dropped)
            for name in at_fault:
                del kept[name]
                dropped.append(choices.policy(name).label or label_of(name))
            continue
        return {**defaults, **request.options()}, tuple(dropped)
    return defaults, tuple(dropped)
