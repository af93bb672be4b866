"""The page of what people and admins read when something is wrong: errors, Slurm's reasons and refusals, exit codes, and every sentence."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.pofile import read_po

from spawner import errors
from spawner.session.exit_codes import CAUSES
from spawner.session.outcome import CATEGORIES
from spawner.slurm.reasons import REASONS, REFUSALS

from .markdown import code, plain, table

CATALOG = Path(__file__).resolve().parents[2] / "share" / "locale" / "jupyterhub-resource-form.pot"

PLACES: Mapping[str, str] = {
    "spawner/cli/doctor/": "What the doctor says",
    "spawner/cli/release_check/": "What the check of releases says",
    "spawner/cli/": "In the terminal",
    "spawner/session/": "Of a session",
    "spawner/hub/": "On pages and in answers of the Hub",
    "spawner/request/": "Of a request",
    "spawner/advice/": "Of a request",
    "spawner/accounting/": "Of a request",
    "spawner/availability/": "Of a request",
    "spawner/job/": "Of a request",
    "spawner/gpu/": "Of GPUs",
    "spawner/slurm/": "Of Slurm",
    "spawner/cluster/": "Of Slurm",
    "spawner/site/": "Of releases and notices",
    "templates/": "On pages and in answers of the Hub",
    "spawner/": "Elsewhere",
}
"""By the beginning of the path of a source: the heading below which its sentences stand. The first one that goes counts."""

HELP: Mapping[str, str] = {
    "Of a request": "Change the field that is named, or ask for more than the limits allow. [](/form.md) says what the form knows.",
    "Of a session": "[](/sessions.md) says how a session goes, and how it ends. Its log has more: *Log* on its card.",
    "Of Slurm": "[](/troubleshooting.md#slurm) says where to look.",
    "Of GPUs": "[](/gpus.md) says where these come from.",
    "Of releases and notices": "[](/releases.md) and [Files of an admin](files.md) say what is written there.",
    "What the doctor says": "[](/doctor.md) has a heading for each of its checks.",
    "What the check of releases says": "[](/releases.md#checks) says what is checked.",
    "In the terminal": "[](/terminal.md) says how the commands go together.",
}


def sentences() -> Iterator[tuple[str, str]]:
    """Give every sentence that is shown, in English and with its placeholders, and the heading below which it stands."""
    with CATALOG.open("rb") as file:
        catalog = read_po(file)
    for message in catalog:
        words = [message.id] if isinstance(message.id, str) else list(message.id)
        source = message.locations[0][0] if message.locations else ""
        heading = next((title for beginning, title in PLACES.items() if source.startswith(beginning)), "")
        if any(len(text.split()) > 1 for text in words) and not heading:
            raise ValueError(f"{source} is of no place that the page has a heading for")
        yield from ((text, heading) for text in words if len(text.split()) > 1)


def page() -> str:
    """Return the page.

    Raises
    ------
    ValueError
        A sentence belongs to no heading; the message names its source.
    """
    return "\n\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# Sentences"
    yield (
        "What is shown to people and to admins, so that the search of these pages finds it. `{…}` and `%(…)s` stand for what is filled in. "
        "[](/troubleshooting.md) begins at what is seen."
    )
    yield "## Errors"
    yield "The labels count in the metrics, as the reason of a start that failed."
    yield table(("label", "HTTP", "what it means"), _errors())
    yield "## Why a job waits"
    yield "Slurm's reason, what is said of it, and whether waiting helps."
    yield table(
        ("Slurm's reason", "what is said", "waiting helps"),
        (
            (code(reason), plain(advice.sentence), {True: "yes", False: "no", None: "maybe"}[advice.waiting_helps])
            for reason, advice in REASONS
        ),
    )
    yield "## Why Slurm refuses a job"
    yield table(
        ("what sbatch prints", "what is said", "at the field"),
        ((code(printed), plain(refusal.sentence), code(refusal.field)) for printed, refusal in REFUSALS),
    )
    yield "## Exit codes of a job"
    yield "Of the launcher, and those that Slurm gives by itself."
    yield table(
        ("exit code", "what is said", "what to do"),
        ((str(number), plain(cause.sentence), plain(cause.what_to_do)) for number, cause in sorted(CAUSES.items())),
    )
    yield "## Ends of a session"
    yield "Slurm's terminal states and our own words, and the category under which they count in the metrics."
    yield table(("state", "category"), ((code(state), code(category)) for state, (category, _kind) in CATEGORIES.items()))
    found = list(sentences())
    for title in dict.fromkeys(PLACES.values()):
        here = sorted({text for text, heading in found if heading == title})
        if here:
            yield f"## {title}"
            if title in HELP:
                yield HELP[title]
            yield "\n".join(f"- {plain(' '.join(text.split()))}" for text in here)


def _errors() -> Iterator[tuple[str, str, str]]:
    waiting: list[type[errors.ResourceFormError]] = [errors.ResourceFormError]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if kind.__module__ == errors.__name__:
            yield code(kind.label), str(kind.status), plain(inspect.getdoc(kind) or "").replace(r"\`\`", "`")
