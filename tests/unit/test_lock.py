"""Locks: their text, their inputs, and when one is used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from packaging.pylock import Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.errors import ProjectError, WheelError
from hatch_cloudrole.lock.inputs import RoleInputs, gather, inputs_digest, server_requirement
from hatch_cloudrole.lock.model import (
    Artifact,
    Directory,
    Lock,
    Pin,
    clean_url,
    parse_lock,
    portable,
    render_lock,
)
from hatch_cloudrole.lock.resolve import (
    REUSE_SECONDS,
    find_lock,
    lock_file_name,
    resolve,
    with_hashes,
    write_lock,
)
from hatch_cloudrole.project import Project
from hatch_cloudrole.settings.model import Role
from hatch_cloudrole.target import Target
from hatch_cloudrole.toml import loads

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target.parse("3.13", "win_amd64")


def pin(name: str, version: str = "1.0", *, path: str = "") -> Pin:
    filename = f"{name}-{version}-py3-none-any.whl"
    url = "" if path else f"https://index.example/files/{filename}"
    wheel = Artifact(filename=filename, sha256="0" * 64, url=url, path=path, size=10)
    return Pin(name=canonicalize_name(name), version=Version(version), wheels=(wheel,))


def inputs(role: str, *requirements: str) -> RoleInputs:
    return RoleInputs(role=role, requirements=tuple(sorted(requirements)))


@dataclass
class FakeResolver:
    """Pins every requirement at 1.0, and remembers what it was asked."""

    name: str = "fake"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def resolve(self, requirements, files, *, target, exclude_newer="", constraints=()):  # type: ignore[no-untyped-def]
        self.asked.append(tuple(requirements))
        return tuple(pin(name) for name in requirements)


class MemoryCache(dict[str, str]):
    def read_resolution(self, key: str) -> str | None:
        return self.get(key)

    def write_resolution(self, key: str, text: str) -> None:
        self[key] = text


def find(tmp_path: Path, *wanted: RoleInputs, resolver: FakeResolver | None = None, **options):  # type: ignore[no-untyped-def]
    arguments = {"cache": MemoryCache(), "now": 1_000_000, "context": "", **options}
    return find_lock(
        list(wanted) or [inputs("Web", "flask")],
        target=TARGET,
        exclude_newer="",
        resolver=resolver or FakeResolver(),
        committed=tmp_path / "pylock.cloudrole.toml",
        **arguments,
    )


def test_a_lock_is_valid_pep_751() -> None:
    lock = Lock(target=TARGET, pins=(pin("click"),), roles={"Web": (canonicalize_name("click"),)}, inputs="x")
    pylock = Pylock.from_dict(loads(render_lock(lock)))
    chosen = list(pylock.select(environment=TARGET.environment(), tags=TARGET.tags()))  # type: ignore[arg-type]
    assert [package.name for package, _ in chosen] == ["click"]


def test_a_lock_never_holds_credentials() -> None:
    secret = replace(pin("click").wheels[0], url="https://me:s3cret@index.example/click.whl")
    lock = Lock(target=TARGET, pins=(replace(pin("click"), wheels=(secret,)),), roles={"Web": ()})
    text = render_lock(lock)
    assert "s3cret" not in text
    assert "me:" not in text
    assert clean_url("https://me:s3cret@index.example/a?b=c#d") == "https://index.example/a?b=c"


def test_a_lock_that_leaves_the_host_names_no_folder_of_it() -> None:
    lock = Lock(
        target=TARGET,
        pins=(pin("inside", path="/project/vendor/i.whl"), pin("outside", path="/home/me/o.whl")),
        roles={"Web": ()},
        resolved_at=5,
    )
    moved = portable(lock, root="/project")
    assert [each.wheels[0].path for each in moved.pins] == ["vendor/i.whl", "outside-1.0-py3-none-any.whl"]
    assert moved.resolved_at == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not = [toml", "line 1"),
        ('lock-version = "1.0"\n', "created-by"),
        ('lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n', "tool.hatch-cloudrole"),
        (
            'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n[tool.hatch-cloudrole]\nschema = 1\n',
            "python",
        ),
    ],
)
def test_other_files_are_no_locks_of_ours(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_lock(text)


def test_a_committed_lock_that_fits_is_used_without_resolving(tmp_path: Path) -> None:
    resolver = FakeResolver()
    lock = find(tmp_path, resolver=resolver).lock
    write_lock(lock, tmp_path / "pylock.cloudrole.toml")
    again = find(tmp_path, resolver=resolver)
    assert again.source == "committed"
    assert again.lock == lock
    assert len(resolver.asked) == 1


def test_a_stale_lock_is_resolved_anew_and_said_to_be_stale(tmp_path: Path) -> None:
    write_lock(find(tmp_path).lock, tmp_path / "pylock.cloudrole.toml")
    found = find(tmp_path, inputs("Web", "django"))
    assert (found.source, found.stale_file) == ("resolved", "pylock.cloudrole.toml")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (inputs("Web", "django"), "the requirements have changed"),
        (inputs("Other", "flask"), "the requirements have changed"),
    ],
)
def test_locked_refuses_a_stale_lock(tmp_path: Path, wanted: RoleInputs, reason: str) -> None:
    write_lock(find(tmp_path).lock, tmp_path / "pylock.cloudrole.toml")
    with pytest.raises(ProjectError, match=reason) as caught:
        find(tmp_path, wanted, locked=True)
    assert caught.value.exit_code == 2


def test_locked_refuses_to_go_without_a_lock(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is none"):
        find(tmp_path, locked=True)


def test_a_lock_that_is_damaged_is_named_and_not_silently_replaced(tmp_path: Path) -> None:
    (tmp_path / "pylock.cloudrole.toml").write_text("lock-version = 3")
    with pytest.raises(ProjectError, match=r"pylock\.cloudrole\.toml.*\n.*cloudrole lock"):
        find(tmp_path)


def test_a_resolution_is_used_again_for_a_day(tmp_path: Path) -> None:
    cache, resolver = MemoryCache(), FakeResolver()
    find(tmp_path, cache=cache, resolver=resolver)
    kept = find(tmp_path, cache=cache, resolver=resolver, now=1_000_000 + REUSE_SECONDS - 1)
    assert (kept.source, kept.age, len(resolver.asked)) == ("kept", REUSE_SECONDS - 1, 1)
    late = find(tmp_path, cache=cache, resolver=resolver, now=1_000_000 + REUSE_SECONDS)
    assert (late.source, len(resolver.asked)) == ("resolved", 2)


def test_offline_uses_a_resolution_of_any_age_and_refresh_none(tmp_path: Path) -> None:
    cache, resolver = MemoryCache(), FakeResolver()
    find(tmp_path, cache=cache, resolver=resolver)
    assert find(tmp_path, cache=cache, now=9_000_000, offline=True, resolver=resolver).source == "kept"
    assert find(tmp_path, cache=cache, refresh=True, resolver=resolver).source == "resolved"


def test_another_index_is_another_resolution(tmp_path: Path) -> None:
    cache = MemoryCache()
    find(tmp_path, cache=cache, context="index a")
    assert find(tmp_path, cache=cache, context="index b").source == "resolved"


def test_a_damaged_resolution_is_made_anew(tmp_path: Path) -> None:
    cache = MemoryCache()
    find(tmp_path, cache=cache)
    for key in cache:
        cache[key] = "garbage"
    assert find(tmp_path, cache=cache).source == "resolved"


def test_roles_are_resolved_together_and_then_told_apart() -> None:
    """The joint resolution comes first; each role then gets only what it asks for."""
    resolver = FakeResolver()
    lock = resolve(
        [
            inputs("Web", "flask", "shared"),
            inputs("Worker", "numpy", "shared"),
            inputs("Same", "numpy", "shared"),
        ],
        target=TARGET,
        exclude_newer="",
        resolver=resolver,
        now=7,
    )
    assert resolver.asked[0] == ("flask", "numpy", "shared")
    assert len(resolver.asked) == 3
    assert lock.roles == {
        "Web": ("flask", "shared"),
        "Worker": ("numpy", "shared"),
        "Same": ("numpy", "shared"),
    }
    assert [each.name for each in lock.of_role("Web")] == ["flask", "shared"]


def test_nothing_asked_for_is_nothing_resolved() -> None:
    resolver = FakeResolver()
    lock = resolve([inputs("Bare")], target=TARGET, exclude_newer="", resolver=resolver, now=7)
    assert (lock.pins, lock.roles, resolver.asked) == ((), {"Bare": ()}, [])


def test_each_further_target_has_a_lock_of_its_own_that_pep_751_allows() -> None:
    other = Target.parse("3.12", "manylinux_2_28_x86_64")
    assert lock_file_name(TARGET, first=True) == "pylock.cloudrole.toml"
    name = lock_file_name(other, first=False)
    assert name == "pylock.cloudrole-cp312-manylinux_2_28_x86_64.toml"
    assert name.count(".") == 2


def test_a_new_lock_replaces_the_old_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "pylock.cloudrole.toml"
    write_lock(find(tmp_path).lock, path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert b"\r" not in path.read_bytes()


# What is asked for


def project(tmp_path: Path) -> Project:
    return Project(
        root=tmp_path,
        name="Shop",
        version="1",
        dependencies=("flask", "shop[extra]"),
        features={
            canonicalize_name("orders"): ("pika", "shop[extra]"),
            canonicalize_name("extra"): ("rich",),
        },
        dependency_groups={canonicalize_name("ops"): ("psutil",)},
    )


def role(**values: object) -> Role:
    return Role(**{"name": "Web", "type": "worker", "target": TARGET, **values})  # type: ignore[arg-type]


def test_a_role_asks_for_all_that_is_named_anywhere(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "requirements.txt").write_text(
        "lxml>=5  # comment\n-r more.txt\n--index-url https://x.example\n-c limits.txt\n"
    )
    (tmp_path / "web" / "more.txt").write_text("pandas \\\n  >=2\n./local-1.0-py3-none-any.whl\n")
    (tmp_path / "web" / "limits.txt").write_text("lxml<6\n")
    (tmp_path / "local-1.0-py3-none-any.whl").touch()
    asked = gather(
        project(tmp_path),
        role(
            root="web",
            dependencies=("waitress>=3",),
            features=("orders",),
            dependency_groups=("Ops",),
            requirements=("requirements.txt",),
        ),
    )
    assert asked.requirements == (
        "flask",
        "local @ file:local-1.0-py3-none-any.whl",
        "lxml>=5",
        "pandas>=2",
        "pika",
        "psutil",
        "rich",
        "waitress>=3",
    )
    assert (asked.constraints, asked.options) == (("lxml<6",), ("--index-url https://x.example",))
    assert {each.name for each in asked.roots()} >= {"flask", "local", "lxml", "pandas"}


def test_project_dependencies_may_be_left_out(tmp_path: Path) -> None:
    assert gather(project(tmp_path), role(project_dependencies=False)).requirements == ()


def test_extras_that_name_each_other_end(tmp_path: Path) -> None:
    looped = replace(
        project(tmp_path),
        features={
            canonicalize_name("orders"): ("shop[extra]",),
            canonicalize_name("extra"): ("shop[orders]", "rich"),
        },
    )
    assert "rich" in gather(looped, role(features=("orders",))).requirements


def test_a_requirements_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r nowhere.txt\n-c gone.txt\n")
    with pytest.raises(ProjectError) as caught:
        gather(project(tmp_path), role(requirements=("requirements.txt",)))
    assert [fault.where for fault in caught.value.faults] == ["nowhere.txt", "gone.txt"]


def test_the_project_itself_is_an_input_when_it_is_installed(tmp_path: Path) -> None:
    """Its wheel needs its dependencies, whatever project-dependencies says."""
    asked = gather(project(tmp_path), role(install_project=True, project_dependencies=False))
    assert asked.own == "shop"
    assert {each.name for each in asked.roots()} == {"shop", "flask", "rich"}
    lock = resolve(
        [asked, inputs("Other", "numpy")], target=TARGET, exclude_newer="", resolver=FakeResolver(), now=0
    )
    assert lock.roles == {asked.role: ("flask", "rich", "shop"), "Other": ("numpy",)}
    own = next(each for each in lock.pins if each.name == "shop")
    assert own.source == Directory(path=tmp_path.resolve().as_posix())
    moved = portable(lock, root=tmp_path.resolve().as_posix())
    assert next(each for each in moved.pins if each.name == "shop").source == Directory(path=".")


def test_all_faults_of_all_requirements_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-e .\n")
    with pytest.raises(ProjectError) as caught:
        gather(project(tmp_path), role(requirements=("requirements.txt",), dependencies=("x @ file:gone",)))
    assert [fault.where for fault in caught.value.faults] == [
        "roles.Web: x @ file:gone",
        "requirements.txt:1",
    ]


def test_what_a_folder_needs_is_part_of_the_digest(tmp_path: Path) -> None:
    """What else it holds is not: that decides its wheel, never the resolution."""

    def digest() -> str:
        asked = gather(project(tmp_path), role(dependencies=("lib @ file:lib",)))
        return inputs_digest([asked], target=TARGET, exclude_newer="")

    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "pyproject.toml").write_text('[project]\nname = "lib"\n')
    before = digest()
    (tmp_path / "lib" / "lib.py").write_text("x = 1\n")
    assert digest() == before
    (tmp_path / "lib" / "pyproject.toml").write_text('[project]\nname = "lib"\ndependencies = ["six"]\n')
    assert digest() != before


def test_a_kept_resolution_of_a_local_project_is_of_this_checkout_alone(tmp_path: Path) -> None:
    """It holds the folder's absolute path."""
    cache, resolver = MemoryCache(), FakeResolver()
    own = replace(inputs("Web", "flask"), own=canonicalize_name("shop"), root=tmp_path / "a")
    find(tmp_path, own, cache=cache, resolver=resolver)
    assert find(tmp_path, own, cache=cache, resolver=resolver).source == "kept"
    other = replace(own, root=tmp_path / "b")
    assert find(tmp_path, other, cache=cache, resolver=resolver).source == "resolved"


# Hashes


def hashed(**hashes: str) -> RoleInputs:
    return replace(inputs("Web", *hashes), hashes={name: frozenset({each}) for name, each in hashes.items()})


def test_hashes_leave_only_the_files_that_they_are_of() -> None:
    wheel = pin("a").wheels[0]
    two = replace(
        pin("a"), wheels=(wheel, replace(wheel, filename="a-1.0-py2-none-any.whl", sha256="2" * 64))
    )
    assert with_hashes([two], [hashed(a="2" * 64)])[0].wheels == two.wheels[1:]
    assert with_hashes([two], [inputs("Web", "a")]) == (two,)
    with pytest.raises(WheelError, match="a 1.0: the hashes of the requirements fit none of its files"):
        with_hashes([two], [hashed(a="2" * 64), hashed(a="0" * 64)])


def test_require_hashes_wants_one_for_every_package() -> None:
    strict = replace(hashed(a="0" * 64), options=("--require-hashes",))
    with pytest.raises(WheelError, match="b 1.0: --require-hashes is set"):
        with_hashes([pin("a"), pin("b")], [strict])


@pytest.mark.parametrize(
    ("values", "package"),
    [
        ({"type": "web", "server": "fastcgi"}, "wfastcgi"),
        ({"type": "web", "server": "httpplatform"}, "waitress"),
        ({"type": "web", "server": "direct", "asgi_handler": "a:b"}, "uvicorn"),
        ({"type": "worker"}, ""),
    ],
)
def test_the_server_of_a_web_role_is_added(values: dict[str, str], package: str) -> None:
    assert server_requirement(role(**values)) == package


def test_the_digest_ignores_where_indexes_are() -> None:
    plain = RoleInputs(role="Web", requirements=("flask",))
    indexed = replace(plain, options=("--index-url https://a.example", "--extra-index-url https://b"))
    other = replace(plain, requirements=("flask<3",))
    digests = [inputs_digest([each], target=TARGET, exclude_newer="") for each in (plain, indexed, other)]
    assert digests[0] == digests[1] != digests[2]
    pre = replace(plain, options=("--pre",))
    assert inputs_digest([pre], target=TARGET, exclude_newer="") != digests[0]
    secret = replace(plain, requirements=("a @ git+https://me:pw@x.example/r",))
    clean = replace(plain, requirements=("a @ git+https://x.example/r",))
    assert inputs_digest([secret], target=TARGET, exclude_newer="") == inputs_digest(
        [clean], target=TARGET, exclude_newer=""
    )
    assert inputs_digest([plain], target=TARGET, exclude_newer="2026-01-01T00:00:00Z") != digests[0]
