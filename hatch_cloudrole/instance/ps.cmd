@echo off
rem ps.cmd SCRIPT.ps1 [ARGUMENT...]: run a PowerShell script of this folder, with what it says before Python
rem has its own log in SCRIPT.ps1.boot.log, and end with its exit code.
setlocal DisableDelayedExpansion
if "%~1"=="" echo ps.cmd: name a script& exit /b 2

rem Logs: CLOUDROLE_LOG_DIR (relative to approot), the instance's diagnostic store, or logs in approot.
cd /d "%~dp0.."
if defined CLOUDROLE_LOG_DIR goto named
set "CLOUDROLE_LOG_DIR=%CD%\logs"
if defined DiagnosticStore set "CLOUDROLE_LOG_DIR=%DiagnosticStore%\LogFiles"
:named
for %%D in ("%CLOUDROLE_LOG_DIR%") do set "CLOUDROLE_LOG_DIR=%%~fD"
cd /d "%~dp0"
if not exist "%CLOUDROLE_LOG_DIR%\" mkdir "%CLOUDROLE_LOG_DIR%"
if not exist "%CLOUDROLE_LOG_DIR%\" set "CLOUDROLE_LOG_DIR=%TEMP%"

rem One run, one boot log; the one before is kept. Where another run still writes it, this one takes its own.
set "CLOUDROLE_BOOT_LOG=%CLOUDROLE_LOG_DIR%\%~nx1.boot.log"
if exist "%CLOUDROLE_BOOT_LOG%" move /y "%CLOUDROLE_BOOT_LOG%" "%CLOUDROLE_BOOT_LOG%.1" >nul 2>nul
if exist "%CLOUDROLE_BOOT_LOG%" set "CLOUDROLE_BOOT_LOG=%CLOUDROLE_LOG_DIR%\%~nx1.%RANDOM%.boot.log"

rem A log that cannot be written must not keep the script from running, as its redirection would.
copy /y nul "%CLOUDROLE_BOOT_LOG%" >nul 2>nul
if not exist "%CLOUDROLE_BOOT_LOG%" set "CLOUDROLE_BOOT_LOG=%TEMP%\%~nx1.boot.log"

rem A 32-bit parent is shown another System32; Sysnative is the real one, and exists only then.
if defined CLOUDROLE_POWERSHELL goto run
set "CLOUDROLE_POWERSHELL=%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe"
if exist "%SystemRoot%\Sysnative\WindowsPowerShell\v1.0\powershell.exe" set "CLOUDROLE_POWERSHELL=%SystemRoot%\Sysnative\WindowsPowerShell\v1.0\powershell.exe"
:run
rem Each PowerShell has modules of its own, and finds them when a parent's variable does not name another's.
set "PSModulePath="
rem It would wait for the end of an input that it is given.
"%CLOUDROLE_POWERSHELL%" -NoProfile -NonInteractive -ExecutionPolicy Bypass -File %* <nul >>"%CLOUDROLE_BOOT_LOG%" 2>&1
exit /b %ERRORLEVEL%
