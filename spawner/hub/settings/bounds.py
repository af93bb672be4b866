"""``c.ResourceFormBounds``: what an admin may set of :class:`spawner.bounds.Bounds`."""

from __future__ import annotations

from dataclasses import Field, fields
from types import new_class
from typing import Any

from traitlets import Integer
from traitlets.config import LoggingConfigurable

from ...bounds import DEFAULTS, Bounds


def _trait(bound: Field[int]) -> Any:
    default = getattr(DEFAULTS, bound.name)
    text = f"{bound.metadata['reason']}\n\nUnit: {bound.metadata['unit']}. Default: {default}."
    example = f"Example: ``c.ResourceFormBounds.{bound.name} = {2 * default}``"
    return Integer(default, min=1, help=f"{text} {example}").tag(config=True)


class _Configurable(LoggingConfigurable):
    """A section of the configuration whose traits are the bounds, so that each stands in one place only."""

    def bounds(self) -> Bounds:
        """Return the bounds as they are set."""
        return Bounds(**{bound.name: getattr(self, bound.name) for bound in fields(Bounds)})


_BODY = {
    "__doc__": "How much of anything the Hub takes.",
    "__module__": __name__,
    **{bound.name: _trait(bound) for bound in fields(Bounds)},
}
ResourceFormBounds: type[_Configurable] = new_class("ResourceFormBounds", (_Configurable,), exec_body=lambda body: body.update(_BODY))
