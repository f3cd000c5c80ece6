"""How soon after a kill is raised the last hop of another process refuses to sign."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import IO

from bench.measuring import ROOT, Effort, Measure, scratch_folder
from quarterdeck.domain import ensure
from quarterdeck.system import KillFile, raise_kill


def kill_switch(effort: Effort) -> list[Measure]:
    """Raise the kill while another process signs as fast as it can, and ask when it was first refused."""
    refused_us, durable_us = [], []
    with scratch_folder() as folder:
        path = folder / "kill"
        KillFile(path).close()
        command = [sys.executable, "-m", "bench.kill_process", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as signer:
            assert signer.stdin is not None
            assert signer.stdout is not None
            for _ in range(effort.rounds * effort.of(4, 1)):
                _arm(signer.stdin, signer.stdout)
                raised_ns = time.monotonic_ns()
                raise_kill(path)
                durable_us.append((time.monotonic_ns() - raised_ns) / 1e3)
                refused_us.append((int(signer.stdout.readline()) - raised_ns) / 1e3)
            signer.stdin.close()
    return [
        Measure("kill: raised → the last hop of another process refuses", "µs", refused_us),
        Measure("  kill: raised → the switch is durable", "µs", durable_us),
    ]


def _arm(stdin: IO[str], stdout: IO[str]) -> None:
    stdin.write("again\n")
    stdin.flush()
    ensure(stdout.readline() == "armed\n", "the signing process ended; it says why on stderr")
