"""Folders that a command works in, of which nothing is left lying, also when the command was killed."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# Between making a folder and holding it there is a moment in which it looks abandoned.
_YOUNG = 60


@contextlib.contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder that is gone afterwards, unless it was renamed; those that killed commands left go first."""
    for path in parent.glob(f"{prefix}*"):
        if _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    held = _hold(folder)
    try:
        yield folder
    finally:
        if held is not None:
            os.close(held)
        shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _YOUNG and (held := _hold(folder)) is not None:
            os.close(held)
            return True
    return False


def _hold(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; None when another has it, or the system has no such locks."""
    if os.name != "posix":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
