"""``GET /hub/api/resource-form/presets``: the presets that the caller may choose."""

from __future__ import annotations

import json
from typing import Any

from jupyterhub.apihandlers import APIHandler
from tornado import web

from ...advice.service import patience_of_open_page
from ...errors import ResourceFormError
from ...i18n import using
from ...request.suggestions import PresetOffer, offered_presets
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..reach import spawner_asked_about


def preset_as_json(offer: PresetOffer) -> dict[str, Any]:
    """Return a preset for programs: ``words`` is the request that it makes, and ``why_not`` why it cannot be had now; one is empty."""
    return {
        "name": offer.preset.name,
        "label": offer.preset.title,
        "description": offer.preset.description,
        "values": dict(offer.preset.values),
        "words": offer.request.in_words if offer.request is not None else "",
        "why_not": offer.why_not,
    }


class PresetsHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET``: ``{"presets": […]}``, in the admin's order; ``?user=`` says for whom, ``?server=`` for which server."""

    async def get(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        with using(language_of(self, spawner)):
            try:
                choices = await spawner.choices(patience=patience_of_open_page(spawner.cluster))
                answer = {"presets": [preset_as_json(offer) for offer in offered_presets(choices)]}
            except ResourceFormError as error:
                raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer))
