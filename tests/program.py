"""Run the real program in a process of its own, as a school does."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-c", "from campus_patrol.cli import main; main(prog_name='campus-patrol')")


def environment(**extra: str) -> dict[str, str]:
    """The environment of a person who set nothing, in English."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAMPUS_PATROL_", "FORCE_COLOR"))
    }
    path = os.pathsep.join([str(ROOT / "backend"), str(ROOT)])
    return {**clean, "PYTHONPATH": path, "LC_ALL": "C.UTF-8", "COLUMNS": "120", **extra}


def run(*arguments: object, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one command without a terminal; returns what it said."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_port() -> int:
    """Find a port that is free together with the next one."""
    while True:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as first:
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port + 1)):
                return port


@dataclass
class Served:
    """A server that answers."""

    process: subprocess.Popen[str]
    port: int
    output: Path

    def stop(self, how: int = signal.SIGTERM) -> float:
        """Stop it; returns the seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(30)
        return time.monotonic() - begun


@contextlib.contextmanager
def serving(
    *arguments: object, port: int, output: Path, seconds: float = 30, **extra: str
) -> Iterator[Served]:
    """Start a command that serves at a port, wait until it says that it does, and stop it afterwards."""
    with output.open("w") as said:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--port", str(port)],
            env=environment(**extra),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        deadline = time.monotonic() + seconds
        while "Press Ctrl+C" not in output.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it does not serve: {output.read_text()}")
            time.sleep(0.05)
        yield Served(process, port, output)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def capture(*command: object) -> str:
    """Run another program and return what it said; fails with its own words."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout
