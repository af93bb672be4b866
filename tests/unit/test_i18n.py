"""The language in use, which one a browser gets, and that what people read is in it: sentences, errors, the form."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError
from traitlets.config import Config

from spawner import i18n
from spawner.accounting.limits import Limit
from spawner.advice.alternatives import alternatives
from spawner.advice.verdict import verdict
from spawner.availability.forecast import ClusterForecast
from spawner.errors import RequestRejected, SlurmRefused, SlurmUnavailable
from spawner.hub.locale import LatestLanguages, language_asked, language_of, language_spoken, restore, speak
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.humanize import duration, joined, moment_in_words
from spawner.i18n import N_, _, languages, negotiated, ngettext, using
from spawner.request.defaults import default_values
from spawner.request.form_data import read_form
from spawner.request.form_fields import form_fields
from spawner.request.model import SessionRequest, help_of, label_of, parse_request, unit_of
from spawner.request.validation import judge_request
from spawner.slurm.reasons import REASONS, advice_for, refusal_for
from spawner.slurm.states import ENDED, end_sentence
from tests.support.builders import HOUR, MEMORY_MB, NOW, choices, cpu_partition, demo_nodes, node, partition, reservation

ENGLISH_WORDS = re.compile(
    r"\b(the|is|are|of|and|or|not|has|have|at|for|with|that|this|on|your|you|may|ask|choose|more|than|less|now|instead|cannot|must|be|from)\b",
    re.IGNORECASE,
)


@pytest.fixture(name="in_italian")
def _in_italian() -> Iterator[None]:
    """Italian while a test runs."""
    with using("it"):
        yield


def english_in(*sentences: str) -> list[str]:
    """The sentences that have an English word in them, outside of quotation marks."""
    return [sentence for sentence in sentences if ENGLISH_WORDS.search(re.sub("“[^”]*”", "", sentence))]


# --- the language in use ----------------------------------------------------------------------------------------------------------


def test_english_without_a_language() -> None:
    """The sentences of the sources are what is said where no language was chosen."""
    assert _("The job was cancelled.") == "The job was cancelled."
    assert ngettext("{number} hour", "{number} hours", 2) == "{number} hours"
    assert i18n.in_use() == "en"


def test_within_and_after() -> None:
    """A language holds within its context, languages can be nested, and after an error the earlier one is back."""
    with using("it"):
        assert _("The job was cancelled.") == "Il job è stato annullato."
        with using("en"):
            assert _("The job was cancelled.") == "The job was cancelled."
        assert i18n.in_use() == "it"
        with pytest.raises(ValueError, match="x"), using("en"):
            raise ValueError("x")
        assert i18n.in_use() == "it"
    assert i18n.in_use() == "en"


def test_what_is_not_in_the_catalogue_stays() -> None:
    """Text of Slurm's or the admin's passes through; the empty one is not taken for the catalogue's header."""
    with using("it"):
        assert _("no sentence of ours") == "no sentence of ours"
        assert _("") == ""


def test_a_language_that_is_not_there() -> None:
    """It is English then, and no error."""
    with using("xx"):
        assert i18n.in_use() == "en"


def test_both_are_shipped() -> None:
    """English, the language of the sources, first."""
    assert languages()[0] == "en"
    assert "it" in languages()


async def test_each_request_has_its_own() -> None:
    """Requests that are answered at the same time, in tasks and threads, do not change each other's language."""

    async def answer(code: str) -> str:
        with using(code):
            await asyncio.sleep(0)
            return await asyncio.to_thread(_, N_("The job was cancelled."))

    answers = await asyncio.gather(*(answer(code) for code in ("it", "en", "it")))
    assert answers == ["Il job è stato annullato.", "The job was cancelled.", "Il job è stato annullato."]


# --- which one a browser gets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "chosen", "code"),
    [
        ("", "", "en"),
        ("it", "", "it"),
        ("it-IT,it;q=0.9,en;q=0.8", "", "it"),
        ("IT_it", "", "it"),
        ("de-DE,de;q=0.9,it;q=0.5,en;q=0.3", "", "it"),
        ("en-GB,en;q=0.9,it;q=0.8", "", "en"),
        ("it;q=0.4, en;q=0.8", "", "en"),
        ("en;q=0.5, it;q=0.5", "", "en"),
        ("it;q=0", "", "en"),
        ("de, fr", "", "en"),
        ("*", "", "en"),
        ("it;q=x, it;level=1, it;q=2, it;q=-1, it;q=nan", "", "en"),
        (";;;,,,=;q=1", "", "en"),
        ("en", "it", "it"),
        ("it", "en", "en"),
        ("it", "xx", "it"),
    ],
)
def test_negotiated(header: str, chosen: str, code: str) -> None:
    """The admin's choice before the browser's wish, by its weights; English where neither is there."""
    assert negotiated(header, chosen) == code


@given(st.text())
def test_any_header(header: str) -> None:
    """Whatever a client sends, the language is one that there is."""
    assert negotiated(header) in languages()


def handler(accepted: str, **settings: Any) -> SimpleNamespace:
    """A handler of a request with this header, under a configuration."""
    headers = {"Accept-Language": accepted} if accepted else {}
    return SimpleNamespace(request=SimpleNamespace(headers=headers), settings={"config": Config({"ResourceFormSpawner": settings})})


def test_language_of_a_handler() -> None:
    """The browser's, unless the admin has fixed one, in the configuration or for a spawner; English where nobody asks."""
    assert language_of(handler("it")) == "it"
    assert language_of(handler("")) == "en"
    assert language_of(handler("it", language="en")) == "en"
    assert language_of(handler("it"), SimpleNamespace(language="en", last_end=None)) == "en"
    assert language_of(None) == "en"
    assert language_of(None, SimpleNamespace(language="it", last_end=None)) == "it"


def test_only_a_language_that_there_is_can_be_set() -> None:
    """The admin is told which there are."""
    assert SpawnerSettings(language="it").language == "it"
    assert SpawnerSettings().language == ""
    with pytest.raises(TraitError, match="there is no 'xx'; there are en, "):
        SpawnerSettings(language="xx")


def test_the_latest_request_is_remembered() -> None:
    """For what is said without a request; what an earlier run of the Hub knew counts until there is one, the admin's choice always."""
    settings: dict[str, Any] = {}
    spawner = SimpleNamespace(user=SimpleNamespace(name="ada", settings=settings), handler=None, language="", last_end=None)
    other = SimpleNamespace(user=SimpleNamespace(name="grace", settings=settings), handler=None, language="", last_end=None)
    assert language_asked(spawner) == "en"
    restore(spawner, "it")
    restore(other, "no language")
    assert (language_asked(spawner), language_spoken(spawner), language_spoken(other)) == ("it", "it", "en")
    spawner.handler = handler("en")
    assert language_asked(spawner) == "en"
    spawner.handler = None
    restore(spawner, "it")
    assert language_spoken(spawner) == "en"
    spawner.language = "it"
    assert language_spoken(spawner) == "it"


def test_of_many_users_the_latest_are_remembered() -> None:
    """No more than so many."""
    latest = LatestLanguages(max_users=2)
    for name in ("a", "b", "a", "c"):
        latest.remember(name, "it")
    assert [latest.of(name) for name in "abc"] == ["it", "", "it"]


# --- templates --------------------------------------------------------------------------------------------------------------------


def test_templates_speak_the_language_in_use() -> None:
    """One environment serves all languages: the callables look the language up for each page. Values stay escaped."""
    environment = jinja2.Environment(autoescape=True)
    speak(environment)
    template = environment.from_string(
        "{{ _('Budget') }}|{{ _('until %(time)s', time=x) }}|{{ y | translated }}|{% trans %}\n  Starting…\n{% endtrans %}"
    )
    values = {"x": "<b>", "y": "drained"}
    assert template.render(**values) == "Budget|until &lt;b&gt;|drained|Starting…"
    with using("it"):
        assert template.render(**values) == "Budget|fino alle ore &lt;b&gt;|ritirato dal servizio|Avvio…"
        assert template.render(x="", y="<script>") == "Budget|fino alle ore |&lt;script&gt;|Avvio…"


# --- what is said -----------------------------------------------------------------------------------------------------------------


def test_amounts(in_italian: None) -> None:
    """Plurals, months and lists follow the language; the clock has 24 hours in both."""
    now = datetime.datetime(2026, 3, 1, 10, 0).astimezone().timestamp()
    assert duration(1501) == "1 giorno 1 h 1 min"
    assert moment_in_words(now + 86400, now) == "alle ore 10:00 di lun 2 mar"
    assert joined(["2 V100", "48 core", "10 GB"]) == "2 V100, 48 core e 10 GB"


def test_an_error_is_read_in_the_language_of_its_reader() -> None:
    """It may have been made by a question that serves everybody; its log line is English."""
    error = SlurmUnavailable("Slurm did not answer in time.")
    with using("it"):
        assert error.sentence == "Slurm non ha risposto in tempo."
        assert error.log == "Slurm did not answer in time."
        assert str(error) == "Slurm did not answer in time."
    assert error.sentence == "Slurm did not answer in time."


def test_refusals_of_slurm(in_italian: None) -> None:
    """Made where the job is submitted, read where it is shown."""
    refusal = refusal_for("sbatch: error: invalid partition specified: x")
    assert SlurmRefused(refusal.sentence, field=refusal.field).sentence == "Slurm non conosce questa partizione."


def test_reasons_and_ends(in_italian: None) -> None:
    """Every reason that a job waits for, and every end."""
    said = [advice_for(prefix).sentence for prefix, _advice in REASONS]
    said += [advice_for(reason).sentence for reason in ("", "AssocGrpCPUMinutesLimit", "QOSMaxCpuPerJob", "QOSGrpNodeLimit")]
    said += [end_sentence(state) for state in sorted(ENDED)]
    assert english_in(*said) == []
    assert end_sentence("ODD") == "Il job è terminato (ODD)."
    assert advice_for("SomethingNew").sentence == "Messaggio di Slurm: SomethingNew."


@pytest.mark.parametrize("source", ["QOS long", "account cin_ada"])
@pytest.mark.parametrize("scope", ["job", "user", "account", "group"])
def test_limits(in_italian: None, source: str, scope: Any) -> None:
    """Whose limit it is stands with its article."""
    limit = Limit("cores", 4, source, scope)
    assert english_in(limit.clause, limit.whose, limit.belonging) == []
    assert limit.clause.startswith("che la QOS long consente" if source == "QOS long" else "che l’account cin_ada consente")


ASKED = [
    {"partition": "g100_int", "cores": 49},
    {"partition": "g100_int", "memory": "900G"},
    {"partition": "g100_int", "gpus": 3},
    {"partition": "g100_int", "gpus": "a100:1"},
    {"partition": "g100_int", "gpus": "shard:1"},
    {"partition": "g100_cpu", "gpus": 1},
    {"partition": "g100_int", "walltime": "9h"},
    {"partition": "elsewhere"},
    {"account": "cin_other"},
    {"reservation": "nowhere"},
    {"reservation": "later"},
    {"reservation": "course", "partition": "g100_cpu"},
    {"reservation": "course", "walltime": "4h"},
    {"release": "1999"},
    {"interface": "emacs"},
    {"preset": "mine"},
    {"cores": "many"},
    {"cores": 0},
    {"memory": "lots"},
    {"memory": "0"},
    {"walltime": "a while"},
    {"walltime": "11000d"},
    {"gpus": "v100:two"},
    {"gpus": [1]},
    {"partition": "--all"},
    {"environment": "A"},
    {"environment": "A=1\nA=2"},
    {"environment": 'A="1'},
    {"environment": {"A": "••••••••"}},
    {"environment": 5},
    {"environment": {"PATH": "/"}},
    {"environment": {"1": "a"}},
    {"environment": {"A": 1}},
    {"environment": {f"A{number}": "x" for number in range(200)}},
    {"colour": "red"},
]


@pytest.mark.parametrize("options", ASKED, ids=lambda options: str(options)[:40])
def test_refusals_of_a_request(options: dict[str, Any]) -> None:
    """No English is left in a refusal, and it is another sentence than the English one."""
    own = choices(reservations=(reservation(), reservation("later", start=NOW + HOUR, end=NOW + 9 * HOUR)))
    _request, english = judge_request(options, own)
    with using("it"):
        _request, italian = judge_request(options, own)
    assert english
    assert italian.keys() == english.keys()
    assert english_in(*italian.values()) == []
    assert all(italian[name] != english[name] for name in english)


@pytest.mark.parametrize("settings", [{"choices": [1, 2]}, {"default": 2, "locked": True}, {"minimum": 2}, {"maximum": 3}])
@pytest.mark.parametrize("name", ["cores", "gpus"])
def test_refusals_of_what_the_admin_narrowed(in_italian: None, name: str, settings: dict[str, Any]) -> None:
    """The same of values that the admin does not offer."""
    own = choices(fields={name: settings})
    errors = [judge_request({"partition": "g100_int", name: value}, own)[1] for value in (0, 1, 2, 3, 4)]
    assert any(errors)
    assert english_in(*(sentence for found in errors for sentence in found.values())) == []


def test_a_posted_form(in_italian: None) -> None:
    """A field that came twice."""
    with pytest.raises(RequestRejected) as raised:
        read_form({"cores": ["1", "2"]})
    assert raised.value.sentence == "Numero di core deve essere indicato una sola volta, come testo."


def test_fields(in_italian: None) -> None:
    """Names, help and units of all fields."""
    names = list(SessionRequest.model_fields)
    assert english_in(*map(label_of, names), *map(help_of, names), *map(unit_of, names)) == []
    assert label_of("reservation") == "Prenotazione Slurm"


def test_form(in_italian: None) -> None:
    """All that the form shows."""
    later = reservation("later", start=NOW + HOUR, end=NOW + 9 * HOUR)
    own = choices(reservations=(reservation(), later))
    fields = form_fields(own, default_values(own), {})
    shown = [text for field in fields for text in (field.label, field.help, field.unit, field.range)]
    shown += [option.label for field in fields for option in field.options if not option.label.startswith("Release")]
    assert english_in(*shown) == []
    assert "Nessuna" in shown


NODES = [node(f"g00{number}", used=used) for number, used in enumerate(("gpu:v100:1(IDX:0)", "gpu:v100:2(IDX:0-1)"), 1)]


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({}, {}),
        ({"gpus": 2}, {"nodes": NODES}),
        ({"gpus": 1}, {"nodes": NODES[1:]}),
        ({"gpus": 3}, {}),
        ({"cores": 49}, {}),
        ({"cores": 4}, {"nodes": [node("g001", cores_allocated=46)]}),
        ({"memory": f"{MEMORY_MB}M", "gpus": 1}, {"nodes": [node("g001", memory_mb_allocated=4096)]}),
        ({"memory": "900G"}, {}),
        ({}, {"nodes": [node("g001", flags="drain"), node("g002", state="down")]}),
        ({}, {"nodes": [node("g001", flags="drain")]}),
        ({}, {"partitions": [partition(nodes=("g001",), state="DOWN")]}),
        ({}, {"partitions": [partition(nodes=("g001",), state="INACTIVE")]}),
        ({"walltime": "9h"}, {}),
        ({"reservation": "nowhere"}, {}),
        ({"reservation": "later"}, {"reservations": [reservation("later", start=NOW + 30 * HOUR, end=NOW + 99 * HOUR)]}),
        ({"walltime": "8h"}, {"reservations": [reservation("later", start=NOW + HOUR, end=NOW + 99 * HOUR, nodes=("g001",))]}),
        ({"gpus": "shard:1"}, {}),
        ({}, {"as_of": NOW - HOUR}),
        ({"partition": "elsewhere"}, {}),
    ],
)
def test_verdicts(options: dict[str, Any], changes: dict[str, Any]) -> None:
    """Now, wait, never and unknown."""
    request = parse_request({"partition": "g100_int", "cores": 1, "memory": "4G", "walltime": "1h", **options})
    nodes = changes.get("nodes", [node("g001")])
    partitions = changes.get("partitions", [partition(nodes=tuple(entry.name for entry in nodes))])
    forecast = ClusterForecast(nodes, partitions, changes.get("reservations", ()), (), now=NOW, as_of=changes.get("as_of", NOW))
    english = verdict(request, forecast)
    with using("it"):
        italian = verdict(request, forecast)
    assert (italian.kind, italian.field) == (english.kind, english.field)
    assert italian.sentence != english.sentence
    assert english_in(italian.sentence) == []


def test_alternatives(in_italian: None) -> None:
    """Every kind of change in one: fewer GPUs, elsewhere, shorter."""
    busy = [node(f"g00{number}", used="gpu:v100:1(IDX:0)", cores_allocated=40) for number in range(1, 5)]
    nodes = (*busy, *demo_nodes()[4:])
    parts = (partition(), cpu_partition())
    own = choices(nodes=nodes, partitions=parts)
    request = judge_request({"partition": "g100_int", "cores": 16, "memory": "4G", "walltime": "1h", "gpus": 2}, own)[0]
    found = alternatives(request, ClusterForecast(nodes, parts, (), (), now=NOW), own)
    assert found
    assert english_in(*(entry.sentence for entry in found)) == []
    assert all(entry.sentence.endswith(": parte subito.") for entry in found)
