"""Settings that are wrong: each message names the key, what was found, what is accepted and what to do."""

from __future__ import annotations

import pytest

from hatch_cloudrole import toml
from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.settings import ProjectFacts, parse_service
from tests.settings_samples import FILES, HOST, PROJECT, WEB, WORKER, faults

R = f"[roles.R]\n{WORKER}"
W = f"[roles.W]\n{WEB}"
NEXT = "\n    Next: "

PYTHONS = "3.9, 3.10, 3.11, 3.12, 3.13, 3.14, 3.15, or X.Y.Z of these, as a string"
PLATFORMS = (
    "win_amd64, win_arm64, win32, manylinux_2_N_x86_64 or manylinux_2_N_aarch64 (N from 17 to 39), "
    "musllinux_1_N_x86_64 or musllinux_1_N_aarch64, macosx_X_Y_x86_64, macosx_X_Y_arm64, or host"
)
ROLE_NAME = "a letter or _, then letters, digits, _, - and . (not as the last)"
MODEL_NAME = "a letter or _, then anything but ^ \\ / : * ? \" < > | ' ` (neither . nor blank as the last)"
FOLDER = "the relative path of a folder that exists, / or \\ between its parts"
FILE = "the relative path of a file that exists, / or \\ between its parts"
HANDLER = '"module:object" or "module.object", () after a name that is to be called'
RUNTIME = '"download", "bundled", "installed", "nuget", or a table with sha256 and path or url'
MOMENT = 'a date as in "2026-01-31", or a timestamp with offset as in "2026-01-31T12:00:00Z"'
URL = "an http:// or https:// address"
SETTING = "a string; {env:NAME} and {env:NAME:default} are fields, {{ and }} plain braces"
INT = "an integer from 1 to 2147483647"
PORT = "an integer from 1 to 65535"
DIGEST = "ab" * 32

BAD = {
    # the service
    "python is a float": (
        f"python = 3.13\n{R}",
        f"python: found the float 3.13, accepted: {PYTHONS}{NEXT}write it in quotes",
    ),
    "python is too old": (f'python = "3.6"\n{R}', f'python: found "3.6", accepted: {PYTHONS}'),
    "python has a leading zero": (f'python = "3.013"\n{R}', f'python: found "3.013", accepted: {PYTHONS}'),
    "python is no number": (
        f'python = "3.13.\u0663"\n{R}',
        f'python: found "3.13.\u0663", accepted: {PYTHONS}',
    ),
    "python is not what the project requires": (
        f'python = "3.9"\n{R}',
        'python: found "3.9" (that is, 3.9.25), accepted: what requires-python = ">=3.10" of the project allows',
    ),
    "platform misspelled": (
        f'platform = "win-amd64"\n{R}',
        f'platform: found "win-amd64", accepted: {PLATFORMS}{NEXT}did you mean "win_amd64"?',
    ),
    "platform with a leading zero": (
        f'platform = "manylinux_2_028_x86_64"\n{R}',
        f'platform: found "manylinux_2_028_x86_64", accepted: {PLATFORMS}',
    ),
    "platform too new": (
        f'platform = "manylinux_2_99_x86_64"\n{R}',
        f'platform: found "manylinux_2_99_x86_64", accepted: {PLATFORMS}{NEXT}did you mean "manylinux_2_28_x86_64"?',
    ),
    "resolver is pip": (
        f'resolver = "pip"\n{R}',
        'resolver: found "pip", accepted: "uv" or "pip-tools"',
    ),
    "resolver misspelled": (
        f'resolver = "pip_tools"\n{R}',
        f'resolver: found "pip_tools", accepted: "uv" or "pip-tools"{NEXT}did you mean "pip-tools"?',
    ),
    "service name illegal": (f'service = "2go"\n{R}', f'service: found "2go", accepted: {ROLE_NAME}'),
    "service name is a device": (
        f'service = "nul.x"\n{R}',
        f'service: found "nul.x", accepted: {ROLE_NAME}{NEXT}Windows keeps this name for a device; choose another',
    ),
    "os-family retired": (
        f"os-family = 4\n{R}",
        f"os-family: found the integer 4, accepted: 5, 6 or 7{NEXT}Azure has retired that family",
    ),
    "os-family unheard of": (
        f"os-family = 8\n{R}",
        "os-family: found the integer 8, accepted: 5, 6 or 7",
    ),
    "os-family is a string": (
        f'os-family = "7"\n{R}',
        f'os-family: found "7", accepted: 5, 6 or 7{NEXT}write it without quotes',
    ),
    "exclude-newer without offset": (
        f'exclude-newer = "2026-01-31T12:00:00"\n{R}',
        (
            f'exclude-newer: found "2026-01-31T12:00:00", accepted: {MOMENT}'
            f"{NEXT}a time of day needs an offset; add Z for UTC"
        ),
    ),
    "exclude-newer no such day": (
        f'exclude-newer = "2026-02-30"\n{R}',
        f'exclude-newer: found "2026-02-30", accepted: {MOMENT}{NEXT}there is no such date or time',
    ),
    "exclude-newer a local time of TOML": (
        f"exclude-newer = 2026-01-31T12:00:00\n{R}",
        (
            f"exclude-newer: found the date or time 2026-01-31T12:00:00, accepted: {MOMENT}"
            f"{NEXT}a time of day needs an offset; add Z for UTC"
        ),
    ),
    "find-links is one string": (
        f'find-links = "vendor"\n{R}',
        (
            'find-links: found "vendor", accepted: an array, each item the path of a folder that exists, absolute or '
            f'from the project{NEXT}write ["vendor"]'
        ),
    ),
    "find-links is not there": (
        f'find-links = ["vendor", "gone"]\n{R}',
        (
            'find-links[1]: found "gone", accepted: the path of a folder that exists, absolute or from the project'
            f"{NEXT}name a folder that is there"
        ),
    ),
    "index-url is no address": (
        f'index-url = "packages.example.com"\n{R}',
        'index-url: found "packages.example.com", accepted: an http://, https:// or file:// address',
    ),
    "index-url with credentials": (
        f'index-url = "ftp://me:secret@packages.example.com"\n{R}',
        'index-url: found "ftp://****@packages.example.com", accepted: an http://, https:// or file:// address',
    ),
    "runtime misspelled": (
        f'runtime = "bundle"\n{R}',
        f'runtime: found "bundle", accepted: {RUNTIME}{NEXT}did you mean "bundled"?',
    ),
    "runtime is a boolean": (
        f"runtime = true\n{R}",
        f"runtime: found the boolean true, accepted: {RUNTIME}",
    ),
    "nuget without feed": (
        f'runtime = "nuget"\n{R}',
        (
            'runtime: found "nuget" without nuget-feed, accepted: with nuget-feed beside it'
            f'{NEXT}add nuget-feed = "https://..."'
        ),
    ),
    "a feed of the older protocol": (
        f'runtime = "nuget"\nnuget-feed = "https://n.example/api/v2/"\n{R}',
        (
            'nuget-feed: found "https://n.example/api/v2/", accepted: a NuGet v3 feed, by the address of its '
            f"service index{NEXT}it often ends in /v3/index.json"
        ),
    ),
    "nuget for another system than Windows": (
        f'{R}runtime = "nuget"\nnuget-feed = "https://n.example/v3"\nplatform = "manylinux_2_28_x86_64"',
        (
            'roles.R.runtime: found "nuget" with platform "manylinux_2_28_x86_64", accepted: with Windows alone, '
            "for feeds have no CPython for other systems"
        ),
    ),
    "feed without nuget": (
        f'{R}nuget-feed = "https://n.example/v3"',
        'roles.R.nuget-feed: found with runtime = "download", accepted: with runtime = "nuget" alone',
    ),
    "feed with a blank": (
        f'nuget-feed = "https://n.example/a b"\n{R}',
        f'nuget-feed: found "https://n.example/a b", accepted: {URL}',
    ),
    "feed with an impossible port": (
        f'nuget-feed = "https://n.example:x/"\n{R}',
        f'nuget-feed: found "https://n.example:x/", accepted: {URL}',
    ),
    "feed is no address": (
        f'nuget-feed = "n.example"\n{R}',
        f'nuget-feed: found "n.example", accepted: {URL}',
    ),
    "no roles": (
        "",
        "roles: is missing, accepted: a table of tables; keys: " + ROLE_NAME + "; values: a table with type",
    ),
    "an empty table of roles": ("[roles]", "roles: found no role, accepted: 1 to 25 roles"),
    "an array of roles": (
        '[[roles]]\nname = "R"',
        f"roles: found an array, accepted: a table of tables; keys: {ROLE_NAME}; values: a table with type",
    ),
    "a role is a string": (
        'roles.R = "worker"',
        'roles.R: found "worker", accepted: a table with type',
    ),
    # unknown keys
    "a role's key in the service": (
        f'vm-size = "Standard_A1_v2"\n{R}',
        (
            "vm-size: unknown key, accepted: artifacts, dependencies, dev-mode-dirs, dev-mode-exact, directory, "
            "exclude, exclude-newer, find-links, force-include, hooks, ignore-vcs, include, index-url, lock, network, "
            "nuget-feed, only-include, only-packages, os-family, packages, platform, probes, python, reproducible, "
            "require-runtime-dependencies, require-runtime-features, resolver, roles, runtime, sdk-runtime, seed, service, "
            f"skip-excluded-dirs, sources, versions{NEXT}it belongs to a role, as in roles.NAME.vm-size"
        ),
    ),
    "a service's key in a role": (
        f"{R}os-family = 7",
        (
            "roles.R.os-family: unknown key, accepted: arguments, asgi-handler, certificates, configurations, dependencies, "
            "dependency-groups, deployed-python-interpreter-path, endpoints, environment, exclude, features, include, "
            "install, install-project, instances, local-storage, nuget-feed, platform, project-dependencies, python, "
            "requirements, resolver, role-instance-values, root, runtime, search-paths, server, settings, startup-file, startup-module, "
            "startup-tasks, static, subnets, type, vm-size, web-config, working-directory, wsgi-handler, wsgi-log"
            f"{NEXT}it belongs to the service, beside roles"
        ),
    ),
    "an endpoint's key in another case": (
        f'{W}endpoints.Http = {{ protocol = "http", port = 80, Local_Port = 8080 }}',
        (
            "roles.W.endpoints.Http.Local_Port: unknown key, accepted: certificate, "
            "idle-timeout-in-minutes, ignore-role-instance-status, load-balancer-distribution, local-port, port, "
            "port-ranges, probe, protocol, type"
            f'{NEXT}did you mean "local-port"?'
        ),
    ),
    "a key like no other": (
        f"{R}local-storage.Cache = {{ zzz = 1 }}",
        "roles.R.local-storage.Cache.zzz: unknown key, accepted: clean-on-recycle, size-mb",
    ),
    # names
    "a role name with a blank": (
        f'[roles."My Role"]\n{WORKER}',
        f'roles."My Role": the name is "My Role", accepted: {ROLE_NAME}',
    ),
    "a role name that ends in a dot": (
        f'[roles."Web."]\n{WORKER}',
        f'roles."Web.": the name is "Web.", accepted: {ROLE_NAME}',
    ),
    "a role name beyond ASCII": (
        f'[roles."R\u00f6le"]\n{WORKER}',
        f'roles."R\u00f6le": the name is "R\u00f6le", accepted: {ROLE_NAME}',
    ),
    "role names that differ by case": (
        f"[roles.web]\n{WORKER}\n[roles.Web]\n{WORKER}",
        'roles.web: the name differs from "Web" by case alone, accepted: names that differ otherwise',
    ),
    "an endpoint name with a slash": (
        f'{R}endpoints."a/b" = {{ protocol = "tcp", port = 80 }}',
        f'roles.R.endpoints."a/b": the name is "a/b", accepted: {MODEL_NAME}',
    ),
    "a setting name that ends in a blank": (
        f'{R}settings = {{ "Mode " = "x" }}',
        f'roles.R.settings."Mode ": the name is "Mode ", accepted: {MODEL_NAME}',
    ),
    "a variable name with =": (
        f'{R}environment = {{ "A=B" = "x" }}',
        'roles.R.environment."A=B": the name is "A=B", accepted: a name without = and not empty',
    ),
    "an empty variable name": (
        f'{R}environment = {{ "" = "x" }}',
        'roles.R.environment."": the name is "", accepted: a name without = and not empty',
    ),
    "variables that differ by case": (
        f'{R}environment = {{ Path = "1", PATH = "2" }}',
        'roles.R.environment.Path: the name differs from "PATH" by case alone, accepted: names that differ otherwise',
    ),
    "variables of a task that differ by case": (
        f'{R}startup-tasks = [{{ command = "a" }}, {{ command = "b", environment = {{ x = "", X = "" }} }}]',
        (
            'roles.R.startup-tasks[1].environment.x: the name differs from "X" by case alone, accepted: names that '
            "differ otherwise"
        ),
    ),
    "a configuration name with a slash": (
        f'{R}configurations."a/b" = {{}}',
        (
            'roles.R.configurations."a/b": the name is "a/b", accepted: letters, digits, _, - and . (neither first '
            "nor last)"
        ),
    ),
    "a configuration named like Cloud": (
        f"{R}configurations.CLOUD = {{}}",
        (
            'roles.R.configurations.CLOUD: the name differs from "Cloud" by case alone, accepted: names that differ '
            "otherwise"
        ),
    ),
    "configurations of two roles that differ by case": (
        f"{R}configurations.Test = {{}}\n[roles.S]\n{WORKER}configurations.test = {{}}",
        (
            'roles.S.configurations.test: the name differs from "Test" by case alone, accepted: names that differ '
            "otherwise"
        ),
    ),
    # a role
    "type missing": ("[roles.R]", 'roles.R.type: is missing, accepted: "web" or "worker"'),
    "type misspelled": (
        '[roles.R]\ntype = "Worker"',
        f'roles.R.type: found "Worker", accepted: "web" or "worker"{NEXT}did you mean "worker"?',
    ),
    "root is not there": (
        f'{R}root = "gone"',
        f'roles.R.root: found "gone", accepted: {FOLDER}{NEXT}name a folder that is in the project',
    ),
    "root is a file": (
        f'{R}root = "orders/worker.py"',
        f'roles.R.root: found "orders/worker.py", accepted: {FOLDER}{NEXT}name a folder that is in the project',
    ),
    "root leads out": (
        f'{R}root = "orders/../.."',
        (
            f'roles.R.root: found "orders/../..", accepted: {FOLDER}'
            f"{NEXT}the path leads out of the folder it belongs to"
        ),
    ),
    "root has a drive": (
        f"{R}root = 'C:\\shop'",
        (
            f'roles.R.root: found "C:\\\\shop", accepted: {FOLDER}'
            f"{NEXT}the path is absolute; write it as seen from the folder it belongs to"
        ),
    ),
    "root is empty": (f'{R}root = ""', f'roles.R.root: found "", accepted: {FOLDER}'),
    "startup-file is not there": (
        '[roles.R]\ntype = "worker"\nroot = "orders"\nstartup-file = "main.py"',
        f'roles.R.startup-file: found "main.py", accepted: {FILE}{NEXT}name a file that is in orders/ of the project',
    ),
    "a search path that leads out of root": (
        f'{R}root = "orders"\nsearch-paths = ["lib", "../web"]',
        (
            f'roles.R.search-paths[1]: found "../web", accepted: {FOLDER}'
            f"{NEXT}the path leads out of the folder it belongs to"
        ),
    ),
    "a path with a name that is too long": (
        f'{R}working-directory = "{"x" * 256}"',
        (
            f'roles.R.working-directory: found "{"x" * 60}...", accepted: {FOLDER}'
            f"{NEXT}no file system has names that long"
        ),
    ),
    "a worker without program": (
        '[roles.R]\ntype = "worker"',
        "roles.R: found neither startup-file nor startup-module, accepted: exactly one of them in a worker role",
    ),
    "a worker with two programs": (
        f'{R}root = "orders"\nstartup-file = "worker.py"',
        "roles.R: found both startup-file and startup-module, accepted: exactly one of them in a worker role",
    ),
    "startup-module is a file": (
        '[roles.R]\ntype = "worker"\nstartup-module = "orders/worker.py"',
        'roles.R.startup-module: found "orders/worker.py", accepted: a dotted module name',
    ),
    "a handler in a worker": (
        f'{R}wsgi-handler = "a:b"',
        (
            "roles.R.wsgi-handler: found in a worker role, accepted: in web roles alone"
            f"{NEXT}leave it out, or change the type of the role"
        ),
    ),
    "a server in a worker": (
        f'{R}server = "direct"',
        (
            "roles.R.server: found in a worker role, accepted: in web roles alone"
            f"{NEXT}leave it out, or change the type of the role"
        ),
    ),
    "arguments in a web role": (
        f'{W}arguments = ["-v"]',
        (
            "roles.W.arguments: found in a web role, accepted: in worker roles alone"
            f"{NEXT}leave it out, or change the type of the role"
        ),
    ),
    "arguments as a string": (
        f'{R}arguments = "-v"',
        f'roles.R.arguments: found "-v", accepted: an array, each item a string{NEXT}write ["-v"]',
    ),
    "arguments with a number": (
        f"{R}arguments = [8080]",
        f"roles.R.arguments[0]: found the integer 8080, accepted: a string{NEXT}write it in quotes",
    ),
    "a character that nothing can carry": (
        f'{R}arguments = ["a\\u0000b"]',
        "roles.R.arguments[0]: found the character U+0000, accepted: text without control characters",
    ),
    "an interpreter path of the wrong system": (
        f'{R}deployed-python-interpreter-path = "/usr/bin/python3"',
        (
            'roles.R.deployed-python-interpreter-path: found "/usr/bin/python3", accepted: an absolute Windows path, '
            "for the platform is win_amd64"
        ),
    ),
    "an interpreter path that is relative": (
        f"{R}deployed-python-interpreter-path = 'python.exe'",
        (
            'roles.R.deployed-python-interpreter-path: found "python.exe", accepted: an absolute path on the '
            "instance, as in 'D:\\Python313\\python.exe'"
        ),
    ),
    "requirements not there": (
        f'{R}requirements = ["requirements.txt"]',
        (
            f'roles.R.requirements[0]: found "requirements.txt", accepted: {FILE}'
            f"{NEXT}name a file that is in the project"
        ),
    ),
    "an extra that is a number": (
        f"{R}features = [1]",
        (
            "roles.R.features[0]: found the integer 1, accepted: a name in [project.optional-dependencies]"
            f"{NEXT}write it in quotes"
        ),
    ),
    "a group that the project has not": (
        f'{R}dependency-groups = ["tests"]',
        'roles.R.dependency-groups[0]: found "tests", accepted: a name in [dependency-groups]: "reports"',
    ),
    "a flag in quotes": (
        f'{R}install-project = "true"',
        f'roles.R.install-project: found "true", accepted: true or false{NEXT}write it without quotes',
    ),
    "a flag as a number": (
        f"{R}project-dependencies = 1",
        "roles.R.project-dependencies: found the integer 1, accepted: true or false",
    ),
    "no instances": (f"{R}instances = 0", f"roles.R.instances: found the integer 0, accepted: {INT}"),
    "instances is a boolean": (
        f"{R}instances = true",
        f"roles.R.instances: found the boolean true, accepted: {INT}",
    ),
    "instances in quotes": (
        f'{R}instances = "2"',
        f'roles.R.instances: found "2", accepted: {INT}{NEXT}write it without quotes',
    ),
    "vm-size of old": (
        f'{R}vm-size = "ExtraLarge"',
        (
            'roles.R.vm-size: found "ExtraLarge", accepted: a VM size such as "Standard_A1_v2"'
            f'{NEXT}that name is retired; write "Standard_A8_v2"'
        ),
    ),
    "vm-size of no form": (
        f'{R}vm-size = "B2ms"',
        'roles.R.vm-size: found "B2ms", accepted: a VM size such as "Standard_A1_v2"',
    ),
    "vm-size that is gone": (
        f'{R}vm-size = "A8"',
        (
            'roles.R.vm-size: found "A8", accepted: a VM size such as "Standard_A1_v2"'
            f"{NEXT}that size is retired and has no successor; choose a current one"
        ),
    ),
    "environment with a number": (
        f"{R}environment = {{ PORT = 80 }}",
        f"roles.R.environment.PORT: found the integer 80, accepted: a string{NEXT}write it in quotes",
    ),
    "environment as an array": (
        f'{R}environment = ["A=1"]',
        (
            "roles.R.environment: found an array, accepted: a table; keys: a name without = and not empty; "
            "values: a string"
        ),
    ),
    "settings with a field that is not known": (
        f'{R}settings = {{ Root = "{{root}}" }}',
        (
            f'roles.R.settings.Root: found "{{root}}", accepted: {SETTING}'
            f"{NEXT}write {{env:NAME}} or {{env:NAME:default}} for a variable, {{{{ and }}}} for plain braces"
        ),
    ),
    "settings with a brace that is not closed": (
        f'{R}settings = {{ Conn = "{{env:CONN:x" }}',
        (
            f'roles.R.settings.Conn: found "{{env:CONN:x", accepted: {SETTING}'
            f"{NEXT}close the field with }}, or write {{{{ for a plain opening brace"
        ),
    ),
    "settings with a brace too many": (
        f'{R}settings = {{ Conn = "a}}" }}',
        f'roles.R.settings.Conn: found "a}}", accepted: {SETTING}{NEXT}write }}}} for a plain closing brace',
    ),
    "storage without space": (
        f"{R}local-storage.Cache = {{ size-mb = 0 }}",
        f"roles.R.local-storage.Cache.size-mb: found the integer 0, accepted: {INT}",
    ),
    "a task without command": (
        f"{R}startup-tasks = [{{ elevated = true }}]",
        "roles.R.startup-tasks[0].command: is missing, accepted: a command of 1 to 256 characters on one line",
    ),
    "a task that is a string": (
        f'{R}startup-tasks = ["bin/a.cmd"]',
        'roles.R.startup-tasks[0]: found "bin/a.cmd", accepted: a table with command',
    ),
    "a task with a long command": (
        f'{R}startup-tasks = [{{ command = "{"x" * 257}" }}]',
        (
            f'roles.R.startup-tasks[0].command: found "{"x" * 60}...", accepted: a command of 1 to 256 characters on '
            "one line"
        ),
    ),
    "a task of no type": (
        f'{R}startup-tasks = [{{ command = "a", type = "backgroud" }}]',
        (
            'roles.R.startup-tasks[0].type: found "backgroud", accepted: "simple", "foreground" or "background"'
            f'{NEXT}did you mean "background"?'
        ),
    ),
    "a configuration's setting that the role has not": (
        f'{R}settings = {{ Mode = "live" }}\nconfigurations.Test = {{ settings = {{ Mod = "test" }} }}',
        (
            'roles.R.configurations.Test.settings.Mod: the role has no such setting, accepted: "Mode"'
            f'{NEXT}did you mean "Mode"?'
        ),
    ),
    "a configuration's setting where the role has none": (
        f'{R}configurations.Test = {{ settings = {{ Mode = "test" }} }}',
        (
            "roles.R.configurations.Test.settings.Mode: the role has no such setting, accepted: none, as the role has "
            f"none{NEXT}add it to settings of the role"
        ),
    ),
    "include with an empty pattern": (
        f'{R}include = [""]',
        'roles.R.include[0]: found "", accepted: a gitignore pattern',
    ),
    "include with what is no pattern": (
        f'{R}include = ["!"]',
        'roles.R.include[0]: found "!", accepted: a gitignore pattern',
    ),
    "an archive without hash": (
        f'{R}runtime = {{ path = "vendor/python.nupkg" }}',
        "roles.R.runtime.sha256: is missing, accepted: 64 hexadecimal digits",
    ),
    "an archive with a short hash": (
        f'{R}runtime = {{ path = "vendor/python.nupkg", sha256 = "abc" }}',
        'roles.R.runtime.sha256: found "abc", accepted: 64 hexadecimal digits',
    ),
    "an archive from nowhere": (
        f'{R}runtime = {{ sha256 = "{DIGEST}" }}',
        "roles.R.runtime: found neither path nor url, accepted: exactly one of them",
    ),
    "an archive from two places": (
        f'{R}runtime = {{ path = "vendor/python.nupkg", url = "https://x.example/p", sha256 = "{DIGEST}" }}',
        "roles.R.runtime: found both path and url, accepted: exactly one of them",
    ),
    "an archive of no known kind": (
        f'{R}runtime = {{ path = "orders/worker.py", sha256 = "{DIGEST}" }}',
        'roles.R.runtime.path: found "orders/worker.py", accepted: a file that ends in .zip, .nupkg or .tar.gz',
    ),
    # web roles
    "a web role that runs nothing": (
        '[roles.W]\ntype = "web"',
        (
            "roles.W: found neither wsgi-handler nor asgi-handler, accepted: exactly one of them, or web.config or "
            "web.cloud.config in the role's root"
        ),
    ),
    "a direct web role that runs nothing": (
        '[roles.W]\ntype = "web"\nroot = "iis"\nserver = "direct"',
        "roles.W: found neither wsgi-handler nor asgi-handler, accepted: exactly one of them",
    ),
    "two handlers": (
        f'{W}asgi-handler = "m:b"\nserver = "direct"',
        "roles.W: found both wsgi-handler and asgi-handler, accepted: exactly one of them",
    ),
    "ASGI under the default server": (
        '[roles.W]\ntype = "web"\nasgi-handler = "m:app"',
        (
            'roles.W.server: found "fastcgi", the default, with asgi-handler, accepted: "httpplatform" or "direct" '
            "with it"
        ),
    ),
    "ASGI under fastcgi": (
        '[roles.W]\ntype = "web"\nasgi-handler = "m:app"\nserver = "fastcgi"',
        'roles.W.server: found "fastcgi" with asgi-handler, accepted: "httpplatform" or "direct" with it',
    ),
    "a handler without module": (
        '[roles.W]\ntype = "web"\nwsgi-handler = "app"',
        (
            f'roles.W.wsgi-handler: found "app", accepted: {HANDLER}'
            f'{NEXT}name the object in the module too, as in "app:app"'
        ),
    ),
    "a handler with arguments": (
        '[roles.W]\ntype = "web"\nwsgi-handler = "shop:make_app(1)"',
        f'roles.W.wsgi-handler: found "shop:make_app(1)", accepted: {HANDLER}',
    ),
    "a handler that calls its module": (
        '[roles.W]\ntype = "web"\nwsgi-handler = "shop().app"',
        f'roles.W.wsgi-handler: found "shop().app", accepted: {HANDLER}',
    ),
    "server misspelled": (
        f'{W}server = "fastcig"',
        (
            'roles.W.server: found "fastcig", accepted: "fastcgi", "httpplatform" or "direct"'
            f'{NEXT}did you mean "fastcgi"?'
        ),
    ),
    "a static folder that is not there": (
        f'{W}static = {{ "/static" = "gone" }}',
        f'roles.W.static."/static": found "gone", accepted: {FOLDER}{NEXT}name a folder that is in the project',
    ),
    "a static path without slash": (
        f'{W}static = {{ static = "web" }}',
        (
            'roles.W.static.static: the name is "static", accepted: a URL path such as "/static" of letters, digits, '
            ". _ ~ and -"
        ),
    ),
    "static paths that differ by case alone": (
        f'{W}static = {{ "/A" = "web", "/a" = "orders" }}',
        'roles.W.static."/a": the name differs from "/A" by case alone, accepted: names that differ otherwise',
    ),
    "a static path that is everything": (
        f'{W}static = {{ "/" = "web" }}',
        'roles.W.static."/": the name is "/", accepted: a URL path such as "/static" of letters, digits, . _ ~ and -',
    ),
    "a static path twice": (
        f'{W}static = {{ "/a/" = "web", "/a" = "orders" }}',
        'roles.W.static."/a/": says the same as the key "/a", accepted: each name once',
    ),
    "static without IIS": (
        f'{W}server = "direct"\nstatic = {{ "/a" = "web" }}',
        (
            'roles.W.static: found with server = "direct", accepted: with a server under IIS, which serves the folders'
            f"{NEXT}let the application serve its files, or choose another server"
        ),
    ),
    # endpoints
    "a port out of range": (
        f'{W}endpoints.Http = {{ protocol = "http", port = 65536 }}',
        f"roles.W.endpoints.Http.port: found the integer 65536, accepted: {PORT}",
    ),
    "a port in quotes": (
        f'{W}endpoints.Http = {{ protocol = "http", port = "80" }}',
        f'roles.W.endpoints.Http.port: found "80", accepted: {PORT}{NEXT}write it without quotes',
    ),
    "an endpoint without port": (
        f'{W}endpoints.Http = {{ protocol = "http" }}',
        f"roles.W.endpoints.Http.port: is missing, accepted: {PORT}",
    ),
    "a size in small letters": (
        f'{R}vm-size = "standard_d1_V2"',
        (
            'roles.R.vm-size: found "standard_d1_V2", accepted: a VM size such as "Standard_A1_v2"'
            f'{NEXT}did you mean "Standard_d1_V2"?'
        ),
    ),
    "a protocol in capitals": (
        f'{W}endpoints.Http = {{ protocol = "HTTP", port = 80 }}',
        (
            'roles.W.endpoints.Http.protocol: found "HTTP", accepted: "http", "https", "tcp", "udp" or "any"'
            f'{NEXT}did you mean "http"?'
        ),
    ),
    "https without certificate": (
        f'{W}endpoints.Https = {{ protocol = "https", port = 443 }}',
        "roles.W.endpoints.Https.certificate: is missing, accepted: the name of a certificate, which https needs",
    ),
    "http with certificate": (
        f'{W}endpoints.Http = {{ protocol = "http", port = 80, certificate = "Shop" }}',
        (
            'roles.W.endpoints.Http.certificate: found a certificate for http, accepted: one for protocol = "https" '
            f"alone{NEXT}leave the key out, or change the protocol"
        ),
    ),
    "a site without http": (
        f'{W}endpoints.In = {{ protocol = "tcp", port = 80 }}',
        "roles.W.endpoints: found tcp alone, accepted: at least one endpoint with protocol http or https",
    ),
    "a direct server with TLS alone": (
        (
            f'{W}server = "direct"\ncertificates.Shop = {{ thumbprint = "{"AB" * 20}" }}\n'
            'endpoints.In = { protocol = "https", port = 443, certificate = "Shop" }'
        ),
        "roles.W.endpoints: found https alone, accepted: at least one endpoint with protocol http or tcp",
    ),
    "a port of two roles": (
        (
            f'{R}endpoints.A = {{ protocol = "tcp", port = 81 }}\n'
            f'[roles.S]\n{WORKER}endpoints.B = {{ protocol = "udp", port = 81 }}'
        ),
        (
            "roles.S.endpoints.B: found the port 81, which roles.R.endpoints.A has too, accepted: each port once in a "
            "service"
        ),
    ),
    "two web roles with the default endpoint": (
        f"{W}\n[roles.X]\n{WEB}",
        (
            "roles.X.endpoints: found the default endpoint with port 80, which roles.W.endpoints.Http has too, "
            "accepted: each port once in a service"
        ),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_setting_has_one_message_and_this_is_it(case: str) -> None:
    text, message = BAD[case]
    assert faults(text) == [message]


def test_more_than_25_endpoints_are_refused() -> None:
    endpoints = "\n".join(
        f'endpoints.E{port} = {{ protocol = "tcp", port = {port} }}' for port in range(1, 27)
    )
    assert faults(f"{R}{endpoints}") == ["roles: found 26 endpoints in all roles, accepted: at most 25"]


def test_all_faults_are_reported_at_once_in_the_order_of_their_keys() -> None:
    found = faults(
        """
        servce = "x"
        python = 3.13
        os-family = 4
        find-links = ["gone"]
        [roles.Web]
        type = "web"
        root = "web"
        server = "fastcig"
        wsgi-handler = "app"
        startup-file = "gone.py"
        endpoints.Https = { protocol = "https", port = 0 }
        settings = { "a:b" = "{foo}" }
        [roles.Orders]
        type = "worker"
        root = "gone"
        instances = -1
        vm-size = "Small"
        dependencies = ["=="]
        features = ["nothing"]
        """
    )
    assert [fault.partition(": ")[0] for fault in found] == [
        "find-links[0]",
        "os-family",
        "python",
        "roles.Orders",
        "roles.Orders.dependencies[0]",
        "roles.Orders.features[0]",
        "roles.Orders.instances",
        "roles.Orders.root",
        "roles.Orders.vm-size",
        "roles.Web.endpoints.Https.certificate",
        "roles.Web.endpoints.Https.port",
        "roles.Web.server",
        'roles.Web.settings."a:b"',
        'roles.Web.settings."a:b"',
        "roles.Web.startup-file",
        "roles.Web.startup-file",
        "roles.Web.wsgi-handler",
        "servce",
    ]


def test_the_message_has_a_summary_and_a_bullet_for_each_fault_with_its_full_key() -> None:
    with pytest.raises(ProjectError) as caught:
        parse_service(toml.loads(f"os-family = 8\n{R}instances = 0"), project=PROJECT, files=FILES, host=HOST)
    assert str(caught.value) == (
        "The settings have 2 faults.\n"
        "  - tool.hatch.build.targets.cloudrole.os-family: found the integer 8, accepted: 5, 6 or 7\n"
        f"  - tool.hatch.build.targets.cloudrole.roles.R.instances: found the integer 0, accepted: {INT}"
    )


def test_nothing_is_said_of_paths_below_a_root_that_is_not_there() -> None:
    found = faults(
        '[roles.R]\ntype = "worker"\nroot = "gone"\nstartup-file = "worker.py"\nsearch-paths = ["lib"]'
    )
    assert [fault.partition(":")[0] for fault in found] == ["roles.R.root"]


def test_nothing_is_said_of_the_handler_where_the_root_is_not_there() -> None:
    found = faults('[roles.R]\ntype = "web"\nroot = "gone"')
    assert [fault.partition(":")[0] for fault in found] == ["roles.R.root"]


def test_requires_python_that_no_supported_release_satisfies_leaves_no_default() -> None:
    facts = ProjectFacts(name="p", version="1", requires_python="==3.11.4")
    assert faults(R, project=facts) == [
        (
            'python: is missing, accepted: a CPython that requires-python = "==3.11.4" of the project allows'
            f"{NEXT}there is no default, because the newest release of no supported X.Y is allowed"
        )
    ]
    assert faults(f'python = "3.11.4"\n{R}', project=facts) == []
    assert faults(f'{R}python = "3.11.4"', project=facts) == []


def test_requires_python_that_is_no_specifier_is_a_fault_of_the_project() -> None:
    facts = ProjectFacts(name="p", version="1", requires_python="3.x")
    assert faults(R, project=facts) == [
        'project.requires-python: found "3.x", accepted: a version specifier as in ">=3.10"'
    ]


def test_a_project_without_extras_is_told_so() -> None:
    facts = ProjectFacts(name="p", version="1")
    assert faults(f'{R}features = ["x"]', project=facts) == [
        'roles.R.features[0]: found "x", accepted: a name in [project.optional-dependencies]: which has none'
    ]


def test_no_message_shows_a_password() -> None:
    secret = "s3cret"
    text = f"""
        index-url = "htps://me:{secret}@h.example/simple"
        nuget-feed = "https://me:{secret}/x@h.example"
        {R}
        dependencies = ["x @@ https://me:{secret}@h.example/x.whl"]
    """
    found = faults(text)
    assert len(found) == 3
    assert secret not in "".join(found)


def test_a_dependency_that_is_no_requirement_is_refused_with_the_parsers_reason() -> None:
    [fault] = faults(f'{R}dependencies = ["waitress>=3", "waitress >= "]')
    what, _, reason = fault.partition(NEXT)
    assert what == (
        'roles.R.dependencies[1]: found "waitress >= ", accepted: a requirement as in "waitress>=3" (PEP 508)'
    )
    assert reason
    assert "\n" not in reason
