"""
How far the bot may act, worked out anew from losses, commands and what the journal says holds it.

running → paused (timed, no entries) → reducing (exits only) → halted.
"""

from __future__ import annotations

from typing import Any, Final

from tests.audit.independent.figures import SLACK, Figures
from tests.audit.independent.problem import Problem
from tests.audit.independent.records import DAY_NS, MINUTE_NS, ControlChanged, Hold, MarksTaken, Settings

LEVELS: Final = {"running": 0, "paused": 1, "reducing": 2, "halted": 3}
RUNNING, PAUSED, REDUCING, HALTED = range(4)
COMMANDED: Final = {"pause": PAUSED, "reduce": REDUCING, "halt": HALTED, "kill": HALTED}
NEVER_ENDS_NS: Final = 2**63


class Levels:
    """The auditor's own holds, and those that the journal states."""

    def __init__(self) -> None:
        self.paused_until_ns = 0
        self.daily_until_ns = 0
        self.peak_until_ns = 0
        self.deepest_until_ns = 0
        self.stated = RUNNING
        self.holds: tuple[Hold, ...] = ()
        self.killed = False
        self.kill_epoch = 0
        self._expected: str = ""

    def own_level(self, at_ns: int) -> int:
        """The level that losses alone demand."""
        if at_ns < max(self.daily_until_ns, self.peak_until_ns, self.deepest_until_ns):
            return REDUCING
        return PAUSED if at_ns < self.paused_until_ns else RUNNING

    def stated_level(self, at_ns: int) -> int:
        """The level that the journal states; holds whose time is over hold nothing."""
        if not self.holds:
            return self.stated
        lasting = [hold for hold in self.holds if not 0 < hold.until_ns <= at_ns]
        return max([LEVELS[hold.level] for hold in lasting], default=RUNNING)

    def level(self, at_ns: int) -> int:
        return max(self.own_level(at_ns), self.stated_level(at_ns), HALTED if self.killed else RUNNING)

    # --- losses -------------------------------------------------------------------------------------------------------

    def mark(self, fact: MarksTaken, figures: Figures, settings: Settings) -> None:
        """
        See which limits a mark trips.

        2 % in 30 minutes pauses for 15 minutes and empties the window; 5 % of the day-open reduces until 00:00 UTC;
        10 % from the trailing 7-day peak reduces until that peak ages out.
        """
        limits, at_ns = settings.guardrails, fact.at_ns
        level = self.level(at_ns)
        self._expected = ""
        wide, narrow = figures.window_losses(limits)
        if level < REDUCING and at_ns >= self.paused_until_ns:
            if narrow >= limits.loss_rate_max - SLACK:
                self.paused_until_ns = at_ns + limits.loss_rate_pause_min * MINUTE_NS
                figures.empty_window()
                self._expected = "pause"
            elif wide >= limits.loss_rate_max - SLACK:
                self._expected = "perhaps a pause"
        if figures.daily_loss() >= limits.daily_loss_max - SLACK:
            self.daily_until_ns = max(self.daily_until_ns, figures.day_ns + DAY_NS)
        if min(figures.drawdowns(at_ns, limits)) >= limits.drawdown_max - SLACK and at_ns >= self.peak_until_ns:
            self.peak_until_ns = figures.peak_ages_out_ns(limits)
        ever_max = settings.risk.drawdown_max
        if ever_max is not None and figures.drawdown_ever() >= ever_max - SLACK:
            self.deepest_until_ns = NEVER_ENDS_NS

    # --- commands and statements --------------------------------------------------------------------------------------

    def start(self, kill_epoch: int) -> None:
        """A kill file that was raised while nobody ran halts the bot that starts."""
        self.killed = self.killed or kill_epoch > self.kill_epoch
        self.kill_epoch = max(self.kill_epoch, kill_epoch)

    def command(self, payload: dict[str, Any], *, was_answered: bool) -> None:
        """Hear an operator's command before the journal says what it led to."""
        if payload["command"] == "kill" and not was_answered:
            self.killed = True

    def change(self, seq: int, fact: ControlChanged, figures: Figures, payload: dict[str, Any]) -> list[Problem]:
        """Take up what the journal states, and hold it against what must be so."""
        problems = []
        resumed = payload.get("kind") == "ControlAsked" and payload.get("command") == "resume"
        if resumed:
            self._resume(fact, figures, payload)
        elif fact.window_emptied:
            problems += self._check_trip(seq, fact, figures)
        if self.stated_level(fact.at_ns) == HALTED and fact.control != "halted" and not resumed:
            problems.append(Problem(seq, "control", f"a halt was lifted by {fact.who!r}, and nobody resumed"))
        if fact.rebased and not (resumed and payload.get("rebase")):
            problems.append(Problem(seq, "control", "rebased though nobody asked"))
        self.stated, self.holds = LEVELS[fact.control], fact.holds
        if fact.kill_raised:
            self.killed = True
        return problems

    def _resume(self, fact: ControlChanged, figures: Figures, payload: dict[str, Any]) -> None:
        self.killed = fact.kill_raised
        self.kill_epoch = max(self.kill_epoch, int(payload.get("kill_epoch", 0)))
        if fact.window_emptied:
            self.paused_until_ns = 0
            figures.empty_window()
        if fact.rebased and payload.get("rebase"):
            self.daily_until_ns = self.peak_until_ns = self.deepest_until_ns = 0
            figures.rebase()

    def _check_trip(self, seq: int, fact: ControlChanged, figures: Figures) -> list[Problem]:
        """A pause for losses must be due, and last just as long as configured."""
        problems = []
        if self._expected == "perhaps a pause":
            pauses = [hold.until_ns for hold in fact.holds if LEVELS[hold.level] == PAUSED]
            self.paused_until_ns = max(pauses, default=0)
            figures.empty_window()
        elif self._expected != "pause":
            problems.append(Problem(seq, "G2", "a pause for losses that did not happen"))
        self._expected = ""
        if not any(hold.until_ns == self.paused_until_ns for hold in fact.holds):
            ends = ", ".join(str(hold.until_ns) for hold in fact.holds)
            problems.append(Problem(seq, "G2", "the pause for losses ends at another time", ends, self.paused_until_ns))
        return problems

    def after_row(self, seq: int, at_ns: int) -> list[Problem]:
        """See, once all facts of a row are taken, that the journal states no looser level than losses demand."""
        problems = []
        if self._expected == "pause":
            problems.append(Problem(seq, "G2", "the window lost too much, and no pause followed"))
        self._expected = ""
        if self.stated_level(at_ns) < self.own_level(at_ns):
            what = "the journal's level is looser than losses allow"
            problems.append(Problem(seq, "control", what, self.stated_level(at_ns), self.own_level(at_ns)))
        return problems
