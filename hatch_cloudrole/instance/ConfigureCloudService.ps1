# ConfigureCloudService.ps1: finds or obtains the interpreter, then role.py configure does the work.
# For Windows PowerShell 5.1. It may run any number of times, and ends with role.py's exit code; 111: no
# interpreter, 112: it could not be obtained, 113: anything else before role.py. Nothing here is to be edited:
# what this role needs is in role.json.
$ScriptName = 'ConfigureCloudService.ps1'
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

# Where the archive is: its path in the package, else where it is published. Its name is the last part.
function Get-RuntimeName {
    if ($Role.runtime.path) { return $Role.runtime.path }
    return $Role.runtime.url
}

# Bring the archive of the interpreter to $File: from the package, a mirror, or where it is published.
function Get-RuntimeArchive([string] $File) {
    $runtime = $Role.runtime
    $source = $runtime.url
    if ($runtime.path) { $source = [IO.Path]::Combine($AppRoot, $runtime.path) }
    if ($env:CLOUDROLE_RUNTIME_URL) {
        $source = $env:CLOUDROLE_RUNTIME_URL
        if ($source.EndsWith('/')) { $source = $source + (Get-RuntimeName).Split('/')[-1] }
    }
    if ([IO.File]::Exists($source)) {
        [IO.File]::Copy($source, $File, $true)
        return
    }
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    for ($try = 1; $true; $try++) {
        try {
            Write-Output "downloading $source"
            Invoke-WebRequest -UseBasicParsing -Uri $source -OutFile $File -TimeoutSec 600
            return
        } catch {
            if ($try -ge 5) { throw "$source could not be downloaded: $_" }
            Write-Output "attempt $try failed: $_"
            Start-Sleep -Seconds ([Math]::Pow(2, $try))
        }
    }
}

# Unpack $Archive, which is known as $Name, into $Folder. Windows has no tar.exe before Server 2019.
function Expand-RuntimeArchive([string] $Archive, [string] $Name, [string] $Folder) {
    if ($Name.EndsWith('.zip') -or $Name.EndsWith('.nupkg')) {
        Add-Type -AssemblyName System.IO.Compression.FileSystem
        [IO.Compression.ZipFile]::ExtractToDirectory($Archive, $Folder)
        return
    }
    $tar = 'tar'
    if ($env:SystemRoot) {
        $own = [IO.Path]::Combine($env:SystemRoot, 'System32', 'tar.exe')
        if ([IO.File]::Exists($own)) { $tar = $own }
    }
    & $tar '-x' '-f' $Archive '-C' $Folder | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "$tar ended with exit code $LASTEXITCODE" }
}

# Unpack the pinned build beside its place, then rename it: a killed run leaves nothing that looks whole.
function Install-Runtime {
    $runtime = $Role.runtime
    $target = [IO.Path]::Combine($RoleHome, 'python-' + $runtime.version)
    $beside = [IO.Path]::Combine($RoleHome, 'get.' + [Guid]::NewGuid().ToString('N').Substring(0, 8))
    $null = [IO.Directory]::CreateDirectory($beside)
    try {
        $archive = [IO.Path]::Combine($beside, 'archive')
        Get-RuntimeArchive $archive | Out-Host
        $hash = (Get-FileHash -LiteralPath $archive -Algorithm SHA256).Hash
        if ($hash -ne $runtime.sha256) { throw "the archive's SHA-256 is $hash, but role.json has $($runtime.sha256)" }
        $new = [IO.Path]::Combine($beside, 'new')
        $null = [IO.Directory]::CreateDirectory($new)
        Expand-RuntimeArchive $archive (Get-RuntimeName) $new
        if (-not (Find-PythonIn $new)) { throw 'the archive holds no python.exe' }
        # Where another run was quicker, its result stays; scanners may hold new files for a moment.
        for ($try = 1; -not [IO.Directory]::Exists($target); $try++) {
            try {
                [IO.Directory]::Move($new, $target)
            } catch {
                if ($try -ge 10) { throw }
                Start-Sleep -Seconds 1
            }
        }
    } finally {
        Remove-Item -LiteralPath $beside -Recurse -Force -ErrorAction SilentlyContinue
    }
}

try {
    $Role = [IO.File]::ReadAllText([IO.Path]::Combine($Bin, 'role.json')) | ConvertFrom-Json
    $found = Find-Python ''
    if (-not $found) {
        $what = "there is no CPython $($Role.python) for $($Role.platform) on this instance"
        if (-not ($Role.runtime.url -or $Role.runtime.path)) {
            Stop-Script 111 "$what, and runtime = '$($Role.runtime.kind)' obtains none; install it, or set PYTHON to its path"
        }
        try {
            Install-Runtime
        } catch {
            Stop-Script 112 "$what, and it could not be obtained: $_"
        }
        $found = @{ Path = (Find-PythonIn ([IO.Path]::Combine($RoleHome, 'python-' + $Role.runtime.version))); Reason = 'it was obtained' }
    }
    $env:CLOUDROLE_INTERPRETER_REASON = $found.Reason
    & $found.Path ([IO.Path]::Combine($Bin, 'role.py')) 'configure'
} catch {
    Stop-Script 113 "$_"
}
exit $LASTEXITCODE
