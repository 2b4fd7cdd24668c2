"""Names that must be among those the project declares: its extras and its dependency groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from packaging.utils import canonicalize_name

from hatch_cloudrole.settings.kinds import Text, filled
from hatch_cloudrole.settings.wording import did_you_mean, show

if TYPE_CHECKING:
    from hatch_cloudrole.settings.place import Place

__all__ = ["Declared"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A name of the project's `table`, compared and read as PEP 503 normalizes it."""

    table: Literal["project.optional-dependencies", "dependency-groups"]
    type: str = "string"

    @property
    def accepted(self) -> str:
        return f"a name in [{self.table}]"

    def read(self, value: Any, place: Place) -> str | None:
        text: str | None = Text(self.accepted, filled).read(value, place)
        if text is None:
            return None
        project = place.world.project
        declared = project.dependency_groups if self.table == "dependency-groups" else project.features
        known = sorted({canonicalize_name(name) for name in declared})
        name = canonicalize_name(text)
        if name in known:
            return name
        names = ", ".join(show(each) for each in known) or "which has none"
        place.refuse(value, f"{self.accepted}: {names}", did_you_mean(name, known))
        return None
