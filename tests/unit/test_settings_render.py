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
        [roles.Web]
        {WEB}
        static = {{ "/static" = "web/static" }}
        settings = {{ Mode = "live" }}
        configurations.Staging = {{ settings = {{ Mode = "{{env:MODE}}" }} }}
        startup-tasks = [{{ command = 'bin\\a.cmd', environment = {{ A = "1" }} }}]
        local-storage.Cache = {{}}
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
        "configuration_names": ["Cloud", "Local", "Staging"],
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
                "endpoints": [
                    {"name": "Http", "protocol": "http", "port": 80, "local_port": None, "certificate": None}
                ],
                "search_paths": [],
                "working_directory": ".",
                "deployed_python_interpreter_path": "",
                "runtime": {"kind": "download", "path": "", "url": "", "sha256": "", "nuget_feed": ""},
                "resolver": "uv",
                "requirements": [],
                "dependencies": [],
                "features": [],
                "dependency_groups": [],
                "project_dependencies": True,
                "install_project": False,
                "environment": {},
                "settings": {"Mode": "live"},
                "instances": 1,
                "vm_size": "Standard_A1_v2",
                "local_storage": [{"name": "Cache", "size_mb": 1024, "clean_on_recycle": True}],
                "startup_tasks": [
                    {
                        "command": r"bin\a.cmd",
                        "elevated": False,
                        "type": "simple",
                        "environment": {"A": "1"},
                    }
                ],
                "configurations": [
                    {
                        "name": "Staging",
                        "instances": None,
                        "vm_size": None,
                        "settings": {"Mode": "{env:MODE}"},
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
