"""What would start now in the place of a session that waits: worked out while somebody looks at its page, as often as the clock says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from ...advice.alternatives import Alternative
from ...advice.assessment import alternatives_to, verdict_of
from ...advice.price import price_in_words
from ...advice.service import priced
from ...errors import ResourceFormError
from ...request.choices import Choices
from ...request.form_fields import shown_value
from ...request.model import SessionRequest
from ...request.release_rules import options_for
from ...request.validation import judge_request
from ...session.session import Session
from ...worker import run_in_worker
from ..protocol import HubSpawner

OFFER_SECONDS = 15.0
"""From one look at what is free until the next, however many pages of a session are open."""

NOT_YET_SECONDS = 2.0
"""From the opening of the page until its job is known to wait."""

WAITS = "queue"
"""The stage in which a session waits."""


@contextlib.contextmanager
def offered_while_waiting(spawner: HubSpawner, session: Session) -> Iterator[None]:
    """Give messages of the start what would start now, as ``offers``, within."""
    offering = asyncio.ensure_future(_offer(spawner, session))
    try:
        yield
    finally:
        offering.cancel()


async def _offer(spawner: HubSpawner, session: Session) -> None:
    while True:
        await session.progress.until_watched()
        details = session.progress.latest.details
        if details.get("stage") != WAITS or details.get("unknown_since"):
            await asyncio.sleep(NOT_YET_SECONDS)
            continue
        try:
            found = await offers(spawner, session)
        except ResourceFormError:
            found = []  # nobody knows
        except Exception:
            spawner.log.exception("What would start now instead of %s could not be worked out", spawner.log_name)
            return
        latest = session.progress.latest
        if latest.details.get("stage") == WAITS:
            session.progress.say(latest.progress, latest.text, **{**latest.details, "offers": found})
        await asyncio.sleep(OFFER_SECONDS)


async def offers(spawner: HubSpawner, session: Session) -> list[dict[str, Any]]:
    """Return what would start now in the place of the session's job: in words, its price, and the fields to change, as a form posts them.

    Nobody waits for Slurm: what it has said last decides.

    Raises
    ------
    ResourceFormError
        Slurm has never answered.
    """
    choices = await spawner.choices(options=spawner.user_options or {}, patience=0)
    request, errors = judge_request(spawner.user_options or {}, choices)
    if errors:
        return []
    forecast = await spawner.cluster.forecast(sbatch_options=options_for(request, choices, spawner.sbatch_options), patience=0)
    terms = await spawner.terms()

    def alternatives() -> tuple[Alternative, ...]:
        without = forecast.without(session.record.job_id)
        return alternatives_to(request, verdict_of(request, {}, without, choices), without, choices)

    return [
        {
            "sentence": entry.words,
            "price": price_in_words((await priced(spawner.cluster, choices, entry, terms, 0)).cost),
            "change": {name: shown_value(entry.request, name, choices) for name in entry.change},
        }
        for entry in await run_in_worker(alternatives)
    ]


async def starts_now(spawner: HubSpawner, session: Session, request: SessionRequest, choices: Choices) -> bool:
    """Tell whether a request would start now, once the session's job is taken out of the line.

    Raises
    ------
    ResourceFormError
        Slurm has never answered.
    """
    forecast = await spawner.cluster.forecast(sbatch_options=options_for(request, choices, spawner.sbatch_options), patience=0)
    return await run_in_worker(lambda: verdict_of(request, {}, forecast.without(session.record.job_id), choices).kind == "now")
