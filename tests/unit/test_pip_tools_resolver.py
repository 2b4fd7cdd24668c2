"""What pip-tools is asked, and what its answers and refusals become; pip-tools itself is not run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.errors import CloudRoleError, ProjectError, ResolutionError, TransportError, WheelError
from hatch_cloudrole.lock.indexes import Indexes
from hatch_cloudrole.lock.pip_tools import PipToolsResolver
from hatch_cloudrole.process import Finished
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WINDOWS = Target.parse("3.13", "win_amd64")


@dataclass
class FakePip:
    """Stands in for the child process: notes the request, and writes an answer, if it has one."""

    answer: dict[str, Any] | None = field(default_factory=lambda: {"packages": []})
    request: dict[str, Any] = field(default_factory=dict)
    requirements: str = ""
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path = field(default_factory=Path)

    def __call__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Finished:
        path = Path(argv[-1])
        self.request = json.loads(path.read_text())
        self.requirements = Path(self.request["sources"][0]).read_text()
        self.cwd, self.env = cwd, dict(env)
        if self.answer is not None:
            path.with_name("answer.json").write_text(json.dumps(self.answer))
        return Finished(1, "", "killed at https://me:s3cret@x.example/simple")


def resolve(pip: FakePip, root: Path, *, indexes: Indexes | None = None, offline: bool = False) -> Any:
    env = {"PATH": "/bin", "PIP_TARGET": "/elsewhere", "PIP_INDEX_URL": "https://kept.example"}
    resolver = PipToolsResolver(run=pip, env=env, indexes=indexes or Indexes(), root=root, offline=offline)
    return resolver.resolve(
        ["demo", "other>=1"], [root / "r.txt"], target=WINDOWS, exclude_newer="2026-02-01T00:00:00Z"
    )


def test_the_target_is_told_in_full(tmp_path: Path) -> None:
    pip = FakePip()
    resolve(pip, tmp_path)
    assert pip.request["target"]["environment"]["sys_platform"] == "win32"
    assert pip.request["target"]["tags"][0] == "cp313-cp313-win_amd64"
    assert pip.request["exclude_newer"] == "2026-02-01T00:00:00Z"
    assert pip.requirements == "demo\nother>=1\n"
    assert pip.request["sources"][1] == str(tmp_path / "r.txt")
    assert "PIP_TARGET" not in pip.env
    assert pip.env["PIP_INDEX_URL"] == "https://kept.example", "pip finds its own indexes itself"
    assert pip.cwd != tmp_path, "no module of the project is imported"


def test_offline_leaves_local_folders(tmp_path: Path) -> None:
    pip = FakePip()
    indexes = Indexes(
        pip_find_links=("/wheels", "https://links.example"), pip_options={"index_url": "https://x.example"}
    )
    resolve(pip, tmp_path, indexes=indexes, offline=True)
    assert pip.request["find_links"] == ["/wheels"]
    assert pip.request["options"]["no_index"] is True


def test_an_answer_becomes_pins_without_credentials(tmp_path: Path) -> None:
    wheel = {"name": "demo-1.0-py3-none-any.whl", "url": "https://me:pw@x.example/demo-1.0-py3-none-any.whl",
             "hashes": {"sha256": "AA"}}  # fmt: skip
    pins = resolve(FakePip({"packages": [{"name": "demo", "version": "1.0", "wheels": [wheel]}]}), tmp_path)
    assert [(str(pin), pin.wheel.url, pin.wheel.sha256) for pin in pins] == [
        ("demo 1.0", "https://x.example/demo-1.0-py3-none-any.whl", "aa")
    ]


@pytest.mark.parametrize(
    ("kind", "text", "error", "words"),
    [
        ("resolution", "Could not find a version that satisfies the requirement demo (from versions: none)",
         ResolutionError, "requirement demo\n"),
        ("resolution", "Cannot install -r /tmp/x/requirements.in (line 2) and demo\n\nTo fix this you could try to:\n1. x",
         ResolutionError, "Cannot install other>=1 and demo\n"),
        ("resolution", "no (from versions: 1, 2, 3, 4, 5, 6, 7)", ResolutionError, "(from versions: ..., 3, 4, 5, 6, 7)"),
        ("resolution", "Index x does not provide upload-time metadata.", ResolutionError, "leave exclude-newer out"),
        ("transport", "https://x.example: HTTPSConnectionPool(host='x', port=1): Max retries exceeded with url: /s "
         "(Caused by NewConnectionError('<a.B object at 0x7f00>: refused'))", TransportError, "x.example: refused\n"),
        ("transport", "piptools is not installed here", TransportError, "install pip-tools"),
        ("wheel", "metadata generation failed", WheelError, "metadata generation failed"),
        ("setting", "pip 23.2 cannot resolve as of a moment", ProjectError, "26.0"),
    ],
)  # fmt: skip
def test_refusals_are_told_apart_and_reduced(
    tmp_path: Path, kind: str, text: str, error: type[CloudRoleError], words: str
) -> None:
    with pytest.raises(error) as caught:
        resolve(FakePip({"failure": {"kind": kind, "text": text}}), tmp_path)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert "To fix" not in str(caught.value)


def test_offline_a_missing_package_is_a_matter_of_transport(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="without --offline"):
        resolve(FakePip({"failure": {"kind": "resolution", "text": "x"}}), tmp_path, offline=True)


def test_a_process_that_dies_is_said_so_without_credentials(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="killed at https://x.example") as caught:
        resolve(FakePip(None), tmp_path)
    assert "s3cret" not in str(caught.value)
