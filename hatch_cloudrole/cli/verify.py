"""`cloudrole verify`: whether a package is what it says, and its wheelhouses are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hatch_cloudrole.cli.common import print_json

if TYPE_CHECKING:
    from hatch_cloudrole.errors import Fault

__all__ = ["command", "verify"]


@click.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path, *, as_json: bool) -> int:
    """Check FILE: the package's structure, every hash, and every wheel in it against its role's target.

    Exit code 5 when anything is wrong; every finding is named.
    """
    from hatch_cloudrole.errors import PackageError

    faults, roles = verify(file)
    if as_json:
        findings = [{"where": each.where, "what": each.what, "remedy": each.remedy} for each in faults]
        print_json(
            {"schema": 1, "path": file.as_posix(), "valid": not faults, "roles": roles, "faults": findings}
        )
        return PackageError.exit_code if faults else 0
    if faults:
        raise PackageError(f"{file} is not valid", faults)
    total = sum(roles.values())
    click.echo(
        f"{file}: valid ({len(roles)} role{'s' * (len(roles) != 1)}, {total} wheel{'s' * (total != 1)})"
    )
    return 0


def verify(file: Path) -> tuple[list[Fault], dict[str, int]]:
    """Everything that is wrong with a package, and the number of wheels in each role."""
    from hatch_cloudrole.package import check_package, has_folders, open_artifact
    from hatch_cloudrole.package.compare import UNPACKED
    from hatch_cloudrole.role.verify import wheelhouse_faults

    faults = [] if has_folders(file) else check_package(file)
    roles: dict[str, int] = {}
    if faults:
        return faults, roles
    with open_artifact(file) as package:
        for role, files in package.layouts.items():
            roles[role] = sum(
                path.startswith("approot/wheels/") or UNPACKED.fullmatch(path) is not None for path in files
            )
            faults += wheelhouse_faults(role, files)
    return faults, roles
