"""What a release asks of a request: where it may be started, the least that it needs, and nodes that it is built for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..accounting.partition_limits import PartitionLimits
from ..humanize import gpus_in_words, joined
from ..i18n import _
from ..site.release import Release, day_of
from ..site.release_policy import AdvancedReleases, releases_for
from ..slurm.resources import CORES, MEMORY
from .choices import Choices
from .model import SessionRequest

CONSTRAINT = "--constraint="


def with_own_releases(choices: Choices, policy: AdvancedReleases, groups: Iterable[str], *, is_admin: bool = False) -> Choices:
    """Return the choices with those of the releases only that their user, who is in ``groups``, may choose."""
    own = releases_for(choices.catalogue.releases, policy, choices.viewer(groups), day_of(choices.now), is_admin=is_admin)
    return replace(choices, catalogue=choices.catalogue.with_releases(own))


def is_built_for(release: Release, partition: PartitionLimits) -> bool:
    """Tell whether some nodes of the partition have an architecture of the release; where nobody knows that, they may."""
    if not release.architectures:
        return True
    named = [own.partitions for own in release.architectures.values() if own.partitions]
    if any(partition.name in partitions for partitions in named):
        return True
    if partition.architectures is None:
        return not named
    # An architecture that names its partitions is nowhere else.
    anywhere = {name for name, own in release.architectures.items() if not own.partitions}
    return bool(partition.architectures & anywhere)


def may_be_in(release: Release, partition: PartitionLimits) -> bool:
    """Tell whether the release may be started in the partition, with some account."""
    named = not release.partitions or partition.name in release.partitions
    return named and partition.gpus_of("") >= release.least_gpus and is_built_for(release, partition)


def fits_place(release: Release, partition: PartitionLimits, account: str, reservation: str) -> bool:
    """Tell whether the release may be started in the partition, with the account, in the reservation (empty for none)."""
    return not problem_of_place(release, partition, account, reservation, ())


def problem_of_place(release: Release, partition: PartitionLimits | None, account: str, reservation: str, partitions: Sequence[str]) -> str:
    """Return why the release cannot be started there, and what to choose instead; empty where it can.

    ``partitions`` are those that the user may choose, of which a release may name more.
    """
    if release.partitions and (partition is None or partition.name not in release.partitions):
        there = joined([name for name in release.partitions if name in partitions])
        sentence = _("{release} can only be started in partition {list}. Choose that, or another release.")
        return sentence.format(release=release.title, list=there)
    if release.accounts and account not in release.accounts:
        sentence = _("{release} can only be started with account {list}. Choose that, or another release.")
        return sentence.format(release=release.title, list=joined(release.accounts))
    if release.reservations and reservation not in release.reservations:
        sentence = _("{release} can only be started in reservation {list}. Choose that, or another release.")
        return sentence.format(release=release.title, list=joined(release.reservations))
    if partition is not None and not is_built_for(release, partition):
        sentence = _("{release} is built for {architectures}, and partition {partition} has no such nodes. Choose another of the two.")
        return sentence.format(release=release.title, architectures=joined(list(release.architectures)), partition=partition.name)
    if partition is not None and partition.gpus_of("") < release.least_gpus:
        sentence = _("{release} needs {gpus}, which partition {partition} does not have on one node. Choose another of the two.")
        gpus = gpus_in_words(release.least_gpus, "")
        return sentence.format(release=release.title, gpus=gpus, partition=partition.name)
    return ""


def least_of(release: Release | None, name: str) -> int:
    """Return the least cores, or MB of memory, that a session of the release needs; 0 where it needs none, or there is none."""
    if release is None or name not in (CORES, MEMORY):
        return 0
    return release.minimum.cores if name == CORES else release.minimum.memory


def too_few(value: str, least: str, release: Release) -> str:
    """Return the refusal of less cores or memory than the release needs."""
    return _("{value} is less than the {least} that {release} needs. Ask for at least {least}, or choose another release.").format(
        value=value, least=least, release=release.title
    )


def too_few_gpus(number: int, release: Release | None) -> str:
    """Return why so many whole GPUs are too few for the release; empty where they are enough."""
    if release is None or number >= release.least_gpus:
        return ""
    if release.least_gpus == 1:
        return _("{release} needs a GPU. Choose one, or another release.").format(release=release.title)
    return _("{release} needs {gpus}. Choose as many, or another release.").format(
        release=release.title, gpus=gpus_in_words(release.least_gpus, "")
    )


def constraint_of(release: Release | None, partition: PartitionLimits | None) -> str:
    """Return what sbatch's ``--constraint`` has to ask for, so that the job gets nodes that the release is built for; empty for nothing.

    Where all nodes of the partition are of such architectures nothing need be asked for.
    """
    if release is None or partition is None or not release.architectures:
        return ""
    there = partition.architectures
    if there is not None and there <= release.architectures.keys():
        return ""
    features = {name: own.constraint for name, own in release.architectures.items() if own.constraint}
    # Where there is no such node, Slurm is to say so too.
    return "|".join(dict.fromkeys([feature for name, feature in features.items() if there and name in there] or features.values()))


def with_constraint(sbatch_options: Sequence[str], constraint: str) -> tuple[str, ...]:
    """Return the admin's options of sbatch with a constraint more: what the admin asks for holds as well."""
    options = tuple(sbatch_options)
    if not constraint:
        return options
    own = [option for option in options if option.startswith(CONSTRAINT)]
    if not own:
        return (*options, CONSTRAINT + constraint)
    # sbatch(1): parentheses group features, & binds them; of options that stand there twice the last counts.
    both = "&".join(f"({part})" if "|" in part else part for part in (own[-1].removeprefix(CONSTRAINT), constraint))
    return (*(option for option in options if option not in own), CONSTRAINT + both)


def options_for(request: SessionRequest, choices: Choices, sbatch_options: Sequence[str]) -> tuple[str, ...]:
    """Return the options of sbatch that the request's job gets besides its own: the admin's, and what it and its release ask of nodes."""
    return options_of_job(request, choices.release(request.release), choices.partition(request.partition), sbatch_options)


def options_of_job(
    request: SessionRequest, release: Release | None, partition: PartitionLimits | None, sbatch_options: Sequence[str]
) -> tuple[str, ...]:
    """Return the same where release and partition are known."""
    return with_constraint(with_constraint(sbatch_options, constraint_of(release, partition)), request.constraint)
