"""Check out one commit of a git repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.lock.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Vcs
    from hatch_cloudrole.process import Runner

__all__ = ["CheckoutError", "check_out"]


class CheckoutError(Exception):
    """The commit could not be had; holds the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


def check_out(
    vcs: Vcs, folder: Path, *, run: Runner, env: Mapping[str, str], indexes: Indexes, root: Path
) -> None:
    """Make `folder` a checkout of the commit, with its history and tags, which may say its version.

    A relative path of `vcs` counts from `root`. User names and passwords that this host has for the server
    are given to git through its environment.

    :raises CheckoutError: git is missing, the repository does not answer, or lacks the commit.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", vcs.commit):
        raise CheckoutError(Fault("", f"{vcs.commit!r} is no commit", "renew the lock (`cloudrole lock`)"))
    url = vcs.url or (root / vcs.path).resolve().as_uri()
    git_env = {
        **env,
        **_credentials(url, indexes, env),
        "GIT_TERMINAL_PROMPT": "0",
    }
    # Set by git for its hooks, they would lead to another repository.
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        git_env.pop(name, None)

    def git(*arguments: str, cwd: Path) -> str:
        try:
            done = run(["git", *arguments], cwd=cwd, env=git_env)
        except OSError:
            remedy = "install git and put it on PATH"
            raise CheckoutError(Fault("", "git is needed to get it, and cannot be started", remedy)) from None
        return "" if done.code == 0 else redact(done.stderr.strip() or f"exit code {done.code}")

    clone = ["clone", "--quiet", "--no-checkout", "--", url, str(folder)]
    if problem := git(*clone, cwd=root):
        remedy = "check the address, the network and git's credentials for that server"
        raise CheckoutError(Fault("", f"{redact(url)} cannot be cloned: {problem}", remedy))
    checkout = ["-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", vcs.commit]
    if git(*checkout, cwd=folder):
        # A commit that no branch or tag leads to: many servers give it when asked by its name.
        git("fetch", "--quiet", "origin", vcs.commit, cwd=folder)
        if problem := git(*checkout, cwd=folder):
            remedy = "renew the lock with `cloudrole lock` or --refresh"
            raise CheckoutError(Fault("", f"{redact(url)} has no commit {vcs.commit}: {problem}", remedy))
    if (folder / ".gitmodules").is_file() and (
        problem := git("submodule", "--quiet", "update", "--init", "--recursive", cwd=folder)
    ):
        raise CheckoutError(Fault("", f"the submodules of {redact(url)} cannot be had: {problem}"))


def _credentials(url: str, indexes: Indexes, env: Mapping[str, str]) -> dict[str, str]:
    """Settings for git by which `url` is asked for with what this host knows: never on a command line."""
    known = indexes.authentication(url)
    if known is None:
        return {}
    parts = urlsplit(url)
    front = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
    number = int(env.get("GIT_CONFIG_COUNT", "0") or 0)
    user, password = (quote(each, safe="") for each in known)
    return {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": f"url.{front.replace('://', f'://{user}:{password}@', 1)}.insteadOf",
        f"GIT_CONFIG_VALUE_{number}": front,
    }
