"""The last requests of a user: kept without secrets, read whatever the database has, offered with what can be had of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.errors import NoAccount, SlurmRefused
from spawner.hub.sessions.start import submit_and_wait
from spawner.i18n import using
from spawner.request.choices import Choices
from spawner.request.presets import parse_presets
from spawner.request.recent import MAX_RECENT, Recent, as_state, recent_of, remember
from spawner.request.suggestions import offers_of
from spawner.request.validation import judge_request, resolve_request
from spawner.session.record import End, Record
from spawner.spawner import ResourceFormSpawner
from tests.support.builders import choices

PRESETS = parse_presets([{"name": "small", "values": {"cores": 2}}])


def options(**asked: Any) -> dict[str, Any]:
    """An accepted request as ``user_options``."""
    return resolve_request(asked, choices().with_presets(PRESETS, ())).options()


def state(*rows: tuple[float, dict[str, Any]]) -> dict[str, Any]:
    """A server's state with these requests."""
    return {"recent": [{"at": at, "options": asked} for at, asked in rows], "session": {"nonce": "x"}}


def cores_of(recent: tuple[Recent, ...]) -> list[Any]:
    """What tells the requests of these tests apart."""
    return [entry.options["cores"] for entry in recent]


# --- remembering ----------------------------------------------------------------------------------------------------------------


def test_newest_first_and_five_at_most() -> None:
    """The sixth goes."""
    recent: tuple[Recent, ...] = ()
    for number in range(1, 8):
        recent = remember(recent, options(cores=number), float(number))
    assert cores_of(recent) == [7, 6, 5, 4, 3]
    assert [entry.at for entry in recent] == [7.0, 6.0, 5.0, 4.0, 3.0]
    assert cores_of(remember(recent, options(cores=9), 9.0, most=2)) == [9, 7]


def test_equal_requests_are_one() -> None:
    """The same again moves to the front; the summary, the preset's name and the environment make no other request."""
    recent = remember(remember((), options(cores=2), 1.0), options(cores=3), 2.0)
    for number, again in enumerate(
        (
            options(cores=2),
            {**options(cores=2), "profile": "something"},
            options(preset="small"),
            options(cores=2, environment={"A": "1"}),
        )
    ):
        recent = remember(recent, again, 3.0 + number)
        assert cores_of(recent) == [2, 3]
        assert recent[0].at == 3.0 + number


def test_clock_that_was_set_back() -> None:
    """What was asked for last is in front all the same."""
    assert cores_of(remember(remember((), options(cores=2), 100.0), options(cores=3), 50.0)) == [3, 2]


def test_no_secret_is_kept() -> None:
    """Not the values of the environment, nor their names, nor anything that is no field."""
    asked = {**options(cores=2, environment={"API_KEY": "hunter2"}), "password": "hunter3"}
    kept = json.dumps(as_state(remember((), asked, 1.0)))
    for word in ("hunter2", "API_KEY", "environment", "hunter3", "password", "profile"):
        assert word not in kept
    stored = {"at": 1.0, "options": {"cores": 2, "environment": {"A": "hunter2"}}}
    assert recent_of([{"recent": [stored]}]) == (Recent(1.0, {"cores": 2}),)


def test_what_is_longer_than_any_value_of_a_request_is_not_kept() -> None:
    """Text of 200 characters and a number below a thousand millions are; the next longer are not."""
    kept = {"account": "a" * 200, "cores": 10**9 - 1}
    longer = {"partition": "b" * 201, "walltime": 10**9, "memory": -(10**9), "gpus": True}
    (entry,) = remember((), {**kept, **longer}, 1.0)
    assert entry.options == kept


# --- reading ----------------------------------------------------------------------------------------------------------------------


def test_servers_are_merged() -> None:
    """The newest five of all servers, each request once, when it was last."""
    one = state((10.0, options(cores=1)), (8.0, options(cores=2)), (6.0, options(cores=3)))
    two = state((9.0, options(cores=3)), (7.0, options(cores=4)), (5.0, options(cores=5)), (4.0, options(cores=6)))
    assert cores_of(recent_of([one, two])) == [1, 3, 2, 4, 5]
    assert recent_of([two, one]) == recent_of([one, two])


def test_what_was_kept_is_read() -> None:
    """There and back, through JSON."""
    recent = remember(remember((), options(cores=2), 1.0), options(gpus=1, preset="small"), 2.5)
    assert recent_of([json.loads(json.dumps({"recent": as_state(recent)}))]) == recent


@pytest.mark.parametrize(("at", "read"), [(0, True), (0.5, True), (1e15, True), (1e15 + 1, False), (-0.5, False)])
def test_moments_that_are_read(at: float, read: bool) -> None:
    """From the epoch on, as far as a date can be written of them."""
    assert len(recent_of([{"recent": [{"at": at, "options": {"cores": 1}}]}])) == read


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        [],
        "recent",
        {},
        {"recent": None},
        {"recent": "abc"},
        {"recent": {"at": 1}},
        {"recent": [None, 1, "x", [], {}]},
        {"recent": [{"at": 1.0}]},
        {"recent": [{"at": 1.0, "options": []}]},
        {"recent": [{"at": 1.0, "options": {}}]},
        {"recent": [{"at": 1.0, "options": {"preset": "small"}}]},
        {"recent": [{"at": 1.0, "options": {"cores": [1]}}]},
        {"recent": [{"at": 1.0, "options": {"cores": 10**5000}}]},
        {"recent": [{"at": 1.0, "options": {"cores": "9" * 5000}}]},
        {"recent": [{"at": "now", "options": {"cores": 1}}]},
        {"recent": [{"at": True, "options": {"cores": 1}}]},
        {"recent": [{"at": -1, "options": {"cores": 1}}]},
        {"recent": [{"at": float("nan"), "options": {"cores": 1}}]},
        {"recent": [{"at": float("inf"), "options": {"cores": 1}}]},
        {"recent": [{"at": 10**400, "options": {"cores": 1}}]},
        {"recent": [{"options": {"cores": 1}}]},
    ],
)
def test_garbage(garbage: Any) -> None:
    """It is left out, and costs the others nothing."""
    assert recent_of([garbage]) == ()
    good = state((3.0, {"cores": 2}))
    assert cores_of(recent_of([garbage, good])) == [2]


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4))
nearly = st.fixed_dictionaries(
    {}, optional={"at": anything, "options": anything | st.dictionaries(st.sampled_from(["cores", "gpus", "preset", "x"]), anything)}
)
states = st.lists(anything | st.fixed_dictionaries({"recent": anything | st.lists(nearly, max_size=8)}), max_size=4)


@pytest.mark.thorough
@given(states)
def test_anything_in_the_database(stored: list[object]) -> None:
    """It never raises, gives five at most, newest first, each once; the form and the next request can use them."""
    recent = recent_of(stored)
    assert len(recent) <= MAX_RECENT
    assert sorted(recent, key=lambda entry: entry.at, reverse=True) == list(recent)
    assert len({entry.asks_for for entry in recent}) == len(recent)
    json.dumps(as_state(recent), allow_nan=False)
    assert len(remember(recent, {"cores": 1}, 1.0)) <= MAX_RECENT
    assert recent_of([{"recent": as_state(recent)}]) == recent
    offers_of(recent, choices())


# --- offering -----------------------------------------------------------------------------------------------------------------------


def test_offers() -> None:
    """In words and as options; what cannot be had now says why."""
    recent = remember(remember((), options(cores=4, gpus=1), 1.0), options(cores=24), 2.0)
    big, small = offers_of(recent, choices(fields={"cores": {"maximum": 8}}))
    assert big.why_not.startswith("Number of cores: 24")
    assert (small.label, small.why_not, small.at) == ("1 GPU, 4 cores, 4 GB, 1 h on g100_int", "", 1.0)
    assert resolve_request(small.options, choices()).options() == options(cores=4, gpus=1)


def test_an_offer_says_all_that_is_wrong_with_it() -> None:
    """Each field's sentence, in the order of the fields."""
    (offer,) = offers_of((Recent(1.0, {"memory": "900G", "cores": 49}),), choices())
    cores, memory = judge_request({"memory": "900G", "cores": 49}, choices())[1].values()
    assert offer.why_not == f"{cores} {memory}"


def test_offer_whose_preset_is_gone() -> None:
    """Its values are offered without the name."""
    recent = remember((), options(preset="small"), 1.0)
    (with_it,) = offers_of(recent, choices().with_presets(PRESETS, ()))
    (without,) = offers_of(recent, choices())
    assert (with_it.options["preset"], with_it.why_not) == ("small", "")
    assert ("preset" in without.options, without.why_not, without.options["cores"]) == (False, "", 2)


def test_offer_that_cannot_be_read() -> None:
    """What an older version accepted and this one cannot read is left out."""
    assert offers_of((Recent(1.0, {"cores": "many"}),), choices()) == ()
    (offer,) = offers_of((Recent(2.0, {"cores": "many"}), Recent(1.0, {"cores": 2})), choices())
    assert offer.at == 1.0


def test_offer_in_the_readers_language() -> None:
    """The label is for the user."""
    with using("it"):
        (offer,) = offers_of((Recent(1.0, {"cores": 2}),), choices())
    assert offer.label.startswith("nessuna GPU")


def test_offer_to_nobody() -> None:
    """Without an account there is no form either."""
    with pytest.raises(NoAccount):
        offers_of((Recent(1.0, {"cores": 2}),), choices("nobody"))


# --- in the spawner -----------------------------------------------------------------------------------------------------------------


def spawner_with(state_of_others: dict[str, Any]) -> ResourceFormSpawner:
    """A spawner that no Hub has, of a user with other servers."""
    made = ResourceFormSpawner()
    servers = {name: SimpleNamespace(state=kept) for name, kept in state_of_others.items()}
    made.user = SimpleNamespace(name="ada", orm_user=SimpleNamespace(name="ada", orm_spawners=servers), settings={})
    return made


def test_kept_in_the_state() -> None:
    """A stop does not clear them, a restart of the Hub brings them back, a broken state is none."""
    made = spawner_with({})
    assert "recent" not in made.get_state()
    made._recent = remember((), options(cores=2), 5.0)
    made.clear_state()
    kept = json.loads(json.dumps(made.get_state()))
    again = spawner_with({})
    again.load_state(kept)
    assert again._recent == made._recent
    again.load_state({"recent": "rubbish"})
    assert again._recent == ()


def test_the_form_for_another_try() -> None:
    """After an end that more memory would have helped, the form has the last request with more memory; else it is the plain form."""
    made = spawner_with({})
    made.accepted_options = {"memory": "8G", "cores": 2, "preset": "small", "environment": {"A": "hunter2"}}
    assert made.again_url("/hub/spawn/ada?next=%2F") == "/hub/spawn/ada?next=%2F"
    made.last_end = End("OUT_OF_MEMORY", "It ran out of memory.", 5.0, change={"memory": "16G"})
    assert made.again_url("/hub/spawn/ada?next=%2F") == "/hub/spawn/ada?next=%2F&opt-memory=16G&opt-cores=2"


def test_of_all_servers() -> None:
    """What other servers have in the database counts; a server that never ran has nothing."""
    made = spawner_with({"": None, "two": state((7.0, options(cores=7))), "three": state((1.0, options(cores=3)))})
    made._recent = remember((), options(cores=2), 5.0)
    assert cores_of(made.recent()) == [7, 2, 3]


def test_choices_stay_what_they_are() -> None:
    """Without presets and closed partitions nothing is different."""
    assert (choices().presets, choices().closed) == ((), {})
    assert isinstance(choices(), Choices)


@pytest.mark.parametrize("refused", [False, True])
async def test_remembered_once_it_is_submitted(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    """A request that Slurm refuses is not one to offer again."""

    async def nothing(*_args: Any, **_named: Any) -> Any:
        return SimpleNamespace(argv=(), script="", environment={}, identity=SimpleNamespace(home="/"), tag=SimpleNamespace(nonce="a nonce"))

    async def offered(**_asked: Any) -> Choices:
        return choices()

    async def no_rule(*_args: Any, **_named: Any) -> None:
        return None

    class Submitted:
        record = Record(node="g001")
        cluster = SimpleNamespace(clock=lambda: 5.0)

        def say(self, *_said: Any) -> None:
            """The waiting page is not looked at here."""

        def note(self, event: str, **_facts: Any) -> None:
            assert event in ("submitted", "ready")

        async def submit(self, *_asked: Any, taken: Callable[[], None]) -> int:
            if refused:
                raise SlurmRefused("No.")
            taken()
            return 7

        async def until_listening(self) -> tuple[str, int]:
            assert [entry["options"]["cores"] for entry in made.get_state()["recent"]] == [3]
            return "10.0.0.1", 8888

    made = spawner_with({})
    made.user.settings = {"cookie_secret": b"secret"}
    made.orm_spawner = SimpleNamespace(user_options={}, state={}, name="", server=None)
    made.user_options = {"cores": 3, "environment": {"A": "hunter2"}}
    made.api_token = "token"
    monkeypatch.setattr(
        ResourceFormSpawner, "cluster", SimpleNamespace(hub_name="hub", clock=lambda: 5.0, member=nothing, billing_rule=no_rule)
    )
    monkeypatch.setattr("spawner.hub.sessions.start.refuse_over_budget", nothing)
    monkeypatch.setattr(made, "choices", offered)
    monkeypatch.setattr(made, "prepare", nothing)
    monkeypatch.setattr("spawner.hub.sessions.start.expected_start", nothing)
    if refused:
        with pytest.raises(SlurmRefused):
            await submit_and_wait(made, Submitted())
        assert made._recent == ()
    else:
        assert await submit_and_wait(made, Submitted()) == ("10.0.0.1", 8888)
        assert "hunter2" not in json.dumps(made.get_state()["recent"])
