"""The settings as JSON, every default filled in, for `cloudrole check --json`."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.settings.model import Configuration
from hatch_cloudrole.settings.wording import masked

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Service

__all__ = ["as_json"]

_MAPPINGS = frozenset({"dns_servers", "environment", "role_instance_values", "settings", "static"})
"""Fields whose pairs are a mapping."""
_ADDRESSES = frozenset({"dependencies", "index_url", "nuget_feed", "url"})
"""Fields that may hold an address with credentials."""


def as_json(service: Service) -> dict[str, Any]:
    """The service as JSON values with snake_case keys.

    Fields of the environment stay as they were written, and addresses lose user and password.
    """
    names = list(service.configuration_names)
    return {"schema": 1, **_value("service", service), "configuration_names": names}


def _value(name: str, value: Any) -> Any:
    if is_dataclass(value):
        found = {each.name: _value(each.name, getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, Configuration):
            found["certificates"] = dict(value.certificates)
        return found
    if name in _MAPPINGS:
        return None if value is None else dict(value)
    if isinstance(value, tuple):
        return [_value(name, item) for item in value]
    return masked(value) if name in _ADDRESSES else value
