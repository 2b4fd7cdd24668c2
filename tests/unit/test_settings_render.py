"""The settings as JSON: everything resolved, nothing secret."""

from __future__ import annotations

import json

from hatch_cloudrole.settings import as_json
from tests.settings_samples import WEB, WORKER, parse


def test_a_service_as_json_has_every_resolved_value() -> None:
    service = parse(
        f"""
        service = "Contoso"
        python = "3.13"
        find-links = ["vendor"]
        network = {{ virtual-network = "vnet", configurations.Test = {{ reserved-ip = "ip" }} }}
        probes.Up = {{ protocol = "tcp" }}
        [roles.Web]
        {WEB}
        static = {{ "/static" = "web/static" }}
        settings = {{ Mode = "live" }}
        local-storage.Cache = {{}}
        certificates.Shop = {{ thumbprint = "{{env:PRINT}}" }}
        subnets = ["front"]
        configurations.Staging.settings = {{ Mode = "{{env:MODE}}" }}
        configurations.Staging.certificates = {{ Shop = "{"ab " * 20}" }}
        [[roles.Web.startup-tasks]]
        command = 'bin\\a.cmd'
        environment = {{ A = "1" }}
        role-instance-values = {{ B = "/RoleEnvironment/Deployment/@id" }}
        """
    )
    assert as_json(service) == {
        "schema": 1,
        "name": "Contoso",
        "version": "1.2",
        "os_family": 7,
        "exclude_newer": "",
        "find_links": ["vendor"],
        "index_url": "",
        "lock": "",
        "sdk_runtime": "",
        "seed": "",
        "network": {
            "virtual_network": "vnet",
            "reserved_ip": "",
            "dns_servers": {},
            "configurations": [
                {"name": "Test", "virtual_network": None, "reserved_ip": "ip", "dns_servers": None}
            ],
        },
        "probes": [
            {
                "name": "Up",
                "protocol": "tcp",
                "path": "",
                "port": None,
                "interval_in_seconds": 15,
                "timeout_in_seconds": 31,
            }
        ],
        "configuration_names": ["Cloud", "Local", "Staging", "Test"],
        "roles": [
            {
                "name": "Web",
                "type": "web",
                "target": {"python": "3.13.17", "platform": "win_amd64"},
                "root": ".",
                "startup_file": "",
                "startup_module": "",
                "arguments": [],
                "wsgi_handler": "m:app",
                "asgi_handler": "",
                "server": "fastcgi",
                "static": {"/static": "web/static"},
                "web_config": "cloud-service",
                "wsgi_log": "",
                "endpoints": [
                    {
                        "name": "Http",
                        "protocol": "http",
                        "port": 80,
                        "type": "input",
                        "local_port": None,
                        "port_ranges": [],
                        "certificate": None,
                        "probe": None,
                        "idle_timeout_in_minutes": None,
                        "load_balancer_distribution": None,
                        "ignore_role_instance_status": False,
                    }
                ],
                "search_paths": [],
                "working_directory": ".",
                "deployed_python_interpreter_path": "",
                "runtime": {
                    "kind": "download",
                    "path": "",
                    "url": "",
                    "sha256": "",
                    "nuget_feed": "",
                    "nuget_version": "",
                },
                "resolver": "uv",
                "requirements": [],
                "dependencies": [],
                "features": [],
                "dependency_groups": [],
                "project_dependencies": True,
                "install_project": False,
                "install": "wheels",
                "environment": {},
                "role_instance_values": {},
                "settings": {"Mode": "live"},
                "certificates": [
                    {
                        "name": "Shop",
                        "thumbprint": "{env:PRINT}",
                        "store_location": "LocalMachine",
                        "store_name": "My",
                        "permission_level": "limitedOrElevated",
                    }
                ],
                "subnets": ["front"],
                "instances": 1,
                "vm_size": "Standard_A1_v2",
                "local_storage": [{"name": "Cache", "size_mb": 1024, "clean_on_recycle": True}],
                "startup_tasks": [
                    {
                        "command": r"bin\a.cmd",
                        "elevated": False,
                        "type": "simple",
                        "environment": {"A": "1"},
                        "role_instance_values": {"B": "/RoleEnvironment/Deployment/@id"},
                    }
                ],
                "configurations": [
                    {
                        "name": "Staging",
                        "instances": None,
                        "vm_size": None,
                        "settings": {"Mode": "{env:MODE}"},
                        "certificates": {"Shop": "AB" * 20},
                        "subnets": None,
                    }
                ],
                "include": [],
                "exclude": [],
            }
        ],
    }


def test_no_user_and_no_password_of_an_address_is_shown() -> None:
    service = parse(
        f"""
        index-url = "https://me:s3cret@packages.example.com/simple"
        [roles.Feed]
        {WORKER}
        runtime = "nuget"
        nuget-feed = "https://me:s3cret@nuget.example.com/v3"
        dependencies = ["x @ https://me:s3cret@files.example.com/x-1-py3-none-any.whl"]
        [roles.Archive]
        {WORKER}
        runtime = {{ url = "https://s3cret@files.example.com/p.zip", sha256 = "{"0" * 64}" }}
        """
    )
    text = json.dumps(as_json(service))
    assert "s3cret" not in text
    assert text.count("https://****@") == 4


def test_a_template_stays_as_it_was_written() -> None:
    template = "amqp://{env:USER}:{env:PASSWORD:x}@queue.example.com"
    [role] = as_json(parse(f'[roles.R]\n{WORKER}settings = {{ Queue = "{template}" }}'))["roles"]
    assert role["settings"] == {"Queue": template}
