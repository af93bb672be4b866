"""The QOS of a request: what may be asked for, how it changes what else may be, and how that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.accounting.entitlement import Entitlement
from spawner.request.choices import Choices
from spawner.request.defaults import default_values
from spawner.request.form_fields import FormField, form_fields
from spawner.request.model import parse_request
from spawner.request.policy import parse_policies
from spawner.request.presets import parse_presets
from spawner.request.qos import choices_for, qos_asked, qos_values
from spawner.request.recent import remember
from spawner.request.restore import restore_valid
from spawner.request.suggestions import offered_presets
from spawner.request.validation import judge_request, resolve_request
from spawner.slurm.model import AccountingLimits, Qos
from tests.support.builders import choices, config, cpu_partition, demo_associations, partition

LONG = Qos("long", limits=AccountingLimits(per_job=(("cpu", 4),)))
WIDE = Qos("wide", flags=frozenset({"PartitionTimeLimit"}), limits=AccountingLimits(max_minutes=6000))
OTHERS = Qos("others")
ENFORCED = "associations,limits,qos"


def under(qos: str, *, own: tuple[str, ...] = ("normal", "long", "wide"), enforced: str = ENFORCED, user: str = "ada") -> Choices:
    """ada's choices where every job asks for this QOS, as Slurm's answers give them. The partition for CPUs takes no job under ``long``."""
    rows = tuple(
        replace(entry, qos=own, default_qos="normal") if (entry.account, entry.user) == ("cin_ada", "ada") else entry
        for entry in demo_associations()
    )
    return choices(
        user,
        associations=rows,
        qos=(Qos("normal"), LONG, WIDE, OTHERS),
        partitions=(partition(), cpu_partition(deny_qos=("long",))),
        config=config(AccountingStorageEnforce=enforced),
        job_qos=qos,
    )


def offered(*names: str, fields: dict[str, Any] | None = None, **more: Any) -> Choices:
    """The same, as the Hub asks: nothing forced, and each of these QOS known by its rules."""
    plain = under("", **more)
    by_qos: dict[str, Entitlement] = {name: under(name, **more).entitlement for name in ("", *names)}
    return replace(plain, by_qos=by_qos, policies=parse_policies(fields or {}))


def refusals(options: dict[str, Any], there: Choices) -> dict[str, str]:
    """What is wrong with a request, by field."""
    return judge_request({"account": "cin_ada", **options}, there)[1]


def test_what_may_be_asked_for() -> None:
    """The QOS of the user's associations, of those that there are; all of them where Slurm enforces none."""
    assert qos_values(offered()) == ("", "long", "normal", "wide")
    assert qos_values(offered(own=("normal", "gone"))) == ("", "normal")
    assert qos_values(offered(own=())) == ()
    assert qos_values(offered(own=(), enforced="associations")) == ("", "long", "normal", "others", "wide")
    assert qos_values(replace(offered(), forced_qos="normal")) == ()


def test_whose_rules_count() -> None:
    """The request's own QOS, else its preset's, else the admin's default; in any spelling; none that the user does not have."""
    (preset,) = parse_presets([{"name": "deep", "values": {"qos": "wide"}}])
    there = replace(offered("long", "wide"), presets=(preset,))
    assert qos_asked({"qos": "LONG"}, there) == "long"
    assert qos_asked({"preset": "deep"}, there) == "wide"
    assert qos_asked({"preset": "deep", "qos": ""}, there) == ""
    assert qos_asked({"qos": "others"}, there) == ""
    assert qos_asked({"qos": ["long"]}, there) == ""
    assert qos_asked({}, replace(there, policies=parse_policies({"qos": {"default": "Long"}}))) == "long"


def test_limits_are_those_of_the_qos() -> None:
    """Five cores are too many under one, and five days are allowed under another."""
    there = offered("long", "wide")
    assert refusals({"partition": "g100_int", "cores": 5}, there) == {}
    assert list(refusals({"partition": "g100_int", "cores": 5, "qos": "long"}, there)) == ["cores"]
    assert "QOS long" in refusals({"partition": "g100_int", "cores": 5, "qos": "long"}, there)["cores"]
    assert list(refusals({"partition": "g100_int", "walltime": "4-00:00:00"}, there)) == ["walltime"]
    assert refusals({"partition": "g100_int", "walltime": "4-00:00:00", "qos": "wide"}, there) == {}


def test_one_that_the_partition_does_not_take() -> None:
    """It is the QOS's fault, and not the partition's; without a partition one that does take it is taken."""
    there = offered("long")
    wrong = refusals({"partition": "g100_cpu", "qos": "long"}, there)
    assert list(wrong) == ["qos"]
    assert "“long” may not be used in partition g100_cpu." in wrong["qos"]
    assert judge_request({"account": "cin_ada", "qos": "long"}, there)[0].partition == "g100_int"
    assert choices_for({"qos": "long"}, there).barred == {"g100_cpu"}
    assert refusals({"partition": "g100_cpu", "qos": ""}, choices_for({"qos": "long"}, there)) == {}, "another request, judged beside it"


def test_one_that_no_partition_takes() -> None:
    """The user is not told that they have no account."""
    nowhere = replace(offered(), by_qos={"": under("").entitlement, "long": replace(under("long").entitlement, partitions=())})
    wrong = refusals({"partition": "g100_int", "qos": "long"}, nowhere)
    assert list(wrong) == ["qos"]
    assert "may not be used in partition g100_int" in wrong["qos"]


@pytest.mark.parametrize("value", ["others", "gone", "NORMAL2", "-x"])
def test_one_that_the_user_does_not_have(value: str) -> None:
    """One sentence, with those that there are."""
    wrong = refusals({"partition": "g100_int", "qos": value}, offered())
    assert list(wrong) == ["qos"]
    assert value == "-x" or "long, normal" in wrong["qos"]


def test_where_there_is_nothing_to_choose() -> None:
    """No associations with a QOS, one that the admin's options ask for, one that the field is locked to."""
    assert "Leave it empty." in refusals({"qos": "normal"}, choices())["qos"]
    forced = replace(under("normal"), forced_qos="normal")
    assert "sets the QOS itself" in refusals({"qos": "long"}, forced)["qos"]
    assert refusals({"qos": "normal"}, forced) == refusals({}, forced) == {}
    locked = offered("long", fields={"qos": {"default": "long", "locked": True}})
    assert resolve_request({"account": "cin_ada"}, locked).qos == "long"
    assert "Choose that one." in refusals({"qos": ""}, locked)["qos"]


def test_the_admins_default_and_choices() -> None:
    """As for every field; names in any spelling."""
    there = offered("long", "wide", fields={"qos": {"default": "LONG", "choices": ["Long", "wide"]}})
    assert qos_values(there) == ("", "long", "wide")
    assert default_values(there)["qos"] == "long"
    assert list(refusals({"cores": 5, "partition": "g100_int"}, there)) == ["cores"]
    assert refusals({"cores": 5, "partition": "g100_int", "qos": ""}, there) == {}
    assert list(refusals({"qos": "normal"}, there)) == ["qos"]


def test_a_preset_and_the_last_requests() -> None:
    """Each is judged under its own QOS, whatever the form has at the moment."""
    presets = parse_presets([{"name": "many", "values": {"qos": "long", "account": "cin_ada", "partition": "g100_int", "cores": 5}}])
    (offer,) = offered_presets(replace(offered("long"), presets=presets))
    assert "QOS long" in offer.why_not
    (kept,) = remember((), parse_request({"qos": "wide", "partition": "g100_int"}).options(), 1.0)
    assert kept.options["qos"] == "wide"
    values = {"account": "cin_ada", "partition": "g100_int", "qos": "wide", "walltime": "4-00:00:00"}
    assert restore_valid(values, offered("wide"))[1] == ()
    assert restore_valid({**values, "qos": "others"}, offered())[1] != ()


def test_the_field() -> None:
    """Not on the page unless the admin says something of it; behind the line, where its name stands, once it is chosen."""

    def field(there: Choices, values: dict[str, Any]) -> FormField | None:
        shown = form_fields(there, {**default_values(there), **values}, {})
        return next((entry for entry in shown if entry.key == "qos"), None)

    assert field(offered(), {}) is None
    assert field(choices(fields={"qos": {}}), {}) is None
    found = field(offered(fields={"qos": {}}), {})
    assert found is not None
    assert found.folded
    assert found.shown == ""
    assert [(option.value, option.label) for option in found.options][:2] == [("", "As Slurm chooses"), ("long", "long")]
    chosen = field(offered("long", fields={"qos": {}}), {"qos": "long"})
    assert chosen is not None
    assert (chosen.value, chosen.shown) == ("long", "QOS long")
