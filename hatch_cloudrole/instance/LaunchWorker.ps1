# LaunchWorker.ps1: finds the interpreter that configure used, then role.py launch runs the role's program.
# For Windows PowerShell 5.1. It ends with the program's exit code; 111: no interpreter, 113: anything else
# before role.py. Nothing here is to be edited: what this role runs is in role.json.
$ScriptName = 'LaunchWorker.ps1'
$ErrorActionPreference = 'Stop'
$Bin = $PSScriptRoot
$shared = [IO.Path]::Combine($Bin, '_cloudrole', 'interpreter.ps1')
try {
    # As text, because a path with brackets would be taken for a pattern.
    . ([ScriptBlock]::Create([IO.File]::ReadAllText($shared)))
} catch {
    $why = ("$_" -split '[\r\n]')[0]
    $line = "$ScriptName FAILED with exit code 113: $shared cannot be used ($why); deploy the package again"
    [Console]::Error.WriteLine($line)
    if ($env:CLOUDROLE_LOG_DIR) {
        try {
            [IO.File]::AppendAllText([IO.Path]::Combine($env:CLOUDROLE_LOG_DIR, $ScriptName + '.log'), $line + "`n")
        } catch {
            [Console]::Error.WriteLine("the log cannot be written: $_")
        }
    }
    exit 113
}

try {
    $Role = Read-Role
    $remembered = ''
    $file = [IO.Path]::Combine($RoleHome, 'python.txt')
    if ([IO.File]::Exists($file)) { $remembered = [IO.File]::ReadAllText($file).Trim() }
    $found = Find-Python $remembered
    if (-not $found) {
        Stop-Script 111 "there is no CPython $($Role.python) for $($Role.platform) on this instance; ConfigureCloudService.ps1 has to run first"
    }
    Enter-Python $found
    & $found.Path ([IO.Path]::Combine($Bin, 'role.py')) 'launch'
} catch {
    Stop-Script 113 "$_"
}
if ($null -eq $LASTEXITCODE) {
    Stop-Script 113 "$($found.Path) did not say how it ended; name a python.exe, which runs in a console"
}
exit $LASTEXITCODE
