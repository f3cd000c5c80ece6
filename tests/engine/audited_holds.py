"""The auditor's own rules of holds: who may put one on, who lifts it, and what follows from all of them."""

from quarterdeck.domain import Control, ControlAsked, ControlChanged, Hold, Input
from tests.engine.breach import require

ORDER = [Control.RUNNING, Control.PAUSED, Control.REDUCING, Control.HALTED]
OF_LOSS = ("G2", "G5", "G6", "drawdown_max")
LIFTED_BY_REBASE_ALONE = ("G5", "G6", "drawdown_max")
LIFTED_BY_TIME_ALONE = "takeover"


class AuditedHolds:
    """Follows every change of the control level."""

    def __init__(self) -> None:
        self.holds: dict[str, Hold] = {}
        self.control = Control.RUNNING
        self.expected: dict[str, Hold] = {}

    def expect(self, hold: Hold) -> None:
        """A mark reached a limit: this hold must follow before the input is over, unless it is on already."""
        if hold.cause not in self.holds:
            self.expected[hold.cause] = hold

    def settle(self) -> None:
        """An input is over; nothing may be left that should have followed."""
        require("trips", not self.expected, f"no hold followed: {self.expected}")

    def change(self, fact: ControlChanged, news: Input | None) -> None:
        """Look at one change: what was lifted, what was put on, and the level that follows."""
        after = {hold.cause: hold for hold in fact.holds}
        resumed = isinstance(news, ControlAsked) and news.command == "resume"
        rebased = resumed and isinstance(news, ControlAsked) and news.rebase
        require("holds", rebased or not fact.rebased, "peaks were set anew though nobody asked for it")
        for cause, hold in self.holds.items():
            over = 0 < hold.until_ns <= fact.at_ns
            lifted = over or (resumed and (rebased or cause not in LIFTED_BY_REBASE_ALONE))
            lifted = over if cause == LIFTED_BY_TIME_ALONE else lifted
            if cause not in after:
                rule = "halt" if hold.level is Control.HALTED else "holds"
                require(rule, lifted, f"the hold of {cause} was lifted by nobody who may")
            elif not lifted:
                require("holds", _as_tight(after[cause], hold), f"the hold of {cause} became milder")
        for cause, hold in after.items():
            if cause in OF_LOSS and cause not in self.holds:
                want = self.expected.pop(cause, None)
                require("trips", want is not None, f"{cause} tripped though no limit was reached")
                if want is not None:
                    same = (hold.level, hold.until_ns) == (want.level, want.until_ns)
                    require("trips", same, f"{cause} holds {hold.level} until {hold.until_ns}, not {want}")
        level = max((hold.level for hold in after.values()), key=ORDER.index, default=Control.RUNNING)
        require("holds", fact.control is level, f"is {fact.control} under holds that make it {level}")
        self.holds, self.control = after, fact.control


def _as_tight(after: Hold, before: Hold) -> bool:
    """Whether a hold that took the place of another one is no milder, and lasts no shorter."""
    lasts = after.until_ns == 0 or 0 < before.until_ns <= after.until_ns
    return ORDER.index(after.level) > ORDER.index(before.level) or (after.level is before.level and lasts)
