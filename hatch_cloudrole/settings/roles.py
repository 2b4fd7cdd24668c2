"""One role: the rules that span several of its settings, and the value it becomes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from hatch_cloudrole.settings.model import Endpoint, Role, Runtime
from hatch_cloudrole.settings.options import ROLE
from hatch_cloudrole.settings.paths import is_absolute
from hatch_cloudrole.settings.place import clashes
from hatch_cloudrole.settings.targets import default_python, make_target
from hatch_cloudrole.settings.web_rules import check_web, default_endpoints
from hatch_cloudrole.settings.wording import did_you_mean, one_of, show, toml_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_cloudrole.settings.model import Certificate, Configuration, StartupTask
    from hatch_cloudrole.settings.place import Place
    from hatch_cloudrole.settings.tables import Read
    from hatch_cloudrole.target import Target

    Variables = tuple[tuple[str, str], ...]

__all__ = ["build_role", "check_role", "endpoints_of"]


def check_role(role: Read, service: Read) -> None:
    """Report what is wrong with settings that are right one by one. `service` has what the role inherits."""
    _check_type(role)
    if role.values.get("type") == "worker":
        _check_worker(role)
    if role.values.get("type") == "web":
        check_web(role)
    _check_configurations(role)
    _check_certificates(role)
    _check_instances(role)
    _check_instance_values(role)
    target = _target(role, service)
    _check_nuget(role, service, target)
    if target:
        _check_interpreter(role, target)
        if target.is_windows:
            _check_case(role)


def build_role(role: Read, service: Read) -> Role:
    """The role of settings that have no fault."""
    target = _target(role, service)
    assert target is not None  # noqa: S101 # no fault, so there is one
    values = {name: value for name, value in role.values.items() if name not in _RESOLVED}
    if not role.has("requirements") and role.place.has_file("requirements.txt"):
        values["requirements"] = ("requirements.txt",)
    if role.values["type"] == "web":
        values.setdefault("server", "fastcgi")
    return Role(
        name=role.name,
        target=target,
        endpoints=endpoints_of(role),
        resolver=_holder(role, service, "resolver").values.get("resolver", "uv"),
        runtime=_runtime(role, service),
        **values,
    )


_V2 = re.compile(r"/v2/?$")
"""What addresses of NuGet feeds of the older protocol end in."""
_RESOLVED = {"endpoints", "nuget_feed", "platform", "python", "resolver", "runtime"}


def endpoints_of(role: Read) -> tuple[Endpoint, ...]:
    """The endpoints that were given, or else those that go without saying."""
    given: tuple[Endpoint, ...] = role.values.get("endpoints", ())
    if given or role.values.get("type") != "web" or not role.sound("endpoints"):
        return given
    return default_endpoints()


def _holder(role: Read, service: Read, key: str) -> Read:
    """The table whose `key` counts for the role."""
    return role if role.has(key) else service


def _target(role: Read, service: Read) -> Target | None:
    """The role's target, None where a setting that says it is at fault."""
    python, platform = _holder(role, service, "python"), _holder(role, service, "platform")
    if not python.sound("python") or not platform.sound("platform"):
        return None
    world = role.place.world
    version = _python(role, service)
    if version is None:
        return None
    return make_target(version, platform.values.get("platform", "win_amd64"), world.host)


def _python(role: Read, service: Read) -> str | None:
    """X.Y or X.Y.Z, as it was written or goes without saying; None where the project allows none."""
    given: str | None = _holder(role, service, "python").values.get("python")
    return given or default_python(role.place.world.project.requires_python)


def _runtime(role: Read, service: Read) -> Runtime:
    runtime: Runtime = _holder(role, service, "runtime").values.get("runtime", Runtime())
    if runtime.kind != "nuget":
        return runtime
    feed = _holder(role, service, "nuget-feed").values["nuget_feed"]
    return replace(runtime, nuget_feed=feed, nuget_version=_python(role, service) or "")


def _check_type(role: Read) -> None:
    """Settings of the other type of role would have no effect."""
    found = role.values.get("type")
    for option in ROLE.options:
        if found and option.role not in ("", found) and role.has(option.key):
            role.place.at(option.key).fault(
                f"found in a {found} role, accepted: in {option.role} roles alone",
                "leave it out, or change the type of the role",
            )


def _check_worker(role: Read) -> None:
    both = role.has("startup-file") and role.has("startup-module")
    if both or not (role.has("startup-file") or role.has("startup-module")):
        found = "both startup-file and startup-module" if both else "neither startup-file nor startup-module"
        role.place.fault(f"found {found}, accepted: exactly one of them in a worker role")


def _check_configurations(role: Read) -> None:
    """A service configuration gives values to settings that the service definition names."""
    if not role.sound("settings"):
        return
    known = [name for name, _ in role.values.get("settings", ())]
    configurations: tuple[Configuration, ...] = role.values.get("configurations", ())
    for each in configurations:
        for name, _ in each.settings:
            if name not in known:
                accepted = one_of([show(name) for name in known]) if known else "none, as the role has none"
                role.place.at("configurations").at(each.name).at("settings").at(name).fault(
                    f"the role has no such setting, accepted: {accepted}",
                    did_you_mean(name, known) or "add it to settings of the role",
                )


def _check_certificates(role: Read) -> None:
    """Endpoints and configurations name certificates that the role has."""
    if not role.sound("certificates"):
        return
    certificates: tuple[Certificate, ...] = role.values.get("certificates", ())
    known = [each.name for each in certificates]
    accepted = one_of([show(name) for name in known]) if known else "none, as the role has none"

    def remedy(name: str) -> str:
        if known:
            return did_you_mean(name, known) or "add it to certificates of the role"
        return f"add it to the role, as in {toml_key('certificates', name, 'thumbprint')}"

    for endpoint in endpoints_of(role):
        name = endpoint.certificate
        if name and name not in known:
            role.place.at("endpoints").at(endpoint.name).at("certificate").fault(
                f"found {show(name)}, accepted: {accepted}", remedy(name)
            )
    configurations: tuple[Configuration, ...] = role.values.get("configurations", ())
    for each in configurations:
        for name, _ in each.certificates:
            if name not in known:
                role.place.at("configurations").at(each.name).at("certificates").at(name).fault(
                    f"the role has no such certificate, accepted: {accepted}", remedy(name)
                )


def _check_instances(role: Read) -> None:
    """An instance-input endpoint takes one public port an instance."""
    if not role.sound("instances", "configurations"):
        return
    configurations: tuple[Configuration, ...] = role.values.get("configurations", ())
    counts = {"the role": role.values.get("instances", 1)}
    counts |= {each.name: each.instances for each in configurations if each.instances is not None}
    holder = max(counts, key=lambda name: counts[name])
    for endpoint in endpoints_of(role):
        for ports in endpoint.port_ranges if endpoint.type == "instance-input" else ():
            size = ports.max - ports.min + 1
            if size < counts[holder]:
                role.place.at("endpoints").at(endpoint.name).at("port-ranges").fault(
                    f"found {size} ports, accepted: one for each instance, and {holder} has {counts[holder]}"
                )


def _check_instance_values(role: Read) -> None:
    """A variable has one value: the one that was written, or the one that the instance knows."""
    holders: list[tuple[Place, Variables, Variables]] = [
        (
            role.place.at("role-instance-values"),
            role.values.get("role_instance_values", ()),
            role.values.get("environment", ()),
        )
    ]
    tasks: tuple[StartupTask, ...] = role.values.get("startup_tasks", ())
    if role.sound("startup-tasks"):
        for number, task in enumerate(tasks):
            place = role.place.at("startup-tasks").at(number).at("role-instance-values")
            holders.append((place, task.role_instance_values, task.environment))
    for place, values, plain in holders:
        written = {name.upper() for name, _ in plain}
        for name, xpath in values:
            if name.upper() in written:
                place.at(name).fault("found in environment too, accepted: each variable in one of them")
            _check_xpath(role, place.at(name), xpath)


_NAMED = re.compile(r"/(ConfigurationSetting|LocalResource|Endpoint)\[@name=(['\"])(.*?)\2\]")


def _check_xpath(role: Read, place: Place, xpath: str) -> None:
    """A path to something of this instance that the role has not would give nothing."""
    if not xpath.startswith("/RoleEnvironment/CurrentInstance/"):
        return
    storages = [each.name for each in role.values.get("local_storage", ())]
    known = {
        "ConfigurationSetting": ("settings", [name for name, _ in role.values.get("settings", ())]),
        "LocalResource": ("local-storage", list(dict.fromkeys(["DiagnosticStore", *storages]))),
        "Endpoint": ("endpoints", [each.name for each in endpoints_of(role)]),
    }
    for kind, _, name in _NAMED.findall(xpath):
        key, names = known[kind]
        if role.sound(key) and name not in names:
            accepted = one_of([show(each) for each in names]) if names else "none, as the role has none"
            place.fault(
                f"found {show(name)}, which {key} of the role has not, accepted: {accepted}",
                did_you_mean(name, names),
            )


def _check_nuget(role: Read, service: Read, target: Target | None) -> None:
    holder, feed = _holder(role, service, "runtime"), _holder(role, service, "nuget-feed")
    runtime: Runtime | None = holder.values.get("runtime")
    if runtime and runtime.kind == "nuget":
        if not feed.has("nuget-feed"):
            holder.place.at("runtime").fault(
                'found "nuget" without nuget-feed, accepted: with nuget-feed beside it',
                'add nuget-feed = "https://..."',
            )
        elif _V2.search(feed.values.get("nuget_feed", "")):
            feed.place.at("nuget-feed").refuse(
                feed.values["nuget_feed"],
                "a NuGet v3 feed, by the address of its service index",
                "it often ends in /v3/index.json",
            )
        if target and not target.is_windows:
            holder.place.at("runtime").fault(
                f'found "nuget" with platform "{target.platform}", accepted: with Windows alone, for '
                "feeds have no CPython for other systems"
            )
    elif role.has("nuget-feed") and holder.sound("runtime"):
        role.place.at("nuget-feed").fault(
            f"found with runtime = {show(runtime.kind if runtime else 'download')}, "
            'accepted: with runtime = "nuget" alone'
        )


def _check_interpreter(role: Read, target: Target) -> None:
    path = role.values.get("deployed_python_interpreter_path")
    if path and not is_absolute(path, windows=target.is_windows):
        system = "Windows" if target.is_windows else "POSIX"
        role.place.at("deployed-python-interpreter-path").refuse(
            path, f"an absolute {system} path, for the platform is {target.platform}"
        )


def _check_case(role: Read) -> None:
    """Windows takes no notice of the case of names, nor does PowerShell when it reads those in role.json."""
    for place, names in _names(role):
        for name, first in clashes((name.upper(), name) for name in names).items():
            place.at(name).fault(
                f"the name differs from {show(first)} by case alone, accepted: names that differ otherwise"
            )


def _names(role: Read) -> Iterator[tuple[Place, list[str]]]:
    """The names of variables and of a site's folders, with the table that each is in."""
    for key in ("environment", "role-instance-values", "static"):
        pairs = role.values.get(key.replace("-", "_"), ())
        yield role.place.at(key), [name for name, _ in pairs]
    tasks: tuple[StartupTask, ...] = role.values.get("startup_tasks", ())
    if role.sound("startup-tasks"):
        for number, task in enumerate(tasks):
            place = role.place.at("startup-tasks").at(number)
            yield place.at("environment"), [name for name, _ in task.environment]
            yield place.at("role-instance-values"), [name for name, _ in task.role_instance_values]
