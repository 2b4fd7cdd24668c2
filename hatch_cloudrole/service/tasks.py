r"""What runs on an instance: startup tasks, the worker's program, and the variables both see.

A task starts in `approot` of a worker and in `approot\bin` of a role with a site. The commands name the
scripts for Windows whatever the role's target is: every guest of a Cloud Service is Windows, so for other
targets these documents describe the service without promising that Azure can run it.
"""

from __future__ import annotations

import dataclasses
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.service.xmldoc import child
from hatch_cloudrole.settings.model import StartupTask
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Iterable, Iterator, Mapping

    from hatch_cloudrole.settings.model import Role

    Variables = tuple[tuple[str, str], ...]
    OwnScripts = Mapping[str, frozenset[str]]

__all__ = [
    "NO_OWN_SCRIPTS",
    "add_runtime",
    "add_startup",
    "command_faults",
    "program_command",
    "site_command",
    "startup_tasks",
]

NO_OWN_SCRIPTS: OwnScripts = MappingProxyType({})
"""Role name -> file names in `bin` that the project has itself, used instead of ours: nowhere any."""

_CONFIGURE = "ConfigureCloudService.ps1"
_LAUNCH = "LaunchWorker.ps1"
_LONGEST_COMMAND = 256
_EMULATED_XPATH = "/RoleEnvironment/Deployment/@emulated"


def startup_tasks(role: Role, own_scripts: OwnScripts = NO_OWN_SCRIPTS) -> tuple[StartupTask, ...]:
    """Every task in the order of running, ours first.

    The commands are as they stand in the documents, the environments complete but for EMULATED.
    """
    script = f"ps.cmd {_CONFIGURE}"
    ours = StartupTask(command=script if role.has_site else rf"bin\{script}", elevated=True)
    common = _variables(role, own_scripts)
    return tuple(
        dataclasses.replace(
            task,
            environment=_without(_merged(common, task.environment), task.role_instance_values),
            role_instance_values=_without(
                _merged(role.role_instance_values, task.role_instance_values), task.environment
            ),
        )
        for task in (ours, *(_in_place(task, role) for task in role.startup_tasks))
    )


def _in_place(task: StartupTask, role: Role) -> StartupTask:
    return dataclasses.replace(task, command=site_command(task.command)) if role.has_site else task


def site_command(command: str) -> str:
    r"""A command relative to approot, as it must be written for a task that starts in approot\bin.

    The first word gets `..\` in front when it is a file of the role: when it is a path, or a .cmd or .bat.
    A word such as `msiexec` is a program that Windows finds, and an absolute path or a `%variable%` stays;
    `.\setup.exe` names a program file beside the role's own files. The arguments are not touched, so what
    they name is relative to approot\bin.
    """
    quote = '"' if command.startswith('"') else ""
    rest = command[len(quote) :]
    program = re.match(r'[^"]*' if quote else r"\S*", rest)
    word = program[0] if program else ""
    absolute = re.match(r"[A-Za-z]:|[\\/]|%", word)
    of_role = re.search(r"[\\/]|\.(?:cmd|bat)$", word, re.IGNORECASE)
    return rf"{quote}..\{rest}" if of_role and not absolute else command


def program_command(role: Role, own_scripts: OwnScripts = NO_OWN_SCRIPTS) -> str:
    """The command line of a worker's program.

    Ours reads role.json. A LaunchWorker.ps1 of the project gets what to run as its arguments, as Python
    Tools had it: the startup file, or `-m` and the startup module.
    """
    command = rf"bin\ps.cmd {_LAUNCH}"
    if not _is_own(role, own_scripts, _LAUNCH):
        return command
    if role.startup_file:
        return f"{command} {_quoted(role.startup_file.replace('/', chr(92)))}"
    return f"{command} -m {_quoted(role.startup_module)}" if role.startup_module else command


def _quoted(argument: str) -> str:
    """One argument through cmd.exe; a file name on Windows holds no quote."""
    return argument if re.fullmatch(r"[\w.\\-]+", argument, re.ASCII) else f'"{argument}"'


def _is_own(role: Role, own_scripts: OwnScripts, script: str) -> bool:
    return script.lower() in {name.lower() for name in own_scripts.get(role.name, ())}


def _variables(role: Role, own_scripts: OwnScripts) -> Variables:
    """The role's environment, with the interpreter where scripts of the project's own look for it.

    Those of Python Tools know it from PYTHON alone; ours read role.json, where that path outranks PYTHON.
    """
    path = role.deployed_python_interpreter_path
    own = any(_is_own(role, own_scripts, script) for script in (_CONFIGURE, _LAUNCH))
    return _merged((("PYTHON", path),) if path and own else (), role.environment)


def _merged(*layers: Variables) -> Variables:
    """One list of variables; a later layer replaces an earlier one, and Windows ignores the case of names."""
    merged: dict[str, tuple[str, str]] = {}
    for name, value in (pair for layer in layers for pair in layer):
        merged[name.upper()] = (name, value)
    return tuple(merged.values())


def _without(variables: Variables, others: Variables) -> Variables:
    """The variables that `others` do not give another kind of value."""
    names = {name.upper() for name, _ in others}
    return tuple((name, value) for name, value in variables if name.upper() not in names)


def add_startup(parent: ET.Element, role: Role, own_scripts: OwnScripts, *, packaged: bool) -> None:
    """Append `Startup`.

    Every attribute is written in a source definition; the packaged role model leaves out defaults and says
    which folder a task starts in.
    """
    startup = child(parent, "Startup")
    for each in startup_tasks(role, own_scripts):
        context = "elevated" if each.elevated else "limited"
        task = child(
            startup,
            "Task",
            commandLine=each.command,
            executionContext=None if packaged and context == "limited" else context,
            taskType=None if packaged and each.type == "simple" else each.type,
            relativePath=("approot\\bin" if role.has_site else "approot\\") if packaged else None,
        )
        _add_environment(task, each.environment, each.role_instance_values)


def add_runtime(parent: ET.Element, role: Role, own_scripts: OwnScripts, *, packaged: bool) -> None:
    """Append `Runtime`.

    A worker has its program there. A role with a site has the role's environment, when there is any: that
    reaches the host process of the role and not the processes of IIS, whose variables stand in web.config.
    """
    variables = _variables(role, own_scripts)
    found = role.role_instance_values
    if role.has_site:
        if packaged or variables or found:
            runtime = child(parent, "Runtime")
            if variables or found:
                _add_environment(runtime, variables, found)
        return
    runtime = child(parent, "Runtime", protocolVersion="2011-03-08" if packaged else None)
    _add_environment(runtime, variables, found)
    child(
        child(runtime, "EntryPoint"),
        "ProgramEntryPoint",
        commandLine=program_command(role, own_scripts),
        setReadyOnProcessStart="true",
    )


def _add_environment(parent: ET.Element, variables: Variables, found: Variables) -> None:
    """Append `Environment`; of `found` the document has the XPath, and an instance the value."""
    environment = child(parent, "Environment")
    taken = {name.upper() for name, _ in (*variables, *found)}
    emulated = () if "EMULATED" in taken else (("EMULATED", _EMULATED_XPATH),)
    for name, xpath in (*emulated, *found):
        child(child(environment, "Variable", name=name), "RoleInstanceValue", xpath=xpath)
    for name, value in variables:
        child(environment, "Variable", name=name, value=value)


def command_faults(roles: Iterable[Role], own_scripts: OwnScripts) -> Iterator[Fault]:
    """Commands longer than the schema of .csdef allows (NonEmptyString: 256 characters)."""
    for role in roles:
        theirs = startup_tasks(role, own_scripts)[1:]
        keys: list[tuple[tuple[str | int, ...], str]] = [
            (("startup-tasks", i, "command"), task.command) for i, task in enumerate(theirs)
        ]
        if not role.has_site:
            keys.append((("startup-file",), program_command(role, own_scripts)))
        for key, command in keys:
            if len(command) > _LONGEST_COMMAND:
                yield Fault(
                    toml_key(*TABLE, "roles", role.name, *key),
                    f"makes a command of {len(command)} characters; a .csdef holds {_LONGEST_COMMAND}",
                    "put the command into a .cmd file and name that",
                )
