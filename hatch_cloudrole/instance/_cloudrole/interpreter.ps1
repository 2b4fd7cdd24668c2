# interpreter.ps1: what ConfigureCloudService.ps1 and LaunchWorker.ps1 both need: where things are, how a failure is
# told, and which interpreter there is. Both load it into themselves; it only defines.
$ProgressPreference = 'SilentlyContinue'
# A program's exit code is passed on, never made an error of PowerShell's own (7.4 and later could).
$PSNativeCommandUseErrorActionPreference = $false
$AppRoot = [IO.Path]::GetDirectoryName($Bin)
$RoleHome = [IO.Path]::Combine($AppRoot, '.cloudrole')
if ($env:CLOUDROLE_HOME) { $RoleHome = [IO.Path]::Combine($AppRoot, $env:CLOUDROLE_HOME) }

# role.py has its own log; this is for what keeps it from starting.
function Stop-Script([int] $Code, [string] $Text) {
    $time = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ss.fffZ', [Globalization.CultureInfo]::InvariantCulture)
    $line = '{0} FAILED with exit code {1}: {2}' -f $time, $Code, ($Text -replace '\s*[\r\n]+\s*', ' ')
    [Console]::Error.WriteLine($line)
    try {
        $logs = [IO.Path]::Combine($AppRoot, 'logs')
        if ($env:DiagnosticStore) { $logs = [IO.Path]::Combine($env:DiagnosticStore, 'LogFiles') }
        if ($env:CLOUDROLE_LOG_DIR) { $logs = [IO.Path]::Combine($AppRoot, $env:CLOUDROLE_LOG_DIR) }
        $null = [IO.Directory]::CreateDirectory($logs)
        [IO.File]::AppendAllText([IO.Path]::Combine($logs, $ScriptName + '.log'), $line + "`n")
    } catch {
        [Console]::Error.WriteLine("the log cannot be written: $_")
    }
    exit $Code
}

# What role.json says. Only what these scripts need of it is looked at; the rest is role.py's business.
function Read-Role {
    $file = [IO.Path]::Combine($Bin, 'role.json')
    try {
        $role = [IO.File]::ReadAllText($file) | ConvertFrom-Json
    } catch {
        # Windows PowerShell repeats the whole text in what it says.
        $why = ("$_" -split '[\r\n]')[0]
        throw "$file cannot be read ($why); deploy the package again"
    }
    if (-not ($role.python -is [string] -and $role.platform -is [string] -and $role.runtime.version -is [string])) {
        throw "$file lacks python, platform or runtime; deploy the package again"
    }
    return $role
}

# What one folder may hold: python.org and embeddable, python-build-standalone, NuGet.
function Find-PythonIn([string] $Folder) {
    foreach ($place in @('', 'python', 'tools')) {
        $path = [IO.Path]::Combine($Folder, $place, 'python.exe')
        if ([IO.File]::Exists($path)) { return $path }
    }
}

# Where a build that was obtained lies.
function Get-RuntimeFolder {
    return [IO.Path]::Combine($RoleHome, 'python-' + $Role.runtime.version)
}

# X.Y of the role's CPython.
function Get-Minor {
    return ($Role.python -split '\.')[0..1] -join '.'
}

# Whether an interpreter starts, and is the CPython that the wheels are for. The Store's stand-in for Python, which
# is a python.exe too, ends with an error when it is given arguments.
function Test-Python([string] $Path) {
    if (-not [IO.File]::Exists($Path)) { return $false }
    $code = "import sys, sysconfig; sys.exit(sys.implementation.name != 'cpython'" +
        " or '{0}.{1}'.format(*sys.version_info) != '$(Get-Minor)'" +
        " or sysconfig.get_platform().replace('-', '_') != '$($Role.platform)'" +
        " or bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
    $global:LASTEXITCODE = $null
    try {
        # In a pipeline, what cannot be started is not opened as a document instead.
        & $Path '-I' '-c' $code | Out-Null
        return $global:LASTEXITCODE -eq 0
    } catch {
        return $false
    }
}

# The keys below which PEP 514 lists interpreters. CLOUDROLE_REGISTRY names another place of the same form: a key, or
# a folder whose files are the values.
function Get-PythonKey {
    if ($env:CLOUDROLE_REGISTRY) { return $env:CLOUDROLE_REGISTRY }
    return @('HKLM:\SOFTWARE\Python', 'HKCU:\SOFTWARE\Python', 'HKLM:\SOFTWARE\Wow6432Node\Python')
}

# One value of a key, as text; empty where there is none. The name of a default value is empty.
function Get-KeyValue([string] $Key, [string] $Name) {
    $item = Get-Item -LiteralPath $Key
    if ($item.PSProvider.Name -eq 'Registry') { return [string] $item.GetValue($Name, '') }
    if (-not $Name) { $Name = '(default)' }
    $file = [IO.Path]::Combine($item.FullName, $Name)
    if ([IO.File]::Exists($file)) { return [IO.File]::ReadAllText($file).Trim() }
    return ''
}

# What one tag of PEP 514 installs, unless it says that it is of another version.
function Get-TaggedPython([string] $Tag) {
    $version = Get-KeyValue $Tag 'SysVersion'
    if ($version -and -not "$version.".StartsWith("$(Get-Minor).")) { return }
    $install = Join-Path $Tag 'InstallPath'
    if (-not (Test-Path -LiteralPath $install)) { return }
    $path = Get-KeyValue $install 'ExecutablePath'
    if ($path) { return $path }
    $folder = Get-KeyValue $install ''
    if ($folder) { return [IO.Path]::Combine($folder, 'python.exe') }
}

# Installed interpreters as PEP 514 has them: python.org's of every key, then those of others.
function Get-InstalledPython {
    $own = @()
    $others = @()
    foreach ($key in @(Get-PythonKey)) {
        try {
            if (-not (Test-Path -LiteralPath $key)) { continue }
            foreach ($company in @(Get-ChildItem -LiteralPath $key)) {
                foreach ($tag in @(Get-ChildItem -LiteralPath $company.PSPath)) {
                    $path = Get-TaggedPython $tag.PSPath
                    if (-not $path) { continue }
                    if ($company.PSChildName -eq 'PythonCore') { $own += $path } else { $others += $path }
                }
            }
        } catch {
            [Console]::Error.WriteLine("$key cannot be read: $_")
        }
    }
    return $own + $others
}

# The path of an interpreter that is named: variables and quotes gone, relative to approot. What can be no path stays.
function Resolve-Named([string] $Text) {
    $path = [Environment]::ExpandEnvironmentVariables($Text).Trim().Trim('"')
    try {
        return [IO.Path]::Combine($AppRoot, $path)
    } catch {
        return $path
    }
}

# Path and reason of the interpreter to use, or nothing. One that is named has to be there.
function Find-Python([string] $Remembered) {
    $named = @(
        @($Role.interpreter, 'deployed-python-interpreter-path names it'),
        @($env:PYTHON, 'the PYTHON variable names it')
    )
    foreach ($pair in $named) {
        if (-not $pair[0]) { continue }
        $path = Resolve-Named $pair[0]
        if ([IO.File]::Exists($path)) { return @{ Path = $path; Reason = $pair[1] } }
        Stop-Script 111 "$path is missing, but $($pair[1]); install it there or name another"
    }
    if ($Remembered -and [IO.File]::Exists($Remembered)) {
        return @{ Path = $Remembered; Reason = 'configure used it' }
    }
    $path = Find-PythonIn ([IO.Path]::Combine($AppRoot, 'runtime'))
    if ($path) { return @{ Path = $path; Reason = 'it is in the package' } }
    foreach ($folder in @(Get-ChildItem -LiteralPath $Bin -Filter 'python*' | Where-Object { $_.PSIsContainer })) {
        $path = [IO.Path]::Combine($folder.FullName, 'tools', 'python.exe')
        if (Test-Python $path) { return @{ Path = $path; Reason = 'a NuGet package in bin has it' } }
    }
    foreach ($path in @(Get-InstalledPython)) {
        if (Test-Python $path) { return @{ Path = $path; Reason = 'it is installed' } }
    }
    $path = Find-PythonIn (Get-RuntimeFolder)
    if ($path) { return @{ Path = $path; Reason = 'it was obtained before' } }
}

# Say why this interpreter is used, and forget the exit codes of those that were tried.
function Enter-Python([hashtable] $Found) {
    # It would lead an interpreter to the standard library of another one.
    Remove-Item -Path 'Env:PYTHONHOME' -ErrorAction SilentlyContinue
    $env:CLOUDROLE_INTERPRETER_REASON = $Found.Reason
    $global:LASTEXITCODE = $null
}
