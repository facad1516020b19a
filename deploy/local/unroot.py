"""PostgreSQL refuses to run as root. This is how root runs it all the same."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
from pathlib import Path


def _guest() -> pwd.struct_passwd:
    """An account that every system has; initdb looks its name up."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)


@functools.cache
def prefix() -> tuple[str, ...]:
    """The words to put before a PostgreSQL command: none for a plain user.

    Root gets a user namespace in which the same files belong to somebody else, so that a clone under a private folder
    (0700) works too. Where namespaces are forbidden, root steps down to `nobody`, who must be able to read the clone.
    """
    if os.geteuid() != 0:
        return ()
    guest = _guest()
    mapped = ("unshare", "--user", f"--map-user={guest.pw_uid}", f"--map-group={guest.pw_gid}", "--")
    if shutil.which("unshare") and subprocess.run([*mapped, "true"], capture_output=True, check=False).returncode == 0:
        return mapped
    if shutil.which("setpriv"):
        return ("setpriv", f"--reuid={guest.pw_uid}", f"--regid={guest.pw_gid}", "--clear-groups", "--")
    raise RuntimeError("PostgreSQL does not run as root, and neither unshare nor setpriv (util-linux) is installed")


def give(folder: Path) -> None:
    """Hand a folder to whoever PostgreSQL runs as; nothing to do unless root steps down to another account."""
    if prefix()[:1] == ("setpriv",):
        guest = _guest()
        os.chown(folder, guest.pw_uid, guest.pw_gid)
