"""Which QOS a job runs under, and what slurmdbd knows of users."""

from __future__ import annotations

import pytest

from spawner.accounting.qos import AccountingRecords, forced_qos, qos_of_job
from spawner.slurm.model import AccountingLimits, Association, Holdings, Qos, Use

NORMAL = Qos("normal")


@pytest.mark.parametrize(
    ("forced", "own", "root", "name"),
    [
        pytest.param("", Association("a", "u"), "", "normal", id="nothing-said"),
        pytest.param("", Association("a", "u", qos=("x", "y"), default_qos="y"), "z", "y", id="the-default"),
        pytest.param("", Association("a", "u", qos=("x",)), "z", "x", id="the-only-one"),
        pytest.param("", Association("a", "u", qos=("x", "y")), "z", "z", id="the-root-accounts"),
        pytest.param("", Association("a", "u", qos=("x", "y")), "", "normal", id="several-and-no-default"),
        pytest.param("", None, "", "normal", id="no-association"),
        pytest.param("w", Association("a", "u", qos=("x",), default_qos="x"), "z", "w", id="asked-for"),
    ],
)
def test_qos_of_job(forced: str, own: Association | None, root: str, name: str) -> None:
    """As assoc_mgr_get_default_qos_info chooses it."""
    assert qos_of_job(forced, own, (Association("root", default_qos=root), Association("b", default_qos="other"))) == name


@pytest.mark.parametrize(
    ("options", "name"),
    [((), ""), (("--constraint=v100",), ""), (("--qos=a", "--mem=1"), "a"), (("--qos=a", "--qos=b"), "b"), (("--qos-x=a",), "")],
)
def test_forced_qos(options: tuple[str, ...], name: str) -> None:
    """The admin's own options of sbatch may name one; the last one wins, as for sbatch."""
    assert forced_qos(options) == name


def test_accounting() -> None:
    """Rows by user; whether shared limits exist; what slurmctld knows that slurmdbd has not told yet."""
    rows = (Association("root"), Association("low", parent="root"), Association("low", "ada"), Association("low", "grace", "gpu"))
    known = AccountingRecords(rows, (), (NORMAL,))
    assert known.rows_of("ada") == (rows[2], rows[0], rows[1])
    assert known.has_user("grace")
    assert not known.has_user("nobody")
    assert not known.has_shared_limits
    assert AccountingRecords(rows, (), (Qos("x", limits=AccountingLimits(per_user=(("cpu", 1),))),)).has_shared_limits
    assert AccountingRecords((Association("a", limits=AccountingLimits(max_jobs=1)),), ()).has_shared_limits
    held = Holdings({("low", "ada", ""): Use(), ("low", "grace", ""): Use(), ("low", "grace", "gpu"): Use()})
    assert known.lacks(held) == {("low", "grace", "")}
