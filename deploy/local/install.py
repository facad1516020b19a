"""`make install`: the `.venv` from the hashed lock. Runs on the system's Python: the standard library is all it has."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements" / "dev.txt"
STAMP = VENV / ".installed"
PYTHON = VENV / "bin" / "python"


def main() -> None:
    with LOCK.open() as turn:
        # Two `make`s at once: the second finds the work done.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _is_current():
            _install()


def _is_current() -> bool:
    return STAMP.exists() and STAMP.stat().st_mtime >= LOCK.stat().st_mtime


def _install() -> None:
    if not PYTHON.exists():
        _say("Making .venv")
        _run(sys.executable, "-m", "venv", str(VENV))
    _say("Installing what requirements/dev.txt locks (about a minute the first time)")
    if not _with_uv():
        _run(str(PYTHON), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(LOCK))
    # The project itself, in place: nothing is resolved and nothing is downloaded.
    _run(str(PYTHON), "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    STAMP.touch()


def _with_uv() -> bool:
    """Install by uv, which is many times faster; False when that does not work here and pip must do it."""
    try:
        _uv_itself()
        env = os.environ | _index_of_pip()
        command = [
            str(VENV / "bin" / "uv"),
            "pip",
            "install",
            "-q",
            "--python",
            str(PYTHON),
            # Ten programs start at once; what they import is compiled here, not by each of them.
            "--compile-bytecode",
            "--require-hashes",
            "-r",
            str(LOCK),
        ]
        subprocess.run(command, check=True, stdout=sys.stderr, env=env)
    except (subprocess.CalledProcessError, OSError) as error:
        _say(f"uv could not do it ({error}); pip goes on")
        return False
    return True


def _uv_itself() -> None:
    found = re.search(r"^uv==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise OSError("the lock holds no uv")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as only:
        only.write(found[0])
        only.flush()
        _run(str(PYTHON), "-m", "pip", "install", "-q", "--require-hashes", "-r", only.name)


def _index_of_pip() -> dict[str, str]:
    """uv does not read pip's configuration; a machine with a mirror has it there."""
    asked = subprocess.run([str(PYTHON), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    settings = dict(re.findall(r"^(?:global\.|install\.|:env:\.)([a-z-]+)='(.*)'$", asked.stdout, re.MULTILINE))
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
    }
    found = {
        variable: settings[name] for name, variable in names.items() if name in settings and variable not in os.environ
    }
    # As pip does: any index may have the locked version, and the hashes decide whether it is the right one.
    return found | ({"UV_INDEX_STRATEGY": "unsafe-best-match"} if "UV_INDEX" in found else {})


def _say(text: str) -> None:
    """To the error stream: `make -s token` prints a token and nothing else."""
    print(text, file=sys.stderr, flush=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})


if __name__ == "__main__":
    main()
