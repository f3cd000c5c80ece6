"""Who owns the bot, and that nobody has to wait for it longer than a lease."""

from collections.abc import Callable

from quarterdeck.journal import LEASE_NS
from tests.simulation.breach import require
from tests.simulation.coverage import Coverage
from tests.simulation.durable import Durable
from tests.simulation.virtual_time import Process


class Ownership:
    """
    Follows every process that wants the bot.

    I32: a lease never lasts longer than it may, and who asks for a bot that nobody owns gets it at once. As a
    successor asks every half second, it is active within a lease and a half second.
    """

    def __init__(self, durable: Durable, coverage: Coverage, steady_ns: Callable[[], int]) -> None:
        self._durable = durable
        self._coverage = coverage
        self._steady_ns = steady_ns
        self._seeker: Process | None = None
        self._waited = False

    def seeks(self, process: Process) -> None:
        """
        Take note that a process asks for the bot, just before it does.

        Raises:
            Breach: If the lease lasts too long, or if the last one who asked did not get what was free.
        """
        lease, now_ns = self._durable.lease(), self._steady_ns()
        before = self._seeker
        require(
            before is None, "I32", f"{before and before.name} asked for the bot that nobody owned, and is not its owner"
        )
        if lease is None or lease.is_free(lease.boot_id, now_ns):
            self._seeker = process
            return
        left_ns = lease.until_boot_ns - now_ns
        require(left_ns <= LEASE_NS, "I32", f"the lease of epoch {lease.epoch} lasts another {left_ns / 1e9:.1f} s")
        self._waited = True

    def took(self, process: Process) -> None:
        """Take note that a process owns the bot now."""
        if self._seeker is process:
            self._seeker = None
            if self._waited:
                self._coverage.hit("successor got the lease when it was over")
                self._waited = False
