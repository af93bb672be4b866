"""The form as data: what each field shows. The template only prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..accounting.partition_limits import PartitionLimits
from ..humanize import (
    cores_in_words,
    duration,
    gpu_type_in_words,
    gpus_in_words,
    iso_time,
    joined,
    limit_of_memory,
    moment_in_words,
    share_of_gpu,
)
from ..i18n import _
from ..site.release import day_of
from ..units import format_walltime
from .choices import Choices
from .constraint import constraint_values
from .gpus import GpuRequest, parse_gpus
from .model import FIELDS, SessionRequest, help_of, label_of, memory_value, unit_of
from .nodes import most_nodes
from .qos import qos_values
from .ranges import Range, gpus_there, limits_there, ranges
from .release_words import releases_on_page
from .start_folder import areas_in_words
from .useful_values import useful_values
from .validation import judge_request
from .variables import names_in


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a choice; a ``disabled`` one is shown and cannot be chosen (yet). Those of one ``group`` stand under its name.

    ``moment`` (ISO 8601) is what its label tells, if any, and ``words`` the label with ``{moment}`` in its place: a browser takes no
    ``<time>`` there.
    """

    value: str
    label: str
    selected: bool = False
    disabled: bool = False
    group: str = ""
    moment: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class UsefulValue:
    """A value to press: what the field then holds, what stands on the button, and the number that it is (cores, MB, minutes)."""

    value: str
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the page.

    ``kind`` is ``select``, ``buttons`` (few values, one press each), ``number`` or ``text``. ``range`` says in words what is
    allowed. ``minimum`` and ``maximum`` are for a number's widget, None for the others. ``useful`` are values of a number to press.
    ``folded`` fields stand behind one line that names their values.
    """

    key: str
    label: str
    help: str
    kind: str
    value: str
    unit: str = ""
    range: str = ""
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    error: str = ""
    locked: bool = False
    useful: tuple[UsefulValue, ...] = ()
    folded: bool = False

    @property
    def shown(self) -> str:
        """Its value as a person reads it in the line of folded fields."""
        if self.key == "reservation" and not self.value:
            return _("no reservation")
        if self.key == "qos":
            return _("QOS {name}").format(name=self.value) if self.value else ""
        if self.key == "constraint":
            return _("nodes with {feature}").format(feature=self.value) if self.value else ""
        if self.key in ("nodes", "tasks"):
            return f"{self.value} {self.unit}" if self.value not in ("", "1") else ""
        if self.key == "cores" and self.value.isascii() and self.value.isdigit():
            return cores_in_words(int(self.value))
        label = next((option.label for option in self.options if option.value == self.value), self.value)
        return f"{label} {self.unit}" if self.key == "memory" and label.isascii() and label.isdigit() else label


PAGE_ORDER = (
    *("gpus", "cores", "memory", "walltime", "release", "interface"),
    *("partition", "account", "reservation", "qos", "constraint", "nodes", "tasks"),
)
"""The fields as they stand on the page, where the admin says nothing else: what a person needs first, what Slurm calls it last."""

FOLDED = frozenset({"partition", "account", "reservation", "qos", "constraint", "nodes", "tasks"})
"""Those that have a value of their own for nearly everybody, so that one line names them."""

POSITION_STEP = 10
"""Between the positions of the fields of :data:`PAGE_ORDER`, so that an admin can put one between two of them."""


def _in_page_order(choices: Choices) -> list[str]:
    def position(key: str) -> int:
        own = choices.policy(key).position
        return (PAGE_ORDER.index(key) + 1) * POSITION_STEP if own is None else own

    return sorted(PAGE_ORDER, key=position)


def labels_on_page(choices: Choices) -> dict[str, str]:
    """Return the fields that the page has for this user, in their order, each with its name there; none where it has presets only."""
    if choices.only_presets:
        return {}
    left_out = {
        "account": choices.accounts is None,
        "memory": not choices.asks_for_memory,
        "qos": "qos" not in choices.policies or not qos_values(choices),
        "constraint": "constraint" not in choices.policies or not constraint_values(choices),
        **{name: name not in choices.policies for name in ("nodes", "tasks")},
    }
    labels = {}
    for key in _in_page_order(choices):
        policy = choices.policy(key)
        if not policy.hidden and not left_out.get(key):
            labels[key] = policy.label or label_of(key)
    return labels


def _sharing(partition: PartitionLimits) -> str:
    if partition.users_per_core <= 1:
        return ""
    return _("If all are taken, up to {number} sessions share a core.").format(number=partition.users_per_core)


def form_fields(choices: Choices, values: Mapping[str, Any], errors: Mapping[str, str]) -> tuple[FormField, ...]:
    """Return the fields of the page in their order, filled with ``values`` as typed, wrong ones marked with ``errors``."""
    request = judge_request({key: value for key, value in values.items() if key in FIELDS}, choices)[0]
    found = ranges(request, choices)
    words = ranges_in_words(request, choices, found)
    # Where the place that is asked for is none, as in an old link, the buttons are those of the form as it opens.
    useful = useful_to_press(found or ranges(judge_request({}, choices)[0], choices))
    built = []
    for key, label in labels_on_page(choices).items():
        policy = choices.policy(key)
        built.append(
            FormField(
                key=key,
                label=label,
                help=policy.help or (_help_of_gpus(choices) if key == "gpus" else help_of(key)),
                unit=unit_of(key),
                error=errors.get(key, ""),
                locked=policy.locked,
                range=words.get(key, ""),
                useful=() if policy.locked else useful.get(key, ()),
                folded=key in FOLDED if policy.folded is None else policy.folded,
                **_widget(key, choices, str(values.get(key, ""))),
            )
        )
    return tuple(built)


def environment_field(choices: Choices, text: str, errors: Mapping[str, str]) -> FormField | None:
    """Return the field of the variables, of kind ``variables``, as :func:`form_fields`; None where the page has none.

    ``text`` is what stands in it, without secrets, and ``range`` the names in it, for the line that it is folded behind.
    """
    policy, key = choices.policy("environment"), "environment"
    if policy.hidden or choices.only_presets:
        return None
    names = ", ".join(names_in(text))
    label, help_text = policy.label or label_of(key), policy.help or help_of(key)
    return FormField(key=key, label=label, help=help_text, kind="variables", value=text, range=names, error=errors.get(key, ""))


def ranges_in_words(request: SessionRequest, choices: Choices, found: Mapping[str, Range]) -> dict[str, str]:
    """Return what the numbers may be in the request's place, as :func:`.ranges.ranges` has found, a sentence or two by field."""
    limits = limits_there(request, choices)
    words = {"gpus": _gpus_in_words(request, choices), "start_folder": areas_in_words(choices)}
    if limits is None or not found:
        return words
    return {
        "cores": " ".join(part for part in (_range(found["cores"], str), _sharing(limits)) if part),
        "memory": _range(found["memory"], limit_of_memory),
        "walltime": _range(found["walltime"], duration),
        **words,
    }


def useful_to_press(found: Mapping[str, Range]) -> dict[str, tuple[UsefulValue, ...]]:
    """Return the values of cores, memory and time to press within these ranges, by field."""
    shown: dict[str, Callable[[int], tuple[str, str]]] = {
        "cores": lambda number: (str(number), str(number)),
        # The field behind them says GB.
        "memory": lambda number: (memory_value(number).removesuffix("G"), limit_of_memory(number).removesuffix(" GB")),
        "walltime": lambda number: (format_walltime(number), duration(number)),
    }
    return {
        name: tuple(UsefulValue(*shown[name](number), number) for number in useful_values(name, bounds)) for name, bounds in found.items()
    }


def _range(found: Range, in_words: Callable[[int], str]) -> str:
    if found.values:
        return _("One of: {values}.").format(values=", ".join(in_words(value) for value in found.values))
    if found.most is None:
        return _("No limit.")
    if in_words is str:
        return _("{least} to {most}.").format(least=found.least, most=found.most)
    if found.least > 1:
        return _("{least} to {most}.").format(least=in_words(found.least), most=in_words(found.most))
    return _("At most {most}.").format(most=in_words(found.most))


def _gpus_in_words(request: SessionRequest, choices: Choices) -> str:
    most: dict[str, int] = {}
    parts: dict[tuple[str, str], GpuRequest] = {}
    for gpus in gpus_there(request, choices):
        if gpus.is_part:
            parts.setdefault((gpus.gres, gpus.type), choices.gpus.known(gpus, request.partition))
        elif gpus.count:
            most[gpus.type] = max(most.get(gpus.type, 0), gpus.count)
    if not most and not parts:
        return _("There are no GPUs here.")
    sentences = []
    if most:
        each = str(most[""]) if list(most) == [""] else ", ".join(gpus_in_words(number, gpu_type) for gpu_type, number in most.items())
        sentences.append(_("At most {number} on one node.").format(number=each))
    if parts:
        smallest = joined([gpus.words for gpus in parts.values()])
        sentences.append(_("Or a part of one, from {smallest} on.").format(smallest=smallest))
    return " ".join(sentences)


def _help_of_gpus(choices: Choices) -> str:
    if not any(gpus.is_part for gpus in choices.gpus.values()):
        return help_of("gpus")
    return _("Whole GPUs are yours alone while the session runs. A part of a GPU is not: others use the same one, and may take its memory.")


def shown_value(request: SessionRequest, key: str, choices: Choices) -> str:
    """Return a field's value as the form shows it: GB without its letter, a GPU configuration as it is offered."""
    if key == "gpus":
        return _offered_gpus(choices, request.gpus)
    value = str(request.options().get(key, ""))
    return value.removesuffix("G") if key == "memory" else value


def _offered_gpus(choices: Choices, wanted: GpuRequest) -> str:
    """The value of the option that asks for these GPUs: plain counts where there is one type."""
    offered = choices.gpus.values()
    types = choices.gpus.part_types(wanted.gres) if wanted.is_part else _gpu_types(choices)
    if wanted not in offered and types == (wanted.type,):
        return replace(wanted, type="").value
    return wanted.value


def select(value: str, offered: Iterable[tuple[str, str]], kind: str = "select") -> dict[str, Any]:
    """A choice. A value that is not offered (any more) is not invented: the first one stands selected, as a browser would do."""
    pairs = list(offered)
    chosen = value if value in [entry for entry, _label in pairs] else (pairs[0][0] if pairs else "")
    return {
        "kind": kind,
        "value": chosen,
        "options": tuple(Option(entry, label, entry == chosen) for entry, label in pairs),
    }


def _widget(key: str, choices: Choices, value: str) -> dict[str, Any]:
    partitions = choices.partitions
    if key == "reservation":
        widget = select(value, [(name, name or _("None")) for name in choices.reservation_values])
        later = [
            Option(
                entry.name,
                _("{name} (begins {moment})").format(name=entry.name, moment=moment_in_words(entry.start, choices.now)),
                disabled=True,
                moment=iso_time(entry.start),
                words=_("{name} (begins {moment})").format(name=entry.name, moment=_("at {moment}")),
            )
            for entry in choices.upcoming_reservations
        ]
        return {**widget, "options": (*widget["options"], *later)}
    if key == "qos":
        return select(value, [(name, name or _("As Slurm chooses")) for name in qos_values(choices)])
    if key == "constraint":
        return select(value, [(name, name or _("Any node")) for name in constraint_values(choices)])
    if key == "account":
        return select(value, [(account, account) for account in choices.accounts or ()])
    if key == "partition":
        return select(value, [(partition.name, partition.name) for partition in partitions])
    if key == "release":
        return _release_widget(choices, value)
    if key == "interface":
        interfaces = choices.interfaces()
        kind = "buttons" if len(interfaces) <= MAX_BUTTONS else "select"
        return select(value, [(interface.name, _(interface.label)) for interface in interfaces], kind=kind)
    if key == "gpus":
        return _gpu_widget(choices, value)
    if key in ("nodes", "tasks"):
        bounds = [most_nodes(choices, entry) for entry in partitions] if key == "nodes" else [choices.bound(key, "maximum", 0) or None]
        most_of_all = None if not bounds or None in bounds else max(bound for bound in bounds if bound is not None)
        return {"kind": "number", "value": value or "1", "minimum": choices.bound(key, "minimum", 1), "maximum": most_of_all}
    if key == "cores":
        low = choices.bound("cores", "minimum", 1)
        most = [min(entry.max_cores, choices.bound("cores", "maximum", entry.max_cores)) for entry in partitions]
        return {"kind": "number", "value": value, "minimum": low, "maximum": max(most, default=low)}
    return {"kind": "text", "value": value.removesuffix("G") if key == "memory" else value}


def _release_widget(choices: Choices, value: str) -> dict[str, Any]:
    """The newest tested releases to press, and two folds with the older ones and those that are not for everybody."""
    folds = {"": "", "older": _("Older releases"), "advanced": _("Advanced")}
    shown = sorted(
        releases_on_page(choices.catalogue, choices.releases, day_of(choices.now)), key=lambda entry: list(folds).index(entry.fold)
    )
    widget = select(value, [(entry.release.tag, entry.title) for entry in shown], kind="buttons")
    options = tuple(replace(option, group=folds[entry.fold]) for option, entry in zip(widget["options"], shown, strict=True))
    return {**widget, "options": options}


MAX_BUTTONS = 6


def _gpu_widget(choices: Choices, value: str) -> dict[str, Any]:
    offered = choices.gpus.values()
    try:
        wanted = choices.gpus.known(parse_gpus(value))
    except ValueError:
        wanted = parse_gpus(0)
    buttons = len(offered) <= MAX_BUTTONS
    labels = [(gpus.value, _gpu_label(gpus, choices, short=buttons)) for gpus in offered]
    chosen = _offered_gpus(choices, wanted)
    if wanted.is_part and chosen not in dict(labels) and choices.policy("gpus").choices is None and choices.gpus.part_types(wanted.gres):
        labels.append((chosen, _gpu_label(wanted, choices, short=buttons)))
    widget = select(chosen, labels, kind="buttons" if buttons else "select")
    if buttons:
        return widget
    parts = {gpus.value for gpus in offered if gpus.is_part} | ({chosen} if wanted.is_part else set())
    group = _("Parts of a GPU")
    return {**widget, "options": tuple(replace(option, group=group if option.value in parts else "") for option in widget["options"])}


def _gpu_label(gpus: GpuRequest, choices: Choices, *, short: bool) -> str:
    """What stands on the choice: on a button as little as will do."""
    if not gpus.count:
        return _("None")
    if gpus.is_part and (not short or gpus.per_card is None):
        return gpus.words if short else gpus.words_in_full
    if gpus.is_part and gpus.per_card is not None:
        return f"{share_of_gpu(gpus.gres, gpus.count, gpus.per_card)} {gpu_type_in_words(gpus.type or gpus.card) or 'GPU'}"
    types = _gpu_types(choices)
    if gpus.type or (len(types) == 1 and types[0]):
        return gpus_in_words(gpus.count, gpus.type or types[0])
    # Translators: so many GPUs, of whatever type they are
    return _("{number} of any type").format(number=gpus.count) if len(types) > 1 else str(gpus.count)


def _gpu_types(choices: Choices) -> tuple[str, ...]:
    return tuple(sorted({gpu_type for partition in choices.partitions for gpu_type, _count in partition.gpus}))
