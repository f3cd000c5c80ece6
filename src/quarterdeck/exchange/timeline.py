"""What falls due by itself when time passes: late decisions, dead man's switches, interest."""

from __future__ import annotations

from quarterdeck.domain import OrderState
from quarterdeck.exchange.execution import Execution
from quarterdeck.exchange.intake import Intake
from quarterdeck.exchange.lending import HOUR_NS
from quarterdeck.exchange.messages import Event, Refusal
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.state import ExchangeState


class Timeline:
    """
    Moves the time of the exchange, which never goes back.

    Each thing happens at its own instant, in order, however far the time moves at once: the same history comes of
    many small steps and of one large one.
    """

    def __init__(self, state: ExchangeState, intake: Intake, registry: Registry, execution: Execution) -> None:
        self._state = state
        self._intake = intake
        self._registry = registry
        self._execution = execution

    @property
    def next_ns(self) -> int | None:
        """When the next thing falls due by itself; None while nothing does."""
        head = self._state.head
        due = list(head.switches.values())
        if head.pending:
            due.append(next(iter(head.pending.values())).due_ns)  # they wait in the order of arrival
        if head.loans:
            due.append(head.now_ns - head.now_ns % HOUR_NS + HOUR_NS)
        return min(due) if due else None

    def move_to(self, at_ns: int) -> list[Event]:
        """Let time pass until an instant; return what fell due, and what was not told before."""
        head, state = self._state.head, self._state
        if head.pending or head.switches or head.loans:
            until_ns = max(at_ns, head.now_ns)
            while (next_ns := self.next_ns) is not None and next_ns <= until_ns:
                if next_ns > head.now_ns:
                    head.now_ns = next_ns
                    self._charge_interest(state.untold)
                self._happen(state.untold)
        head.now_ns = max(head.now_ns, at_ns)
        if not state.untold:
            return []
        events, state.untold = state.untold, []
        return events

    def _happen(self, events: list[Event]) -> None:
        """Do what was put off until now."""
        head = self._state.head
        self._intake.decide_due(events)
        for account in [account for account, at_ns in head.switches.items() if at_ns <= head.now_ns]:
            del head.switches[account]
            orders = self._registry.working_of(account)
            events += [self._execution.end(order, OrderState.CANCELLED, Refusal.DEAD_MAN) for order in orders]

    def _charge_interest(self, events: list[Event]) -> None:
        """Charge for the hour that ends now, if one does."""
        head = self._state.head
        if head.loans and head.now_ns % HOUR_NS == 0 and self._execution.lending is not None:
            events += self._execution.lending.charge()
