"""Settings that are right: the values they become, and what goes without saying."""

from __future__ import annotations

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.settings import ProjectFacts
from hatch_cloudrole.settings.model import (
    Certificate,
    Configuration,
    Endpoint,
    LocalStorage,
    Role,
    Runtime,
    Service,
    StartupTask,
)
from hatch_cloudrole.target import DEFAULT_PYTHON, Target
from tests.settings_samples import WEB, WORKER, parse, role


def test_the_whole_vocabulary_becomes_frozen_values() -> None:
    service = parse(
        r"""
        service = "Contoso"
        python = "3.13"
        platform = "win_amd64"
        resolver = "uv"
        exclude-newer = "2026-01-31"
        os-family = 6
        find-links = ["vendor", '\srv\wheels']
        index-url = "https://packages.example.com/simple"

        [roles.Web]
        type = "web"
        root = "web"
        wsgi-handler = "shop.wsgi:app"
        server = "httpplatform"
        static = { "/static/" = "static" }
        endpoints.Http = { protocol = "http", port = 80 }
        certificates.Shop = { thumbprint = "{env:PRINT}" }
        endpoints.Https = { protocol = "https", port = 443, local-port = 8443, certificate = "Shop" }

        [roles.Orders]
        type = "worker"
        root = 'orders\.'
        startup-file = "worker.py"
        arguments = ["--queue", "orders & returns"]
        search-paths = [".", "lib"]
        working-directory = "."
        deployed-python-interpreter-path = 'D:\Python313\python.exe'
        runtime = "installed"
        resolver = "pip-tools"
        requirements = ["requirements.txt", 'lib\..\more.txt']
        dependencies = ["waitress>=3"]
        features = ["Orders", "fast_io"]
        dependency-groups = ["Reports"]
        project-dependencies = false
        install-project = true
        environment = { LOG_LEVEL = "info", EMPTY = "" }
        settings = { Mode = "live", Conn = "{env:CONN}" }
        instances = 2
        vm-size = "Standard_D2_v3"
        local-storage.Cache = { size-mb = 2048, clean-on-recycle = false }
        local-storage.DiagnosticStore = {}
        startup-tasks = [
            { command = 'bin\install-odbc.cmd', elevated = true, type = "background", environment = { A = "b" } },
            { command = 'bin\warm.cmd' },
        ]
        configurations.Staging = { instances = 1, settings = { Mode = "test" }, vm-size = "Standard_A1_v2" }
        configurations.Cloud = {}
        include = ["*.py"]
        exclude = ["*.psd"]
        """
    )
    target = Target.parse("3.13", "win_amd64")
    assert service == Service(
        name="Contoso",
        version="1.2",
        os_family=6,
        exclude_newer="2026-02-01T00:00:00Z",
        find_links=("vendor", "/srv/wheels"),
        index_url="https://packages.example.com/simple",
        roles=(
            Role(
                name="Web",
                type="web",
                target=target,
                root="web",
                wsgi_handler="shop.wsgi:app",
                server="httpplatform",
                static=(("/static", "static"),),
                endpoints=(
                    Endpoint(name="Http", protocol="http", port=80),
                    Endpoint(name="Https", protocol="https", port=443, local_port=8443, certificate="Shop"),
                ),
                certificates=(Certificate(name="Shop", thumbprint="{env:PRINT}"),),
            ),
            Role(
                name="Orders",
                type="worker",
                target=target,
                root="orders",
                startup_file="worker.py",
                arguments=("--queue", "orders & returns"),
                search_paths=(".", "lib"),
                deployed_python_interpreter_path=r"D:\Python313\python.exe",
                runtime=Runtime(kind="installed"),
                resolver="pip-tools",
                requirements=("requirements.txt", "more.txt"),
                dependencies=("waitress>=3",),
                features=("orders", "fast-io"),
                dependency_groups=("reports",),
                project_dependencies=False,
                install_project=True,
                environment=(("LOG_LEVEL", "info"), ("EMPTY", "")),
                settings=(("Mode", "live"), ("Conn", "{env:CONN}")),
                instances=2,
                vm_size="Standard_D2_v3",
                local_storage=(
                    LocalStorage(name="Cache", size_mb=2048, clean_on_recycle=False),
                    LocalStorage(name="DiagnosticStore"),
                ),
                startup_tasks=(
                    StartupTask(
                        command=r"bin\install-odbc.cmd",
                        elevated=True,
                        type="background",
                        environment=(("A", "b"),),
                    ),
                    StartupTask(command=r"bin\warm.cmd"),
                ),
                configurations=(
                    Configuration(
                        name="Staging",
                        instances=1,
                        vm_size="Standard_A1_v2",
                        settings=(("Mode", "test"),),
                    ),
                    Configuration(name="Cloud"),
                ),
                include=("*.py",),
                exclude=("*.psd",),
            ),
        ),
    )
    assert service.configuration_names == ("Cloud", "Local", "Staging")


def test_a_worker_of_two_lines_has_every_default() -> None:
    assert parse(f"[roles.R]\n{WORKER}") == Service(
        name="contoso-shop",
        version="1.2",
        os_family=7,
        roles=(Role(name="R", type="worker", target=Target.parse("3.14", "win_amd64"), startup_module="m"),),
    )


def test_a_web_role_has_fastcgi_and_port_80_by_default() -> None:
    web = role(WEB)
    assert web.server == "fastcgi"
    assert web.endpoints == (Endpoint(name="Http", protocol="http", port=80),)


def test_a_worker_has_no_server_and_no_endpoints_by_default() -> None:
    worker = role(WORKER)
    assert worker.server is None
    assert worker.endpoints == ()


def test_requirements_txt_below_root_is_the_default() -> None:
    assert role(WORKER + 'root = "orders"').requirements == ("requirements.txt",)
    assert role(WORKER + 'root = "web"').requirements == ()


def test_an_empty_list_of_requirements_wins_over_the_default() -> None:
    assert role(WORKER + 'root = "orders"\nrequirements = []').requirements == ()


@pytest.mark.parametrize("root", ["iis", "cloud"])
def test_a_web_role_with_its_own_web_config_needs_no_handler(root: str) -> None:
    web = role(f'type = "web"\nroot = "{root}"')
    assert (web.wsgi_handler, web.asgi_handler) == ("", "")


@pytest.mark.parametrize(
    ("requires", "python"),
    [
        ("", "3.14"),
        (">=3.10", "3.14"),
        ("<3.13", "3.12"),
        ("==3.11.*", "3.11"),
        (">=3.15", "3.15"),
    ],
)
def test_the_default_python_is_the_newest_usual_one_that_the_project_allows(
    requires: str, python: str
) -> None:
    facts = ProjectFacts(name="p", version="1", requires_python=requires)
    assert role(WORKER, project=facts).target == Target.parse(python, "win_amd64")


def test_a_full_python_version_is_kept() -> None:
    assert role(WORKER, top='python = "3.13.1"').target.python == "3.13.1"


def test_host_is_the_hosts_platform_with_the_python_of_the_settings() -> None:
    target = role(WORKER, top='python = "3.13"\nplatform = "host"').target
    assert target == Target.parse("3.13", "manylinux_2_28_x86_64")


def test_a_role_wins_over_the_service() -> None:
    service = parse(
        f"""
        python = "3.12"
        platform = "win32"
        runtime = "bundled"
        resolver = "pip-tools"
        [roles.Own]
        {WORKER}
        python = "3.13"
        platform = "manylinux2014_x86_64"
        runtime = "download"
        resolver = "uv"
        [roles.Plain]
        {WORKER}
        """
    )
    own, plain = service.roles
    assert (own.target, own.runtime.kind, own.resolver) == (
        Target.parse("3.13", "manylinux_2_17_x86_64"),
        "download",
        "uv",
    )
    assert (plain.target, plain.runtime.kind, plain.resolver) == (
        Target.parse("3.12", "win32"),
        "bundled",
        "pip-tools",
    )


def test_an_archive_is_a_path_or_an_address_with_its_hash() -> None:
    digest = "AB" * 32
    by_path = role(WORKER + f'runtime = {{ path = "vendor/python.nupkg", sha256 = "{digest}" }}').runtime
    assert by_path == Runtime(kind="path", path="vendor/python.nupkg", sha256="ab" * 32)
    by_url = role(WORKER + f'runtime = {{ url = "https://x.example/p.zip", sha256 = "{digest}" }}').runtime
    assert by_url == Runtime(kind="url", url="https://x.example/p.zip", sha256="ab" * 32)


def test_the_feed_of_the_service_serves_a_role_that_wants_nuget_and_the_other_way_round() -> None:
    feed = 'nuget-feed = "https://n.example/v3"'
    wanted = Runtime(kind="nuget", nuget_feed="https://n.example/v3", nuget_version=DEFAULT_PYTHON)
    assert role(WORKER + 'runtime = "nuget"', top=feed).runtime == wanted
    assert role(WORKER + feed, top='runtime = "nuget"').runtime == wanted


def test_the_feed_goes_to_no_role_without_nuget() -> None:
    assert role(WORKER, top='nuget-feed = "https://n.example/v3"').runtime == Runtime(kind="download")


@pytest.mark.parametrize(
    ("project", "service"),
    [
        ("shop", "shop"),
        ("Shop.Web_2-x", "Shop.Web_2-x"),
        ("2shop", "_2shop"),
        ("my shop", "my_shop"),
        ("con", "_con"),
    ],
)
def test_the_service_name_is_the_projects_made_legal(project: str, service: str) -> None:
    facts = ProjectFacts(name=project, version="1")
    assert parse(f"[roles.R]\n{WORKER}", project=facts).name == service


@pytest.mark.parametrize(
    "handler",
    [
        "shop.wsgi:app",
        "shop.wsgi.app",
        "shop.make_app()",
        "shop:make_app()",
        "shop.Factory().app",
        "shop:factory.make().app",
        "_a.b2:c",
    ],
)
def test_a_handler_is_dotted_or_has_a_colon_and_may_call(handler: str) -> None:
    web = role(f'type = "web"\nserver = "direct"\nasgi-handler = "{handler}"')
    assert web.asgi_handler == handler


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        ("win_amd64", r"C:\Python\python.exe"),
        ("win_amd64", "D:/Python/python.exe"),
        ("win_amd64", r"\\server\share\python.exe"),
        ("manylinux_2_28_x86_64", "/usr/bin/python3"),
    ],
)
def test_an_interpreter_path_is_absolute_where_the_role_runs(platform: str, path: str) -> None:
    worker = role(WORKER + f"platform = '{platform}'\ndeployed-python-interpreter-path = '{path}'")
    assert worker.deployed_python_interpreter_path == path


def test_variables_may_differ_by_case_alone_where_the_platform_lets_them() -> None:
    worker = role(WORKER + 'platform = "manylinux_2_28_x86_64"\nenvironment = { a = "1", A = "2" }')
    assert worker.environment == (("a", "1"), ("A", "2"))


def test_the_same_port_inside_is_no_clash() -> None:
    worker = role(
        WORKER
        + 'endpoints.A = { protocol = "tcp", port = 81, local-port = 80 }\n'
        + 'endpoints.B = { protocol = "udp", port = 82, local-port = 80 }'
    )
    assert [each.local_port for each in worker.endpoints] == [80, 80]


def test_a_direct_web_role_may_listen_on_tcp() -> None:
    web = role(WEB + 'server = "direct"\nendpoints.In = { protocol = "tcp", port = 9000 }')
    assert [each.protocol for each in web.endpoints] == ["tcp"]


def test_options_of_hatch_are_left_to_hatch() -> None:
    service = parse(f'include = "whatever"\nversions = ["zip"]\nhooks.custom = {{}}\n[roles.R]\n{WORKER}')
    assert [each.name for each in service.roles] == ["R"]


def test_roles_keep_the_users_order() -> None:
    text = "".join(f"[roles.{name}]\n{WORKER}\n" for name in ("B", "A", "C"))
    assert [each.name for each in parse(text).roles] == ["B", "A", "C"]


def test_a_service_may_have_25_roles_and_no_more() -> None:
    text = "".join(f"[roles.R{number}]\n{WORKER}\n" for number in range(25))
    assert len(parse(text).roles) == 25
    with pytest.raises(ProjectError, match="found 26 roles, accepted: 1 to 25 roles"):
        parse(text + f"[roles.R25]\n{WORKER}")
