"""Makes .venv and installs the requirements when they are missing. Standard library only.

A folder `.venv` proves nothing: a failed attempt leaves one behind. A stamp with the hash of the requirement files,
written last, does.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

BASE_DIR = Path(__file__).resolve().parent.parent
VENV = BASE_DIR / ".venv"
STAMP = "sipadmin-requirements.json"
VERSION = "0.1.0"  # as in pyproject.toml
PIP_OPTIONS = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]


class Bootstrap:
    """One preparation of one folder. ``base`` holds the requirement files; ``python`` builds .venv."""

    def __init__(self, base: Path, arguments: Sequence[str], python: str = sys.executable) -> None:
        self.base = base
        self.venv = base / ".venv"
        self.python = python
        self.arguments = list(arguments)
        command = self.arguments[1] if len(self.arguments) > 1 else ""
        self.requirements = "requirements-dev.txt" if command == "test" else "requirements.txt"
        # `up` goes on with the database and the static files.
        self.steps = 4 if command == "up" else 2

    @property
    def venv_python(self) -> Path:
        return self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def is_inside(self) -> bool:
        """Whether this interpreter is the one of .venv."""
        return os.path.realpath(sys.prefix) == os.path.realpath(self.venv)

    def wanted(self, name: str | None = None) -> dict[str, str]:
        """Distribution name -> exact version ('' when any) of a requirement file and those it includes."""
        found: dict[str, str] = {}
        for line in (self.base / (name or self.requirements)).read_text().splitlines():
            line = line.partition("#")[0].strip()
            if line.startswith("-r"):
                found |= self.wanted(line[2:].strip())
            elif line:
                text, _, marker = line.partition(";")
                if "sys_platform" in marker and sys.platform == "win32":
                    continue
                requirement, _, version = text.strip().partition("==")
                found[re.sub(r"\[.*\]", "", requirement).strip()] = version.strip()
        return found

    def missing(self, *, is_exact: bool) -> list[str]:
        """Requirements that this very interpreter does not have."""
        absent = []
        for name, version in self.wanted().items():
            try:
                installed = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                absent.append(name)
                continue
            if is_exact and version and installed != version:
                absent.append(name)
        return absent

    def hashes(self) -> dict[str, str]:
        files = {"requirements.txt", self.requirements}
        return {name: hashlib.sha256((self.base / name).read_bytes()).hexdigest() for name in files}

    def is_stamped(self) -> bool:
        """Whether .venv was finished for these requirement files."""
        try:
            stamp = json.loads((self.venv / STAMP).read_text())
        except (OSError, ValueError):
            return False
        return isinstance(stamp, dict) and self.hashes().items() <= stamp.items() and self.venv_python.exists()

    def write_stamp(self) -> None:
        stamp: dict[str, str] = {}
        with suppress(OSError, ValueError):
            stamp = json.loads((self.venv / STAMP).read_text())
        # A new requirements.txt makes the old hash of requirements-dev.txt worthless, and the other way round.
        stale = {name for name, digest in self.hashes().items() if stamp.get(name) not in (None, digest)}
        stamp = {} if stale else stamp
        temporary = self.venv / (STAMP + ".new")
        temporary.write_text(json.dumps(stamp | self.hashes()))
        temporary.replace(self.venv / STAMP)

    def ensure(self) -> None:
        """Return when this interpreter can run the command; otherwise go on in .venv and never return."""
        if os.environ.get("SIPADMIN_NO_BOOTSTRAP") == "1":
            absent = self.missing(is_exact=False)
            if absent:
                fail(f"{', '.join(absent)} missing, and SIPADMIN_NO_BOOTSTRAP=1 says not to install anything")
            return
        if self.is_inside():
            if self.is_stamped():
                return
            if not self.missing(is_exact=True):
                with suppress(OSError):
                    self.write_stamp()
                return
        elif not self.missing(is_exact=False):
            return
        if not self.is_stamped():
            with FolderLock(self.base):
                # Somebody else may have finished it while we waited.
                if not self.is_stamped():
                    self.build()
        self.restart()

    def restart(self) -> NoReturn:
        python = str(self.venv_python)
        if os.environ.get("SIPADMIN_BOOTSTRAPPED") == "1" and self.is_inside():
            fail("the installation did not bring everything; delete .venv and try again")
        environment = {**os.environ, "SIPADMIN_BOOTSTRAPPED": "1"}
        sys.stdout.flush()
        os.execve(python, [python, *self.arguments], environment)

    def build(self) -> None:
        if not os.access(self.base, os.W_OK):
            fail(f"cannot write to {self.base}, where .venv belongs; give this user the folder or copy it")
        print(f"sipadmin {VERSION}  first start: preparing this folder (about 30 s, once)", flush=True)
        step = Step(1, self.steps, f"Python {platform.python_version()}, virtual environment .venv")
        # What is there and has a pip only needs the new requirements.
        if self.is_usable():
            pip = [str(self.venv_python), "-m", "pip"]
        else:
            pip = self.make_venv(step)
        step.done()
        self.install(pip)
        self.write_stamp()

    def is_usable(self) -> bool:
        return (self.venv / STAMP).exists() and self.succeeds([str(self.venv_python), "-m", "pip", "--version"])

    def make_venv(self, step: Step) -> list[str]:
        """Make .venv anew; the command that runs pip for it. Ends the process when neither way works."""
        if self.succeeds([self.python, "-m", "venv", "--clear", str(self.venv)]):
            return [str(self.venv_python), "-m", "pip"]
        # Debian without python3-venv has no ensurepip, but a pip outside can install into the folder.
        if self.succeeds([self.python, "-m", "pip", "--version"]) and self.succeeds(
            [self.python, "-m", "venv", "--clear", "--without-pip", str(self.venv)]
        ):
            return [self.python, "-m", "pip", "--python", str(self.venv_python)]
        # The failed attempt left a python without pip behind.
        shutil.rmtree(self.venv, ignore_errors=True)
        step.failed()
        return fail("Python cannot make virtual environments here; as root, once:  apt-get install -y python3-venv")

    def succeeds(self, command: list[str]) -> bool:
        try:
            return subprocess.run(command, capture_output=True, cwd=self.base, check=False).returncode == 0
        except OSError:
            return False

    def install(self, pip: list[str]) -> None:
        count = len(self.wanted())
        step = Step(2, self.steps, f"installing {count} packages")
        command = [*pip, "install", *PIP_OPTIONS, "-r", self.requirements]
        process = subprocess.Popen(
            command, cwd=self.base, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        output: list[str] = []
        collected = 0
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line.rstrip())
            if line.startswith("Collecting "):
                collected += 1
                step.progress(f"{collected} found")
            elif line.startswith("Installing collected"):
                step.progress("unpacking")
        if process.wait() != 0:
            step.failed()
            sys.stderr.write("\n".join(["    " + line for line in output[-8:]]) + "\n")
            fail("pip could not install the packages (above); is there a network, or a package index set for pip?")
        step.done(with_time=True)


class Step:
    """One line ``[1/4] what ..... ok``; on a terminal it is rewritten while the work goes on."""

    WIDTH = 58

    def __init__(self, number: int, of: int, what: str) -> None:
        self.text = f"  [{number}/{of}] {what} "
        self.started_at = time.monotonic()
        self.is_terminal = sys.stdout.isatty()
        self.progress("")

    def progress(self, note: str) -> None:
        if self.is_terminal:
            sys.stdout.write(f"\r\x1b[K{self.text}{note}")
            sys.stdout.flush()

    def done(self, *, with_time: bool = False) -> None:
        elapsed = f"  {time.monotonic() - self.started_at:.0f} s" if with_time else ""
        self.finish(f"ok{elapsed}")

    def failed(self) -> None:
        self.finish("failed")

    def finish(self, word: str) -> None:
        start = "\r\x1b[K" if self.is_terminal else ""
        print(f"{start}{self.text.ljust(self.WIDTH, '.')} {word}", flush=True)


class FolderLock:
    """Two commands on a fresh folder: the second waits for the first."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.descriptor = -1

    def __enter__(self) -> None:
        try:
            import fcntl
        except ImportError:
            return
        with suppress(OSError):
            self.descriptor = os.open(self.base / "requirements.txt", os.O_RDONLY)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


def fail(text: str) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"sipadmin: {text}\n")
    sys.exit(1)


def ensure(arguments: Sequence[str]) -> None:
    """Make sure that this interpreter can run the command in ``arguments`` (sys.argv), or go on in .venv."""
    try:
        Bootstrap(BASE_DIR, arguments).ensure()
    except KeyboardInterrupt:
        sys.stderr.write("\nsipadmin: interrupted; the next start begins again\n")
        sys.exit(130)
