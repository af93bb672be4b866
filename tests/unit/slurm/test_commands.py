"""Tests for spawner.slurm.commands: the argv of each command."""

from __future__ import annotations

import pytest

from spawner.slurm import commands, squeue

READERS = [
    pytest.param(commands.show_nodes(), id="nodes"),
    pytest.param(commands.show_partitions(), id="partitions"),
    pytest.param(commands.show_reservations(), id="reservations"),
    pytest.param(commands.show_config(), id="config"),
    pytest.param(commands.show_associations(), id="associations"),
    pytest.param(commands.show_users(), id="users"),
    pytest.param(commands.show_qos(), id="qos"),
    pytest.param(commands.show_holdings(), id="holdings"),
    pytest.param(commands.list_jobs(), id="jobs"),
    pytest.param(commands.list_tagged_jobs("ada"), id="tagged-jobs"),
]


@pytest.mark.parametrize("argv", [*READERS, pytest.param(commands.cancel(1, "ada"), id="cancel")])
def test_an_argv_is_a_tuple_of_words_with_a_bare_command(argv: tuple[str, ...]) -> None:
    """The runner finds the command's path; no word is empty and none holds what a shell or a terminal would act on."""
    assert isinstance(argv, tuple)
    assert argv[0] in {"scontrol", "sacctmgr", "squeue", "scancel"}
    assert all(word and word.isprintable() and not set(word) & set("\"'`$;&|()<>*?~\\\n") for word in argv)


@pytest.mark.parametrize("argv", READERS)
def test_reading_commands_change_nothing(argv: tuple[str, ...]) -> None:
    """A command that reads holds no word that changes anything."""
    assert not set(argv) & {"update", "create", "delete", "add", "modify", "requeue", "suspend", "--immediate", "-i"}


@pytest.mark.parametrize("argv", [param for param in READERS if param.id not in ("associations", "users", "qos")])
def test_commands_stay_on_this_cluster(argv: tuple[str, ...]) -> None:
    """``--local`` wherever the option exists: a federated answer lacks GresUsed."""
    assert "--local" in argv


def test_nodes_come_with_details_one_a_line() -> None:
    """GresUsed is printed with ``--details`` only, and a record is a line with ``--oneliner`` only."""
    assert {"--details", "--oneliner", "--all"} <= set(commands.show_nodes())


@pytest.mark.parametrize("argv", [commands.show_partitions(), commands.show_reservations()], ids=["partitions", "reservations"])
def test_hidden_records_are_listed_one_a_line(argv: tuple[str, ...]) -> None:
    """What is hidden from users is still told: the admin may offer it."""
    assert {"--all", "--oneliner"} <= set(argv)


@pytest.mark.parametrize(
    "argv", [commands.show_associations(), commands.show_users(), commands.show_qos()], ids=["associations", "users", "qos"]
)
def test_one_call_of_sacctmgr_serves_all_users(argv: tuple[str, ...]) -> None:
    """No user's name is asked for: the number of calls does not grow with the users."""
    assert {"--noheader", "--parsable2"} <= set(argv)
    assert not any("where" in word or word.lower().startswith("user=") for word in argv)


def _format_of(argv: tuple[str, ...]) -> str:
    (option,) = [word for word in argv if word.startswith("--Format=")]
    return option.removeprefix("--Format=")


@pytest.mark.parametrize("argv", [commands.list_jobs("m"), commands.list_tagged_jobs("ada", "m")], ids=["jobs", "tagged-jobs"])
def test_columns_of_squeue_have_no_width(argv: tuple[str, ...]) -> None:
    """Every field ends in ``:`` and a separator, so its width is 0 and nothing is cut; the last has no separator."""
    first, *middle, last = _format_of(argv).split(",")
    assert first == "JobID:^m^"
    assert all(field.endswith(":^") for field in middle)
    assert last.endswith(":")
    assert not any(character.isdigit() for character in _format_of(argv))


def test_the_bulk_list_has_no_column_that_a_user_writes() -> None:
    """Name, comment, working folder and command are users' texts, and squeue prints a newline in them as it is."""
    asked = _format_of(commands.list_jobs()).lower()
    assert not [field for field in ("name:", "comment", "workdir", "command", "wckey", "stdout", "stdin") if f",{field}" in asked]
    assert "username:^" in asked


def test_the_bulk_list_asks_for_no_details() -> None:
    """A capital C in ``--format`` makes squeue fetch details; ``--Format`` does not test for it, and there is no ``--format``."""
    assert not any(word.startswith(("--format", "-o")) for word in commands.list_jobs())


def test_the_bulk_list_has_ended_jobs_of_all_users() -> None:
    """squeue hides ended jobs by default; then an ended job would look like one that never was."""
    argv = commands.list_jobs()
    assert {"--states=all", "--all"} <= set(argv)
    assert "--noheader" not in argv, "the header tells no jobs from another program's words"
    assert not any(word.startswith(("--user", "-u", "--jobs", "-j", "--me")) for word in argv)


def test_the_mark_is_this_processs_own_unless_given() -> None:
    """The mark is in the first column by default, and long enough not to be guessed."""
    assert len(squeue.MARK) >= 16
    assert f"JobID:^{squeue.MARK}^," in _format_of(commands.list_jobs())


def test_tagged_jobs_are_those_of_one_user() -> None:
    """The user is part of the query, and the comment the last column."""
    argv = commands.list_tagged_jobs("ada.l@example")
    assert "--user=ada.l@example" in argv
    assert _format_of(argv).endswith(",Comment:")


def test_a_job_is_cancelled_only_if_it_is_the_users() -> None:
    """scancel gets one id and the owner's name, and no signal: it ends the whole job."""
    assert commands.cancel(4711, "ada") == ("scancel", "--user=ada", "4711")


@pytest.mark.parametrize("job_id", [0, -1])
def test_no_id_is_no_order(job_id: int) -> None:
    """Without an id scancel would end every job of the user."""
    with pytest.raises(ValueError, match="id of a job"):
        commands.cancel(job_id, "ada")


@pytest.mark.parametrize("user", ["", "-u", "ada,grace", "ada grace", "ada\n", "ada|x", "ada\x00"], ids=repr)
def test_a_name_that_would_mean_more_than_one_user_is_refused(user: str) -> None:
    """A comma makes a list, and an empty name means everybody."""
    with pytest.raises(ValueError, match="name of a user"):
        commands.list_tagged_jobs(user)
    with pytest.raises(ValueError, match="name of a user"):
        commands.cancel(1, user)
