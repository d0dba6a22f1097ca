"""The server's backups, made and restored by the program's own code, some of them torn."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campus_patrol.audit.rules import SignedHead
from campus_patrol.backups import service as backups
from campus_patrol.cli_keep import sign_heads
from campus_patrol.engines import BackupError
from campus_patrol.settings import Settings
from tests.simulation.stores import PostgresStore, SqliteStore

KEPT = 3


class Backups:
    """The last three backups, and every head that was signed when one was made."""

    def __init__(self, folder: Path, settings: Settings, store: SqliteStore | PostgresStore) -> None:
        self.folder, self.settings, self.store = folder, settings, store
        self.copies: list[Path] = []
        self.heads: list[SignedHead] = []
        self.made = 0
        self.torn: random.Random | None = None
        self.check = backups.check
        backups.check = lambda **how: self._check(**how)

    def reset(self) -> None:
        """Start anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.copies, self.heads = [], []

    def make(self, *, elsewhere: bool, torn: random.Random | None, commit: Callable[[], None]) -> bool:
        """Make one as the command does, in the app's context; return whether it was taken for whole."""
        self.made += 1
        target, self.torn = self.folder / str(self.made), torn
        signed = [head for _, head in sign_heads(self.settings.keys, daily=False)]
        commit()
        try:
            folder, manifest = backups.make(
                settings=self.settings, target=target, off_machine=elsewhere, scratch_url=self.store.scratch
            )
        except BackupError:
            shutil.rmtree(target)
            return False
        finally:
            self.torn = None
        backups.let_go(folder=folder, manifest=manifest)
        commit()
        self.heads += signed
        self.copies.append(folder)
        for old in self.copies[:-KEPT]:
            shutil.rmtree(old)
        self.copies = self.copies[-KEPT:]
        return True

    def restore(self, *, which: int, torn: random.Random | None, commit: Callable[[], None]) -> bool:
        """Put one in place as the command does, in the app's context; return whether it was taken for whole."""
        source, whole = self.copies[which], self.folder / "whole"
        if torn:
            shutil.copytree(source, whole)
            _tear(source, torn)
        try:
            with backups.staged(settings=self.settings, source=source, replace=True) as staged:
                backups.put_in_place(settings=self.settings, staged=staged)
                backups.begin_again(staged=staged, name=source.name)
                commit()
        except BackupError:
            return False
        finally:
            if torn:
                shutil.rmtree(source)
                whole.rename(source)
        self.store.close()
        self.store.forget(staged.aside)
        shutil.rmtree(self.settings.data / staged.aside, ignore_errors=True)
        return True

    def _check(self, *, folder: Path, **how: Any) -> Any:
        if self.torn is not None:
            _tear(folder, self.torn)
        return self.check(folder=folder, **how)


def _tear(folder: Path, chance: random.Random) -> None:
    """Cut the copy of the database short, or change one of its bytes."""
    file = next(path for path in folder.iterdir() if path.name in backups.DATABASES.values())
    content = bytearray(file.read_bytes())
    at = chance.randrange(len(content))
    if chance.random() < 0.5:
        del content[at:]
    else:
        content[at] ^= 0x41
    file.write_bytes(content)
