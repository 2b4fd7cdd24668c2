# ConfigureCloudService.ps1: finds or obtains the interpreter, then role.py configure does the work.
# For Windows PowerShell 5.1. It may run any number of times, and ends with role.py's exit code; 111: no
# interpreter, 112: it could not be obtained, 113: anything else before role.py. Nothing here is to be edited:
# what this role needs is in role.json.
$ScriptName = 'ConfigureCloudService.ps1'
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

# Where the archive is: its path in the package, else where it is published.
function Get-RuntimeSource {
    if ($Role.runtime.path) { return $Role.runtime.path }
    return $Role.runtime.url
}

# The file name of the archive as an address has it, without what may follow it there.
function Get-RuntimeName {
    return ((Get-RuntimeSource) -split '[?#]')[0].Split('/')[-1]
}

# The archive in the folder of a mirror. An address may write its characters otherwise than a file system does.
function Find-Mirrored([string] $Folder) {
    $file = [IO.Path]::Combine($Folder, [Uri]::UnescapeDataString((Get-RuntimeName)))
    if ([IO.File]::Exists($file)) { return $file }
    return [IO.Path]::Combine($Folder, (Get-RuntimeName))
}

# From where the archive is taken: the package, a mirror, or where it is published.
function Get-ArchiveSource {
    $mirror = $env:CLOUDROLE_RUNTIME_URL
    if (-not $mirror) {
        if ($Role.runtime.path) { return [IO.Path]::Combine($AppRoot, $Role.runtime.path) }
        return $Role.runtime.url
    }
    if ([IO.Directory]::Exists($mirror)) { return Find-Mirrored $mirror }
    if ($mirror.EndsWith('/')) { return $mirror + (Get-RuntimeName) }
    return $mirror
}

# An address without what may be secret in it, for logs.
function Get-Shown([string] $Source) {
    return ($Source -split '[?#]')[0] -replace '://[^/@]*@', '://'
}

# Download once, by the proxy that Windows has for this account.
function Get-Download([string] $Source, [string] $File) {
    $client = New-Object -TypeName System.Net.WebClient
    try {
        $client.Headers.Add('User-Agent', 'hatch-cloudrole')
        $client.DownloadFile($Source, $File)
        $length = ''
        if ($client.ResponseHeaders) { $length = $client.ResponseHeaders['Content-Length'] }
        $arrived = [IO.FileInfo]::new($File).Length
        if ($length -and [long] $length -ne $arrived) { throw "only $arrived of $length bytes arrived" }
    } finally {
        $client.Dispose()
    }
}

# Whether a server has answered that it does not give the file: asking again will not help.
function Test-Refusal([Exception] $Reason) {
    if ($Reason -isnot [Net.WebException] -or $null -eq $Reason.Response) { return $false }
    $status = [int] $Reason.Response.StatusCode
    return $status -ge 400 -and $status -lt 500 -and $status -ne 408 -and $status -ne 429
}

# Bring the archive of the interpreter to $File.
function Get-RuntimeArchive([string] $File) {
    $source = Get-ArchiveSource
    if ([IO.File]::Exists($source)) {
        [IO.File]::Copy($source, $File, $true)
        return
    }
    if ($source -notmatch '^[A-Za-z][A-Za-z0-9+.-]+://') { throw "$source is missing" }
    $shown = Get-Shown $source
    # 0 leaves the choice to Windows; older ones choose without TLS 1.2.
    $protocols = [Net.ServicePointManager]::SecurityProtocol
    if ([int] $protocols -ne 0) {
        [Net.ServicePointManager]::SecurityProtocol = $protocols -bor [Net.SecurityProtocolType]::Tls12
    }
    for ($try = 1; $true; $try++) {
        try {
            Write-Host "downloading $shown"
            Get-Download $source $File
            return
        } catch {
            $reason = $_.Exception.GetBaseException()
            if ($try -ge 5 -or (Test-Refusal $reason)) { throw "$shown could not be downloaded: $($reason.Message)" }
            Write-Host "attempt $try failed: $($reason.Message)"
            Start-Sleep -Seconds ([Math]::Pow(2, $try))
        }
    }
}

# SHA-256 of a file, in lower case.
function Get-Sha256([string] $File) {
    $algorithm = [Security.Cryptography.SHA256]::Create()
    $stream = [IO.File]::OpenRead($File)
    try {
        return [BitConverter]::ToString($algorithm.ComputeHash($stream)).Replace('-', '').ToLowerInvariant()
    } finally {
        $stream.Dispose()
        $algorithm.Dispose()
    }
}

# The tar of Windows, which reads what other ones would take for the name of a computer; else what the PATH has.
function Get-Tar {
    if ($env:SystemRoot) {
        $own = [IO.Path]::Combine($env:SystemRoot, 'System32', 'tar.exe')
        if ([IO.File]::Exists($own)) { return $own }
    }
    $found = @(Get-Command -Name 'tar' -CommandType Application -ErrorAction SilentlyContinue)
    if ($found.Count) { return $found[0].Path }
    throw 'it is a tar.gz, and there is no tar here (Windows has it from Server 2019 on); use runtime = "bundled"'
}

# Unpack the archive in $Folder to `new` there.
function Expand-RuntimeArchive([string] $Folder) {
    $new = [IO.Path]::Combine($Folder, 'new')
    if ((Get-RuntimeName) -match '\.(zip|nupkg)$') {
        Add-Type -AssemblyName System.IO.Compression.FileSystem
        [IO.Compression.ZipFile]::ExtractToDirectory([IO.Path]::Combine($Folder, 'archive'), $new)
        return
    }
    $null = [IO.Directory]::CreateDirectory($new)
    $tar = Get-Tar
    # From within the folder, whose own name a tar might not read.
    Push-Location -LiteralPath $Folder
    try {
        $global:LASTEXITCODE = $null
        & $tar '-x' '-f' 'archive' '-C' 'new' | Out-Host
        if ($LASTEXITCODE -ne 0) { throw "$tar ended with exit code $LASTEXITCODE" }
    } finally {
        Pop-Location
    }
}

# Unpack the pinned build beside its place, then rename it: a killed run leaves nothing that looks whole.
function Install-Runtime {
    $target = Get-RuntimeFolder
    $beside = [IO.Path]::Combine($RoleHome, 'get.' + [Guid]::NewGuid().ToString('N').Substring(0, 8))
    $null = [IO.Directory]::CreateDirectory($beside)
    try {
        $archive = [IO.Path]::Combine($beside, 'archive')
        Get-RuntimeArchive $archive
        $hash = Get-Sha256 $archive
        if ($hash -ne $Role.runtime.sha256) {
            throw "the SHA-256 of $(Get-Shown (Get-ArchiveSource)) is $hash, but role.json has $($Role.runtime.sha256)"
        }
        Expand-RuntimeArchive $beside
        $new = [IO.Path]::Combine($beside, 'new')
        if (-not (Find-PythonIn $new)) { throw 'the archive holds no python.exe' }
        if ([IO.Directory]::Exists($target) -and -not (Find-PythonIn $target)) {
            [IO.Directory]::Move($target, [IO.Path]::Combine($beside, 'old'))
        }
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

# What killed runs have left; a younger one may still be at work.
function Remove-Leftover {
    if (-not [IO.Directory]::Exists($RoleHome)) { return }
    foreach ($folder in [IO.Directory]::GetDirectories($RoleHome, 'get.*')) {
        if ([IO.Directory]::GetLastWriteTimeUtc($folder) -lt [DateTime]::UtcNow.AddHours(-1)) {
            Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
        }
    }
}

try {
    $Role = Read-Role
    Remove-Leftover
    $found = Find-Python ''
    if (-not $found) {
        $what = "there is no CPython $($Role.python) for $($Role.platform) on this instance"
        if (-not (Get-RuntimeSource)) {
            Stop-Script 111 "$what, and runtime = '$($Role.runtime.kind)' obtains none; install it, or set PYTHON to its path"
        }
        try {
            Install-Runtime
        } catch {
            Stop-Script 112 "$what, and it could not be obtained: $_"
        }
        $found = @{ Path = (Find-PythonIn (Get-RuntimeFolder)); Reason = 'it was obtained' }
    }
    Enter-Python $found
    & $found.Path ([IO.Path]::Combine($Bin, 'role.py')) 'configure'
} catch {
    Stop-Script 113 "$_"
}
if ($null -eq $LASTEXITCODE) {
    Stop-Script 113 "$($found.Path) did not say how it ended; name a python.exe, which runs in a console"
}
# Codes beyond these are not role.py's: Python itself has not come up.
if ($LASTEXITCODE -lt 0 -or $LASTEXITCODE -gt 255) {
    Stop-Script $LASTEXITCODE "$($found.Path) ended before role.py could say why; is it a whole CPython?"
}
exit $LASTEXITCODE
