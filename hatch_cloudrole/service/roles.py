"""What several documents say of a role, in the order and with the additions that cspack has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from hatch_cloudrole.settings.model import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hatch_cloudrole.settings.model import Certificate, Endpoint, EndpointType, Role, Service

__all__ = [
    "by_name",
    "certificates",
    "element_name",
    "name_key",
    "of_type",
    "setting_names",
    "storages",
    "stored_name",
    "webs_first",
]

_DIAGNOSTIC_STORE = LocalStorage(name="DiagnosticStore", size_mb=4096, clean_on_recycle=False)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_T = TypeVar("_T", bound=_Named)


def name_key(name: str) -> tuple[str, str]:
    """The order of names in packaged documents: without regard to case.

    Real output of cspack has `Certificate|...` before `CRUDSqlAzure...` and `realm` before `SqlSample...`.
    """
    return name.upper(), name


def by_name(items: Iterable[_T]) -> list[_T]:
    return sorted(items, key=lambda item: name_key(item.name))


def element_name(role: Role) -> str:
    """A web role that needs no IIS is a worker to Azure."""
    return "WebRole" if role.has_site else "WorkerRole"


def webs_first(service: Service) -> list[Role]:
    """The roles with a site, then the others, each kind in the user's order."""
    return sorted(service.roles, key=lambda role: not role.has_site)


def of_type(role: Role, kind: EndpointType) -> list[Endpoint]:
    """The role's endpoints of one type, by name."""
    return by_name(each for each in role.endpoints if each.type == kind)


def setting_names(role: Role) -> list[str]:
    return sorted((name for name, _ in role.settings), key=name_key)


def storages(role: Role) -> list[LocalStorage]:
    """The role's storage with the one that diagnostics and logs go to, unless the user has it already."""
    own = {storage.name.lower() for storage in role.local_storage}
    added = () if _DIAGNOSTIC_STORE.name.lower() in own else (_DIAGNOSTIC_STORE,)
    return by_name([*role.local_storage, *added])


def certificates(role: Role) -> list[Certificate]:
    """The role's certificates by name."""
    return by_name(role.certificates)


def stored_name(index: int, certificate: Certificate) -> str:
    """What documents of the fabric call the `index`-th certificate of a role."""
    return f"Stored{index}{certificate.name}"
