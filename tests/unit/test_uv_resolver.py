"""What uv is asked, and what its answers and refusals become; uv itself is not run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.errors import CloudRoleError, ResolutionError, TransportError, WheelError
from hatch_cloudrole.lock.indexes import Indexes
from hatch_cloudrole.lock.model import Directory, Vcs
from hatch_cloudrole.lock.uv import UvResolver, blames_network
from hatch_cloudrole.process import Finished
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WINDOWS = Target.parse("3.13", "win_amd64")

ANSWER = """
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "demo"
version = "1.0"
wheels = [{ url = "https://me:pw@x.example/demo-1.0-py3-none-any.whl", hashes = { sha256 = "AA" } }]
sdist = { url = "file:///srv/with%20space/demo-1.0.tar.gz", hashes = { sha256 = "bb" } }
[[packages]]
name = "by-address"
archive = { url = "https://x.example/by_address-2.0-py3-none-any.whl", hashes = { sha256 = "cc" } }
"""


@dataclass
class FakeUv:
    """Stands in for running uv: writes an answer, or refuses."""

    answer: str = ANSWER
    refusal: Finished | None = None
    argv: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    requirements: str = ""

    def __call__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float | None = None
    ) -> Finished:
        self.argv, self.env = list(argv), dict(env)
        self.requirements = Path(argv[3]).read_text()
        if self.refusal:
            return self.refusal
        Path(argv[argv.index("--output-file") + 1]).write_text(self.answer)
        return Finished(0, "", "")


def resolver(
    uv: FakeUv, tmp_path: Path, *, offline: bool = False, indexes: Indexes | None = None
) -> UvResolver:
    env = {"VIRTUAL_ENV": "/venv", "PATH": "/bin", "UV_PYTHON": "3.9"}
    return UvResolver(run=uv, env=env, indexes=indexes or Indexes(), root=tmp_path, offline=offline)


def test_uv_is_asked_for_the_target_and_never_for_this_host(tmp_path: Path) -> None:
    uv = FakeUv()
    extra = tmp_path / "options.txt"
    extra.touch()
    resolver(uv, tmp_path, indexes=Indexes(find_links=("/wheels",), arguments=("--no-index",))).resolve(
        ["demo", "other>=1"],
        [extra],
        target=WINDOWS,
        exclude_newer="2026-01-01T00:00:00Z",
        constraints=["x==1"],
    )
    line = " ".join(uv.argv)
    assert "--python-platform x86_64-pc-windows-msvc" in line
    assert f"--python-version {WINDOWS.python}" in line
    assert "--exclude-newer 2026-01-01T00:00:00Z" in line
    assert "--find-links /wheels --no-index" in line
    assert "--no-python-downloads" in line
    assert str(extra) in uv.argv
    assert uv.requirements == "demo\nother>=1\n"
    assert "VIRTUAL_ENV" not in uv.env
    assert "UV_PYTHON" not in uv.env
    assert "--offline" not in uv.argv


def test_macos_versions_are_told_by_environment(tmp_path: Path) -> None:
    uv = FakeUv()
    resolver(uv, tmp_path, offline=True).resolve(
        ["demo"], [], target=Target.parse("3.13", "macosx_12_0_arm64")
    )
    assert uv.env["MACOSX_DEPLOYMENT_TARGET"] == "12.0"
    assert "--offline" in uv.argv


def test_an_answer_becomes_pins_without_credentials(tmp_path: Path) -> None:
    pins = resolver(FakeUv(), tmp_path).resolve(["demo"], [], target=WINDOWS)
    by_address, demo = pins
    assert demo.wheels[0].url == "https://x.example/demo-1.0-py3-none-any.whl"
    assert demo.wheels[0].sha256 == "aa"
    assert demo.sdist is not None
    assert (demo.sdist.url, demo.sdist.path) == ("", "/srv/with space/demo-1.0.tar.gz")
    assert str(by_address) == "by-address 2.0"
    assert by_address.wheels[0].filename == "by_address-2.0-py3-none-any.whl"


def test_folders_and_commits_become_sources(tmp_path: Path) -> None:
    """Without a version, which only a build can tell; a repository of this host by its path."""
    answer = f"""
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "folder"
directory = {{ path = "{tmp_path.as_posix()}/libs", editable = true }}
[[packages]]
name = "commit"
version = "3.0"
vcs = {{ type = "git", url = "https://me:pw@x.example/r", requested-revision = "main", commit-id = "{"a" * 40}", subdirectory = "py" }}
[[packages]]
name = "here"
vcs = {{ type = "git", url = "file:///srv/r%20r", commit-id = "{"b" * 40}" }}
"""
    commit, folder, here = resolver(FakeUv(answer), tmp_path).resolve(["demo"], [], target=WINDOWS)
    assert (commit.version, folder.version) == (None, None)
    assert folder.source == Directory(path=f"{tmp_path.as_posix()}/libs")
    assert commit.source == Vcs(
        commit="a" * 40, url="https://x.example/r", requested="main", subdirectory="py"
    )
    assert here.source == Vcs(commit="b" * 40, path="/srv/r r")


def test_a_folder_in_an_archive_is_refused_by_name(tmp_path: Path) -> None:
    answer = """
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "inner"
archive = { url = "https://x.example/main.tar.gz", subdirectory = "py", hashes = { sha256 = "cc" } }
"""
    with pytest.raises(WheelError, match="inner: is a folder in an archive"):
        resolver(FakeUv(answer), tmp_path).resolve(["demo"], [], target=WINDOWS)


def test_options_that_uv_wants_on_its_command_line_get_there(tmp_path: Path) -> None:
    options = tmp_path / "options.txt"
    options.write_text("--pre\n--trusted-host x.example\n--index-url https://x.example\n")
    uv = FakeUv()
    resolver(uv, tmp_path).resolve(["demo"], [options], target=WINDOWS)
    line = " ".join(uv.argv)
    assert "--prerelease allow --allow-insecure-host x.example" in line
    assert "--index-url" not in line


@pytest.mark.parametrize(
    ("stderr", "kind", "words"),
    [
        ("error: No solution found when resolving dependencies\n  cause: Because six==99", ResolutionError, "six==99"),
        ("error: Request failed after 3 retries\n  cause: Failed to fetch: `https://x`", TransportError, "Failed to fetch"),
        ("error: x\nhint: An index URL could not be queried due to a lack of valid authentication credentials",
         TransportError, "credentials"),
        ("error: x\nhint: Packages were unavailable because the network was disabled.", TransportError, "--offline"),
        ("error: Failed to build `broken==1.0`\n  cause: The build backend returned an error", WheelError, "broken"),
    ],
)  # fmt: skip
def test_refusals_are_told_apart(tmp_path: Path, stderr: str, kind: type[CloudRoleError], words: str) -> None:
    uv = FakeUv(refusal=Finished(1, "", stderr))
    with pytest.raises(kind, match=words) as caught:
        resolver(uv, tmp_path).resolve(["demo"], [], target=WINDOWS)
    assert type(caught.value) is kind


def test_a_refusal_shows_no_credentials(tmp_path: Path) -> None:
    uv = FakeUv(refusal=Finished(2, "", "error: Failed to fetch: https://me:s3cret@x.example/simple"))
    with pytest.raises(TransportError) as caught:
        resolver(uv, tmp_path).resolve(["demo"], [], target=WINDOWS)
    assert "s3cret" not in str(caught.value)
    assert "x.example" in str(caught.value)


def test_uv_that_cannot_start_is_said_so(tmp_path: Path) -> None:
    def missing(*_args: object, **_kwargs: object) -> Finished:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(TransportError, match="uv cannot be started"):
        UvResolver(run=missing, env={}, indexes=Indexes(), root=tmp_path).resolve(
            ["demo"], [], target=WINDOWS
        )


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ("error: Failed to build `a==1`\n  cause: Failed to fetch: `http://x.example/`", True),
        (
            "error: Failed to build `a==1`\n  cause: Call failed\n\n     [stderr]\n     certificate.c: timed out",
            False,
        ),
    ],
)
def test_what_a_build_says_of_networks_is_not_ours(stderr: str, *, expected: bool) -> None:
    assert blames_network(stderr) is expected


def test_a_failed_build_is_told_with_its_end_and_what_helps(tmp_path: Path) -> None:
    words = "error: Failed to build `Broken==1.0`\n  cause: x\n\n    [stderr]\n    cc: not found\n\nhint: uv's own\n"
    with pytest.raises(WheelError) as caught:
        resolver(FakeUv(refusal=Finished(1, "", words)), tmp_path).resolve(["demo"], [], target=WINDOWS)
    (fault,) = caught.value.faults
    assert fault.where == "broken 1.0"
    assert "cc: not found" in fault.what
    assert "hint" not in fault.what
    assert "pip wheel --no-deps broken==1.0" in fault.remedy
