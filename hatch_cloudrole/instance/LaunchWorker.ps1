# LaunchWorker.ps1: finds the interpreter that configure used, then role.py launch runs the role's program.
# For Windows PowerShell 5.1. It ends with the program's exit code; 111: no interpreter, 113: anything else
# before role.py. Nothing here is to be edited: what this role runs is in role.json.
$ScriptName = 'LaunchWorker.ps1'
# Begin of what ConfigureCloudService.ps1 and LaunchWorker.ps1 have alike.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$Bin = $PSScriptRoot
$AppRoot = Split-Path -Parent $Bin
$RoleHome = [IO.Path]::Combine($AppRoot, '.cloudrole')
if ($env:CLOUDROLE_HOME) { $RoleHome = [IO.Path]::Combine($AppRoot, $env:CLOUDROLE_HOME) }

# role.py has its own log; this is for what keeps it from starting.
function Stop-Script([int] $Code, [string] $Text) {
    $line = '{0} FAILED with exit code {1}: {2}' -f [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ss.fffZ'), $Code, $Text
    [Console]::Error.WriteLine($line)
    $logs = [IO.Path]::Combine($AppRoot, 'logs')
    if ($env:DiagnosticStore) { $logs = [IO.Path]::Combine($env:DiagnosticStore, 'LogFiles') }
    if ($env:CLOUDROLE_LOG_DIR) { $logs = [IO.Path]::Combine($AppRoot, $env:CLOUDROLE_LOG_DIR) }
    try {
        $null = [IO.Directory]::CreateDirectory($logs)
        [IO.File]::AppendAllText([IO.Path]::Combine($logs, $ScriptName + '.log'), $line + "`n")
    } catch {
        [Console]::Error.WriteLine("the log cannot be written: $_")
    }
    exit $Code
}

# What one folder may hold: python.org and embeddable, python-build-standalone, NuGet.
function Find-PythonIn([string] $Folder) {
    foreach ($place in @('', 'python', 'tools')) {
        $path = [IO.Path]::Combine($Folder, $place, 'python.exe')
        if ([IO.File]::Exists($path)) { return $path }
    }
}

# Whether an interpreter starts, and is the CPython that the wheels are for.
function Test-Python([string] $Path) {
    if (-not [IO.File]::Exists($Path)) { return $false }
    $minor = ($Role.python -split '\.')[0..1] -join '.'
    $code = "import sys, sysconfig; sys.exit(sys.implementation.name != 'cpython'" +
        " or '{0}.{1}'.format(*sys.version_info) != '$minor'" +
        " or sysconfig.get_platform().replace('-', '_') != '$($Role.platform)')"
    try {
        $null = & $Path '-I' '-c' $code
        return $LASTEXITCODE -eq 0
    } catch {
        return $false
    }
}

# Where PEP 514 has installed interpreters, python.org's first.
function Get-InstalledPython {
    $found = @()
    foreach ($root in @('HKLM:\SOFTWARE\Python', 'HKCU:\SOFTWARE\Python', 'HKLM:\SOFTWARE\Wow6432Node\Python')) {
        try {
            if (-not (Test-Path -Path $root)) { continue }
            foreach ($company in (Get-ChildItem -Path $root)) {
                foreach ($tag in (Get-ChildItem -Path $company.PSPath)) {
                    $install = Join-Path $tag.PSPath 'InstallPath'
                    if (-not (Test-Path -Path $install)) { continue }
                    $values = Get-ItemProperty -Path $install
                    $path = $values.ExecutablePath
                    if (-not $path -and $values.'(default)') { $path = [IO.Path]::Combine($values.'(default)', 'python.exe') }
                    if (-not $path) { continue }
                    if ($company.PSChildName -eq 'PythonCore') { $found = @($path) + $found } else { $found = $found + @($path) }
                }
            }
        } catch {
            [Console]::Error.WriteLine("$root cannot be read: $_")
        }
    }
    return $found
}

# Path and reason of the interpreter to use, or nothing. One that is named has to be there.
function Find-Python([string] $Remembered) {
    $named = @(
        @($Role.interpreter, 'deployed-python-interpreter-path names it'),
        @($env:PYTHON, 'the PYTHON variable names it')
    )
    foreach ($pair in $named) {
        if (-not $pair[0]) { continue }
        $path = [IO.Path]::Combine($AppRoot, [Environment]::ExpandEnvironmentVariables($pair[0]).Trim('"'))
        if ([IO.File]::Exists($path)) { return @{ Path = $path; Reason = $pair[1] } }
        Stop-Script 111 "$path is missing, but $($pair[1]); install it there or name another"
    }
    if ($Remembered -and [IO.File]::Exists($Remembered)) {
        return @{ Path = $Remembered; Reason = 'configure used it' }
    }
    $path = Find-PythonIn ([IO.Path]::Combine($AppRoot, 'runtime'))
    if ($path) { return @{ Path = $path; Reason = 'it is in the package' } }
    foreach ($folder in (Get-ChildItem -LiteralPath $Bin -Filter 'python*' | Where-Object { $_.PSIsContainer })) {
        $path = [IO.Path]::Combine($folder.FullName, 'tools', 'python.exe')
        if (Test-Python $path) { return @{ Path = $path; Reason = 'a NuGet package in bin has it' } }
    }
    foreach ($path in (Get-InstalledPython)) {
        if (Test-Python $path) { return @{ Path = $path; Reason = 'it is installed' } }
    }
    $path = Find-PythonIn ([IO.Path]::Combine($RoleHome, 'python-' + $Role.runtime.version))
    if ($path) { return @{ Path = $path; Reason = 'it was obtained before' } }
}
# End of what both have alike.

try {
    $Role = [IO.File]::ReadAllText([IO.Path]::Combine($Bin, 'role.json')) | ConvertFrom-Json
    $remembered = ''
    $file = [IO.Path]::Combine($RoleHome, 'python.txt')
    if ([IO.File]::Exists($file)) { $remembered = [IO.File]::ReadAllText($file) }
    $found = Find-Python $remembered
    if (-not $found) {
        Stop-Script 111 "there is no CPython $($Role.python) for $($Role.platform) on this instance; ConfigureCloudService.ps1 has to run first"
    }
    $env:CLOUDROLE_INTERPRETER_REASON = $found.Reason
    & $found.Path ([IO.Path]::Combine($Bin, 'role.py')) 'launch'
} catch {
    Stop-Script 113 "$_"
}
exit $LASTEXITCODE
