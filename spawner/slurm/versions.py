"""What differs between versions of Slurm and cannot be seen in what it prints: one function a rule, with where it is written.

What a version prints otherwise is told by the answer itself, and read where it is parsed: ``Exclusive=`` beside ``OverSubscribe=`` of a
partition from 26.05 on (:mod:`.scontrol`), ``3:0`` for an exit code from 24.11 on (:mod:`.squeue`). docs/slurm-versions.md has all of them
in one table.

A version is what ``scontrol show config`` says, ``(24, 11, 5)``. Empty is unknown, and treated as the newest.
"""

from __future__ import annotations

Version = tuple[int, ...]


def _at_least(version: Version, release: Version) -> bool:
    return not version or version >= release


def accounts_are_hierarchical(version: Version) -> bool:
    """Whether AllowAccounts and DenyAccounts of a partition hold for the accounts below those that they name.

    slurm.conf(5), AllowAccounts: "This list is hierarchical, meaning subaccounts are included automatically"; from 23.02 on.
    """
    return _at_least(version, (23, 2))


def unknown_accounts_are_ignored(version: Version) -> bool:
    """Whether these lists are nothing but the accounts in them that slurmdbd has, so that a list of none of these is no list.

    Before 23.02 the names were compared as text. accounts_list_build in src/slurmctld/read_config.c; slurmctld's log: "Partition …'s last
    AllowAccounts association was removed; partition now allows all accounts".
    """
    return _at_least(version, (23, 2))


def memory_adds(version: Version) -> str:
    """What a job that has more memory than MaxMemPerCPU for each of its cores is given more of: ``cpu``, or ``task``, each with its cores.

    Measured for 22.05.8, 24.11.5 and 26.05.5; between them ``_valid_pn_min_mem`` in src/slurmctld/job_mgr.c changes with 24.11.
    """
    return "cpu" if _at_least(version, (24, 11)) else "task"


def magnets_draw_in_what_is_longer(version: Version) -> bool:
    """Whether a reservation with MAGNETIC draws in a job that is longer than it, and ends it with itself.

    Release notes of 25.11: "Prevent jobs that cannot fit in the reservation's time limit from being attracted to a magnetic reservation".
    """
    return not _at_least(version, (25, 11))


def only_asked_for_sharing_bars(version: Version) -> bool:
    """Whether a job keeps those of other partitions off its node only if it shares its cores for sure, by ``--oversubscribe`` or FORCE.

    Before 23.11.7 any job in a partition with OverSubscribe=YES did (``_is_job_sharing`` in select/cons_tres; measured, 22.05.8, 26.05.5).
    """
    return _at_least(version, (23, 11, 7))


def loses_odd_threads(version: Version) -> bool:
    """Whether a job with GPUs loses the odd threads of a MaxCPUsPerNode: the library that chose GPUs before 23.11 counted whole cores.

    ``gres_select_filter_sock_core``, of which 23.11 made ``_gres_select_filter…`` in select/cons_tres; measured, 22.05.8 and 24.11.5.
    """
    return not _at_least(version, (23, 11))
