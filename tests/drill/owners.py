"""Owners that die, hang or are told to go, each with a successor that stands by; a seed decides how and when."""

from __future__ import annotations

import signal
from random import Random
from typing import Final

from quarterdeck.journal import SqliteReader
from tests.drill.killer import Counts, Waiting, has_begun
from tests.drill.plan import BotPlan
from tests.drill.stage import BotProcess, Stage

KILL_SHARE: Final = 0.55
HANG_SHARE: Final = 0.3
LIFE_S_MAX: Final = 1.0
AIM_S_MAX: Final = 3.0
TAKEOVER_S_MAX: Final = 20.0
# An owner that wakes tells its venues how late it is, and they hear nothing of its successor until the tape is there.
HANG_S_MAX: Final = 4.0


class Owners:
    """Lets one owner follow on another; there is always one more process that waits for the bot."""

    def __init__(self, stage: Stage, plan: BotPlan, random: Random) -> None:
        self._stage = stage
        self._plan = plan
        self._random = random
        self.counts = Counts()
        self.hung = 0
        self.left = 0
        self.starved = 0
        self.owner = self._started()
        self.owner.until(lambda: self._epoch() == 1, "the first session")

    def drill(self, rounds: int) -> None:
        """Let so many owners end, one after another."""
        for _ in range(rounds):
            epoch = self._epoch()
            successor = self._started()
            self._wait_for_an_order()
            if self._end_owner(successor, epoch):
                self._follow(successor, epoch)
        self.owner.signal(signal.SIGTERM)
        assert self.owner.exit_code() == 143, self.owner.said()

    def _end_owner(self, successor: BotProcess, epoch: int) -> bool:
        """End the owner in one way or another; False where it goes on all the same."""
        choice = self._random.random()
        if self.owner.has_ended():
            assert self.owner.exit_code() == 4, self.owner.said()  # a machine under load let its short lease run out
            self.starved += 1
        elif choice < KILL_SHARE:
            self.owner.kill()
            self.counts.kills += 1
        elif choice < KILL_SHARE + HANG_SHARE:
            return self._hang(successor, epoch)
        else:
            self.owner.signal(signal.SIGTERM)
            assert self.owner.exit_code() in {143, 4}, self.owner.said()
            self.left += 1
        return True

    def _follow(self, successor: BotProcess, epoch: int) -> None:
        """Wait until the successor owns the bot."""
        for _ in range(int(TAKEOVER_S_MAX / 0.02)):
            if self._epoch() > epoch or successor.has_ended(0.02):
                break
        else:
            raise AssertionError(f"nobody took over from epoch {epoch}: {successor.said()}")
        self.owner = successor

    def _hang(self, successor: BotProcess, epoch: int) -> bool:
        """Stop the owner until its lease is lost and the successor trades, then let it wake; False where it held on."""
        self.owner.signal(signal.SIGSTOP)
        for _ in range(int(HANG_S_MAX / 0.1)):
            if self._epoch() > epoch or successor.has_ended(0.1):
                break
        successor.has_ended(self._random.uniform(0.0, 0.3))
        self.owner.signal(signal.SIGCONT)
        if self._epoch() == epoch and not self.owner.has_ended(3.0):
            successor.kill()  # it was stopped in a commit, which holds the file, and went on in time
            return False
        assert self.owner.exit_code(10.0) == 4, self.owner.said()
        self.hung += 1
        return True

    def _wait_for_an_order(self) -> None:
        """Return at some instant, most often when an order waits for its answer."""
        if self._random.random() < 0.3:
            self.owner.has_ended(self._random.uniform(0.0, LIFE_S_MAX))
            return
        waiting = Waiting(self._stage)
        try:
            for _ in range(int(AIM_S_MAX / 0.001)):
                if waiting.look() or self.owner.has_ended(0.001):
                    return
        finally:
            waiting.close()

    def _epoch(self) -> int:
        journal = self._stage.folder.journal
        if not has_begun(journal):
            return 0
        with SqliteReader(journal) as reader:
            lease = reader.lease()
        return 0 if lease is None else lease.epoch

    def _started(self) -> BotProcess:
        return self._stage.run(self._plan)
