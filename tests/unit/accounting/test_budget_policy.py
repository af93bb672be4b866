"""Tests for budgets: what is left, what is said of it, and the site's own command."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from spawner.accounting.billing import Cost
from spawner.accounting.budget_policy import (
    NO_OBJECTION,
    BudgetPolicy,
    BudgetVerdict,
    SiteBudget,
    budget_in_words,
    is_charged,
    judge_budget,
    parse_site_budgets,
)
from spawner.accounting.budgets import Budget
from spawner.errors import ResourceFormError, SlurmTimeout
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.humanize import day_and_time
from spawner.site.budget_command import MAX_USERS, SiteBudgets
from spawner.slurm.runner import Identity, Result, SlurmRunner
from tests.support.fake_slurm import EPOCH, VirtualTimeLoop

WARN, REFUSE = BudgetPolicy(), BudgetPolicy(over="refuse")


def session(billing: int = 30, minutes: int = 480, **tres: int) -> Cost:
    """30 units an hour for eight hours: 240."""
    return Cost(billing, True, minutes, 1.0, (("billing", billing), ("cpu", 4), *tres.items()))


def left(units: float, of: int = 1000, tres: str = "billing", source: str = "account physics") -> Budget:
    """A budget in units for an hour."""
    return Budget(source, tres, of * 60, of * 60 - round(units * 60), 0)


# --- judgement ---


def test_a_request_beyond_the_budget() -> None:
    """It is warned of or refused, with what is left and what it would take."""
    sentence = "Account physics has 120 of 1000 units left; this session would take up to 240."
    assert judge_budget([left(120)], session(), WARN) == BudgetVerdict(sentence, "account", refuse=False)
    assert judge_budget([left(120)], session(), REFUSE) == BudgetVerdict(sentence, "account", refuse=True)


def test_a_request_within_the_budget() -> None:
    """To the minute; and what nobody knows refuses nothing."""
    assert judge_budget([left(240)], session(), REFUSE) == NO_OBJECTION
    assert judge_budget([left(240 - 1 / 60)], session(), REFUSE).refuse
    assert judge_budget([], session(), REFUSE) == NO_OBJECTION
    assert judge_budget([left(0)], None, REFUSE) == NO_OBJECTION
    assert judge_budget([Budget("account physics", "billing", 60)], session(), REFUSE) == NO_OBJECTION
    assert judge_budget([Budget("account physics", "energy", 60, 60)], session(), REFUSE) == NO_OBJECTION
    assert NO_OBJECTION.sentence == ""


def test_not_charged() -> None:
    """Where sessions cost nothing no budget is looked at: for all, or by partition or account."""
    assert judge_budget([left(0)], session(), BudgetPolicy(charged=False, over="refuse")) == NO_OBJECTION
    assert is_charged(False, "g100_int", "physics")
    assert not is_charged(True, "g100_int", "physics")
    assert not is_charged(["g100_int"], "g100_int", "physics")
    assert not is_charged(("other", "physics"), "g100_int", "physics")
    assert is_charged(["g100"], "g100_int", "physics")
    assert is_charged([], "g100_int", "physics")


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        (left(0), "Account physics has none of 1000 units left; this session would take up to 240."),
        (left(2.55), "Account physics has 2.5 of 1000 units left; this session would take up to 240."),
        (left(239.99), "Account physics has 239 of 1000 units left; this session would take up to 240."),
        (left(20, 50, "cpu"), "Account physics has 20 of 50 core hours left; this session would take up to 32."),
        (left(1, 50, "gres/gpu", "QOS long"), "QOS long has 1 of 50 GPU hours left; this session would take up to 8."),
        (left(0, 50, "gres/gpu:v100"), "Account physics has none of 50 GPU hours left; this session would take up to 8."),
        (left(1, 50, "node"), "Account physics has too little left of its budget of node for this session."),
        (left(0, 50, "node"), "Account physics has nothing left of its budget of node."),
        (left(1, source="account {tres}"), "Account {tres} has 1 of 1000 units left; this session would take up to 240."),
    ],
)
def test_sentences(budget: Budget, sentence: str) -> None:
    """One for each kind of budget; a name is a name, whatever it holds."""
    cost = session(**{"gres/gpu": 1, "gres/gpu:v100": 1, "node": 1})
    assert judge_budget([budget], cost, WARN).sentence == sentence


def test_the_budget_that_ends_first_is_named() -> None:
    """Of two that do not cover the session, the tighter one; one that covers it is never named."""
    budgets = [left(100), left(40, source="QOS long"), left(500, source="account root")]
    assert judge_budget(budgets, session(), WARN).sentence.startswith("QOS long has 40 of 1000")
    assert judge_budget(reversed(budgets), session(), WARN).sentence.startswith("QOS long has 40 of 1000")


@given(st.integers(0, 100_000), st.integers(1, 5000), st.integers(1, 10_000))
def test_what_is_said_to_be_needed_is_more_than_what_is_said_to_be_left(used: int, billing: int, minutes: int) -> None:
    """Rounding never makes the sentence contradict itself."""
    verdict = judge_budget([Budget("account a", "billing", 100_000, used, 0)], session(billing, minutes), WARN)
    if verdict.sentence and " none of " not in verdict.sentence:
        said = verdict.sentence.split()
        assert float(said[3]) < float(said[-1].rstrip("."))
    assert bool(verdict.sentence) is (billing * minutes > 100_000 - used or used >= 100_000)


def test_words_for_the_form() -> None:
    """How much is left, about, and when that was so."""
    noon = EPOCH - 30.0
    words = f"about 120 of 1000 units left (as of {day_and_time(noon, EPOCH)})"
    assert budget_in_words(left(120), now=EPOCH, as_of=noon) == words
    assert budget_in_words(SiteBudget("account a", "billing", 60_000, 52_800, account="a", as_of=noon), now=EPOCH, as_of=1) == words
    assert budget_in_words(left(120), now=EPOCH) == "about 120 of 1000 units left"
    assert budget_in_words(left(7.25, 50, "cpu"), now=EPOCH) == "about 7.2 of 50 core hours left"
    assert budget_in_words(left(8, 50, "gres/gpu"), now=EPOCH) == "about 8 of 50 GPU hours left"
    assert budget_in_words(Budget("account a", "billing", 60), now=EPOCH) == "it is not known how much of 1 units is left"
    assert budget_in_words(left(1, 2, "energy"), now=EPOCH) == ""


# --- the answer of a site's command ---


def answer(**changes: object) -> str:
    """One account's."""
    return json.dumps([{"account": "physics", "unit": "billing", "limit": 1000, "used": 880, **changes}])


def test_an_answer_is_read() -> None:
    """Units of an hour become Slurm's minutes; a moment has its zone; without one the Hub's own, and without a moment that of asking."""
    (budget,) = parse_site_budgets(answer(as_of="2026-11-21T12:00:00+01:00"), 5.0)
    assert budget == SiteBudget("account physics", "billing", 60_000, 52_800, account="physics", as_of=1795258800.0)
    assert budget.left == 7200
    assert parse_site_budgets(answer(as_of="2026-11-21T11:00:00Z"), 5.0)[0].as_of == 1795258800.0
    assert parse_site_budgets(answer(), 5.0)[0].as_of == 5.0
    (hours,) = parse_site_budgets(answer(unit="core hours", limit=0.1, used=0.35), 5.0)
    assert (hours.tres, hours.limit, hours.used, hours.left) == ("cpu", 6, 21, 0)
    assert parse_site_budgets(answer(limit=None), 5.0) == ()
    assert parse_site_budgets(answer(used=None), 5.0)[0].left is None
    assert parse_site_budgets(answer(more="to come"), 5.0)
    assert parse_site_budgets("[]", 5.0) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "account limit used\n",
        "{}",
        "[1]",
        "[" * 100_000,
        answer(account=""),
        answer(account=None),
        answer(unit="euro"),
        answer(unit=["billing"]),
        answer(limit="1000"),
        answer(limit=-1),
        answer(limit=True),
        answer(used=math.nan),
        answer(used=math.inf),
        answer(as_of="yesterday"),
        answer(as_of=17),
        answer(as_of="0001-01-01T00:00:00+23:59"),
    ],
)
def test_an_answer_that_cannot_be_read(text: str) -> None:
    """Nothing of it is used; the log says what is wrong, in one line of bounded length."""
    with pytest.raises(ResourceFormError) as caught:
        parse_site_budgets(text, 5.0)
    assert caught.value.log.startswith("the answer of budget_command: ")
    assert len(caught.value.log) <= 500
    assert "budgets" in caught.value.sentence


# --- the command ---


class Site:
    """The command, as a runner: what it was asked, what it answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.asked: list[tuple[str, ...]] = []
        self.answer: str | Exception = answer()
        self.returncode = 0
        self.seconds = 0.01
        self.together = self.most_together = 0

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result:
        """One run."""
        assert (stdin, environment, identity, timeout) == ("", None, None, 10.0)
        self.asked.append(tuple(argv))
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        await asyncio.sleep(self.seconds)
        self.together -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return Result(tuple(argv), self.returncode, self.answer, "no database", self.seconds)

    async def is_running(self, command: str, text: str, identity: Identity) -> bool:
        """Nobody asks."""
        raise AssertionError(text)

    def budgets(self, *command: str) -> SiteBudgets:
        """What the Hub makes of it."""
        return SiteBudgets(
            command, runner=self, interval=lambda: 600.0, log=logging.getLogger("test"), clock=lambda: EPOCH + self.loop.time()
        )


def run(test: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    """A test in a loop that does not wait."""
    loop = VirtualTimeLoop()
    try:
        loop.run_until_complete(test(Site(loop)))
    finally:
        loop.close()


def test_one_answer_for_all_users() -> None:
    """Without ``{user}`` the command runs once in ten minutes, however many look; each sees their own accounts' budgets."""

    async def test(site: Site) -> None:
        budgets = site.budgets("/opt/budgets", "--json")
        found = await asyncio.gather(*(budgets.of(f"user{number}", ["physics"]) for number in range(100)))
        assert len(site.asked) == 1
        assert site.asked[0] == ("/opt/budgets", "--json")
        assert all(each is not None and each[0].left == 7200 for each in found)
        assert await budgets.of("ada", ["chemistry"]) == ()
        await asyncio.sleep(590)
        await budgets.of("ada", ["physics"])
        assert len(site.asked) == 1
        await asyncio.sleep(20)
        await budgets.of("ada", ["physics"])
        assert len(site.asked) == 2

    run(test)


def test_one_answer_for_each_user() -> None:
    """``{user}`` becomes the name, as one argument whatever it holds; a few run together; those of 1000 users are kept."""

    async def test(site: Site) -> None:
        budgets = site.budgets("/opt/budgets", "--user", "{user}")
        await asyncio.gather(*(budgets.of(name, ["physics"], None) for name in ("ada", "grace; rm -rf /", "$(id)", "alan", "emmy", "kurt")))
        assert {argv[2] for argv in site.asked} == {"ada", "grace; rm -rf /", "$(id)", "alan", "emmy", "kurt"}
        assert site.most_together == 4
        for name in ("", "-u", "--all", "a\nb", "a\0b"):
            assert await budgets.of(name, ["physics"]) is None
        assert len(site.asked) == 6
        for number in range(MAX_USERS):
            budgets._answers.of(f"user{number}")
        assert len(budgets._answers) == MAX_USERS
        await budgets.of("ada", ["physics"], None)
        assert len(site.asked) == 7

    run(test)


def test_the_last_good_answer_is_kept_and_dated() -> None:
    """A command that fails, hangs or prints rubbish changes nothing that is known; the age tells."""

    async def test(site: Site) -> None:
        budgets = site.budgets("/opt/budgets")
        (first,) = await budgets.of("ada", ["physics"]) or ()
        failures: list[tuple[str | Exception, int]] = [
            ("rubbish", 0),
            (answer(), 1),
            (SlurmTimeout("Slurm did not answer in time.", log="hung"), 0),
            (RuntimeError("a bug"), 0),
        ]
        for site.answer, site.returncode in failures:
            await asyncio.sleep(1300)
            assert await budgets.of("ada", ["physics"]) == (first,)
        assert first.as_of == EPOCH
        assert len(site.asked) == 5
        site.answer, site.returncode = answer(used=900), 0
        await asyncio.sleep(1300)
        (later,) = await budgets.of("ada", ["physics"]) or ()
        assert later.left == 6000
        assert later.as_of == pytest.approx(EPOCH + 5 * 1300, abs=5)

    run(test)


def test_log_of_a_command_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Whose budgets, with what exit code, and the last line that the command said."""

    async def test(site: Site) -> None:
        site.returncode = 3
        assert await site.budgets("/opt/budgets").of("ada", ["physics"]) is None
        assert await site.budgets("/opt/budgets", "{user}").of("ada", ["physics"]) is None

    with caplog.at_level(logging.WARNING, "test"):
        run(test)
    assert [record.getMessage() for record in caplog.records] == [
        "No answer from Slurm about budgets: budget_command exited with 3: no database",
        "No answer from Slurm about budgets of ada: budget_command exited with 3: no database",
    ]


def test_nobody_waits_for_it() -> None:
    """Where it takes long the form comes without, after half a second; the answer is there for the next one. Unknown is None."""

    async def test(site: Site) -> None:
        site.seconds = 8.0
        budgets = site.budgets("/opt/budgets")
        began = site.loop.time()
        assert await budgets.of("ada", ["physics"]) is None
        assert site.loop.time() - began == pytest.approx(0.5, abs=0.01)
        await asyncio.sleep(9)
        assert await budgets.of("ada", ["physics"]) is not None
        assert len(site.asked) == 1

    run(test)


def test_no_command_no_budgets() -> None:
    """Then there is nothing to know."""

    async def test(site: Site) -> None:
        assert await site.budgets().of("ada", ["physics"]) == ()
        assert site.asked == []

    run(test)


def test_a_real_command(tmp_path: Path) -> None:
    """Started like every other process, by its absolute path, wherever Slurm's commands lie."""
    script = tmp_path / "budgets"
    told = "{'account': sys.argv[1], 'unit': 'billing', 'limit': 2, 'used': 1}"
    script.write_text(f"#!{sys.executable} -I\nimport json, sys\nprint(json.dumps([{told}]))\n")
    script.chmod(0o755)
    budgets = SiteBudgets(
        (str(script), "{user}"), runner=SlurmRunner(bin_dir=str(tmp_path)), interval=lambda: 600.0, log=logging.getLogger("test")
    )
    (found,) = asyncio.run(budgets.of("a b;$(id)", ["a b;$(id)"], 10.0)) or ()
    assert (found.source, found.left) == ("account a b;$(id)", 60)


# --- the settings ---


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget_command", ["budgets"]),
        ("budget_command", ["/opt/budgets", "--user={user}"]),
        ("budget_command", "/opt/budgets --all"),
        ("budget_interval", 0),
        ("over_budget", "ignore"),
        ("not_charged", "yes"),
    ],
)
def test_settings_that_make_no_sense(name: str, value: object) -> None:
    """They are refused when they are set."""
    with pytest.raises(TraitError, match=name):
        SpawnerSettings(**{name: value})


def test_settings() -> None:
    """What an admin may write."""
    settings = SpawnerSettings(
        budget_command=["/opt/budgets", "{user}"], over_budget="refuse", not_charged=["g100_int"], budget_interval=60
    )
    assert (settings.over_budget, settings.not_charged, settings.budget_interval) == ("refuse", ["g100_int"], 60.0)
    assert SpawnerSettings().not_charged is False
    assert SpawnerSettings(not_charged=True).not_charged is True
    assert SpawnerSettings(not_charged=lambda spawner: ["x"]).not_charged(None) == ["x"]
