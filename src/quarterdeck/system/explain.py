"""
Why a bot traded, or did not: the way of one intent from opinion to fills, put together from the journal alone.

The rows that speak of an intent are found by an index, so that an answer takes no longer in a long journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.config import Workspace
from quarterdeck.domain import (
    CancelRequested,
    ConfigError,
    ExitDeferred,
    ExitResumed,
    Fact,
    FillBooked,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderMoved,
    OrderPlanned,
    OrderState,
    VenueQuote,
    Verdicts,
    multiply,
)
from quarterdeck.engine import State
from quarterdeck.guardrails import Verdict, unpack
from quarterdeck.journal import decode_facts, intent_of_order, intent_rows, last_intent
from quarterdeck.system.evidence import MEANINGS
from quarterdeck.system.instants import iso
from quarterdeck.system.journals import journal_of
from quarterdeck.system.recover import recover
from quarterdeck.system.tally import as_money
from quarterdeck.system.unsettled import doing_of

ORDERED: Final = "ordered"
REFUSED: Final = "refused"
UNDECIDED: Final = "undecided"
WAITING: Final = "waiting"
PLANNED_BY: Final = "guardrails"
CANCEL_ASKED: Final = "cancel_requested"
UNSETTLED: Final = frozenset({"planned", "open", "partially_filled", "unknown"})


class IntentTold(Struct, frozen=True):
    """What was wanted, and by whom. `asked` counts `asked_unit`: quote, base, or the whole position."""

    id: str
    source: str
    who: str
    effect: str
    side: str
    instrument: str
    asked: Decimal
    asked_unit: str
    kind: str
    limit: Decimal | None
    cause: str
    at: str | None


class SignalTold(Struct, frozen=True):
    """The opinion behind an intent, where there was one."""

    action: str
    confidence: float | None
    bar_at: str | None


class SizeTold(Struct, frozen=True):
    """How large the order became, and which rule said so; `notional` is in base currency, at the price judged."""

    rule: str
    qty: Decimal | None
    notional: Decimal | None


class QuoteTold(Struct, frozen=True):
    """What a venue would have charged: the price after fees, and the fee, in base currency."""

    venue: str
    effective_price: float
    fee: float
    has_liquidity: bool
    instrument: str


class RouteTold(Struct, frozen=True):
    """The venue that was chosen, and what every one offered."""

    chosen: str
    quotes: tuple[QuoteTold, ...]


class StepTold(Struct, frozen=True):
    """One step in the life of an order: what it was taken from, what that means, and what was done because of it."""

    state: str
    at: str | None
    evidence: str
    reason: str
    means: str = ""
    done: str = ""


class WaitTold(Struct, frozen=True):
    """How an exit waited for a stop order that held its goods: from when on, and until when; None while it waits."""

    venue: str | None
    since_at: str | None
    until_at: str | None


class OrderTold(Struct, frozen=True):
    """
    One order of the intent, from its plan to where it stands, and what is being done about it now.

    `trigger` is the price at which a stop order awakes; `protection` says who protects what an entry opens.
    """

    client_id: str
    venue: str
    instrument: str
    side: str
    kind: str
    state: str
    qty: Decimal
    filled: Decimal
    limit: Decimal | None
    price: float
    states: tuple[StepTold, ...]
    size: SizeTold
    route: RouteTold
    verdicts: tuple[Verdict, ...]
    trigger: Decimal | None = None
    protection: str = ""
    doing: str = ""


class FillTold(Struct, frozen=True):
    """A trade of an order of the intent."""

    trade_id: str
    venue: str
    client_id: str
    intent_id: str
    instrument: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    realised: Decimal
    inferred: bool
    at: str | None
    seq: int


class Explanation(Struct, frozen=True):
    """
    The whole way of one intent.

    `size`, `route` and `verdicts` are those of `order`, or of the order that would have been; `orders` are all of
    the intent. `decision` is ordered, refused, waiting or undecided; of a refusal `stage`, `reason` and `failed` say
    more. `waited` tells of stop orders that had to make way for an exit.
    """

    bot: str
    intent: IntentTold
    signal: SignalTold | None
    size: SizeTold
    route: RouteTold
    verdicts: tuple[Verdict, ...]
    decision: str
    stage: str
    reason: str
    failed: tuple[str, ...]
    order: OrderTold | None
    orders: tuple[OrderTold, ...]
    fills: tuple[FillTold, ...]
    journal_seqs: tuple[int, ...]
    waited: tuple[WaitTold, ...] = ()


def explain(workspace: Workspace, bot: str, target: str | None) -> Explanation:
    """
    Tell the way of an intent.

    Args:
        workspace: Whose bot it is.
        bot: Its name.
        target: An intent's id, or the client id of one of its orders; None for the last intent.

    Raises:
        ConfigError: If the bot never ran, never wanted anything, or the journal does not know the target.
    """
    journal = journal_of(workspace, bot)
    intent_id = last_intent(journal) if target is None else intent_of_order(journal, target) or target
    if intent_id is None:
        raise ConfigError(f"bot {bot!r} has not wanted to trade yet; 'quarterdeck explain {bot} --bar T' tells why")
    found = told_intent(bot, journal, intent_id, target)
    if found is None:
        raise ConfigError(
            f"the journal of {bot!r} knows no intent and no order {target!r}; "
            f"'quarterdeck orders {bot} --all' lists orders, and 'quarterdeck events {bot}' refusals"
        )
    return _with_present(found, journal)


def _with_present(told: Explanation, journal: Path) -> Explanation:
    """Add what is being done now about orders that are not settled; the rows tell only what was."""
    if not any(order.state in UNSETTLED for order in told.orders):
        return told
    state = recover(journal).state
    orders = tuple(replace(order, doing=_present(state, order)) for order in told.orders)
    chosen = next((one for one in orders if told.order is not None and one.client_id == told.order.client_id), None)
    return replace(told, orders=orders, order=chosen)


def _present(state: State, told: OrderTold) -> str:
    order = state.orders.get(told.client_id)
    return "" if order is None else doing_of(state, order)


def told_intent(bot: str, journal: Path, intent_id: str, order_id: str | None = None) -> Explanation | None:
    """Put together what a journal says of an intent; None where it says nothing."""
    story = _Story(intent_id)
    for row in intent_rows(journal, intent_id):
        story.take(row.seq, decode_facts(row.body))
    return story.told(bot, order_id)


def bot_of(workspace: Workspace, target: str) -> str:
    """
    Find the bot that an intent or order belongs to.

    Raises:
        ConfigError: If no bot of the workspace knows it.
    """
    there = bots_that_ran(workspace)
    first = target.partition(":")[0]
    for bot in sorted(there, key=lambda name: name != first):
        journal = journal_of(workspace, bot)
        if intent_of_order(journal, target) is not None or intent_rows(journal, target):
            return bot
    known = ", ".join(there) or "none that ever ran"
    raise ConfigError(f"no bot of {workspace.root} knows an intent or order {target!r}; there are: {known}")


def only_bot(workspace: Workspace) -> str:
    """
    Give the one bot that is meant where none is named.

    Raises:
        ConfigError: If there are several, or none that ever ran.
    """
    there = bots_that_ran(workspace)
    if len(there) != 1:
        known = ", ".join(there) or "none that ever ran"
        raise ConfigError(f"say which bot with --bot BOT; there are: {known}")
    return there[0]


def bots_that_ran(workspace: Workspace) -> list[str]:
    """Name the bots of a workspace that have a journal, configured or not any more; what was moved aside is none."""
    names = [path.parent.name for path in workspace.run.glob("*/journal.db")]
    return sorted(name for name in names if not name.startswith("."))


class _Story:
    """Gathers what rows say of one intent, in the order of the journal."""

    def __init__(self, intent_id: str) -> None:
        self._id = intent_id
        self._seqs: list[int] = []
        self._formed: IntentFormed | None = None
        self._refused: IntentRefused | None = None
        self._planned: dict[str, OrderPlanned] = {}
        self._steps: dict[str, list[StepTold]] = {}
        self._booked: dict[str, int] = {}
        self._fills: list[FillTold] = []
        self._waits: list[WaitTold] = []

    def take(self, seq: int, facts: Iterable[Fact]) -> None:
        """Take the facts of a row in; those of other intents are passed over."""
        if sum([self._take(seq, fact) for fact in facts]):
            self._seqs.append(seq)

    def _take(self, seq: int, fact: Fact) -> bool:
        match fact:
            case IntentFormed() if fact.intent.id == self._id:
                self._formed = fact
            case IntentRefused() if fact.intent_id == self._id:
                self._refused = fact
            case ExitDeferred() if fact.intent.id == self._id:
                self._formed = self._formed or IntentFormed(fact.at_ns, fact.intent)
                self._waits.append(WaitTold(fact.venue, iso(fact.at_ns), None))
            case ExitResumed() if fact.intent_id == self._id:
                self._waits = [replace(one, until_at=one.until_at or iso(fact.at_ns)) for one in self._waits]
            case OrderPlanned() if fact.intent_id == self._id:
                self._planned[fact.client_id] = fact
                self._step(fact.client_id, OrderState.PLANNED, fact.at_ns, (PLANNED_BY, ""))
            case OrderMoved() if fact.client_id in self._planned:
                self._step(fact.client_id, fact.state, fact.at_ns, (fact.evidence.value, fact.reason))
            case CancelRequested() if fact.client_id in self._planned:
                state = OrderState(self._steps[fact.client_id][-1].state)
                self._step(fact.client_id, state, fact.at_ns, (CANCEL_ASKED, fact.reason))
            case FillBooked() if fact.client_id in self._planned:
                self._step(fact.client_id, fact.state, fact.at_ns, ("fill", "inferred" if fact.inferred else ""))
                self._booked[fact.client_id] = fact.booked_lots_after
                self._fills.append(_fill(seq, fact))
            case _:
                return False
        return True

    def _step(self, client_id: str, state: OrderState, at_ns: int, said: tuple[str, str]) -> None:
        evidence, reason = said
        means, done = MEANINGS.get(evidence, ("", ""))
        self._steps.setdefault(client_id, []).append(StepTold(state.value, iso(at_ns), evidence, reason, means, done))

    def told(self, bot: str, order_id: str | None) -> Explanation | None:
        """Tell it, with one order in the foreground; None where nothing was found."""
        if self._formed is None:
            return None
        refused = self._refused
        orders = tuple(self._order(planned) for planned in self._planned.values())
        chosen = next((order for order in orders if order.client_id == order_id), orders[0] if orders else None)
        shown = chosen or _Unplaced.of(refused)
        intent = self._formed.intent
        return Explanation(
            bot=bot,
            intent=_intent(intent, self._formed.at_ns),
            signal=_signal(intent),
            size=shown.size,
            route=shown.route,
            verdicts=shown.verdicts,
            decision=self._decision(orders),
            stage=refused.stage if refused else "",
            reason=refused.reason if refused else "",
            failed=refused.failed if refused else (),
            order=chosen,
            orders=orders,
            fills=tuple(self._fills),
            journal_seqs=tuple(self._seqs),
            waited=tuple(self._waits),
        )

    def _decision(self, orders: tuple[OrderTold, ...]) -> str:
        if orders:
            return ORDERED
        if self._refused is not None:
            return REFUSED
        return WAITING if self._waits and self._waits[-1].until_at is None else UNDECIDED

    def _order(self, planned: OrderPlanned) -> OrderTold:
        qty = multiply(planned.lot, Decimal(planned.qty_lots))
        limit = _in_ticks(planned, planned.limit_ticks)
        steps = self._steps[planned.client_id]
        return OrderTold(
            client_id=planned.client_id,
            venue=planned.venue,
            instrument=planned.instrument,
            side=planned.side.value,
            kind=planned.order_kind.value,
            state=steps[-1].state,
            qty=qty,
            filled=multiply(planned.lot, Decimal(self._booked.get(planned.client_id, 0))),
            limit=limit,
            trigger=_in_ticks(planned, planned.trigger_ticks),
            protection=planned.protection,
            price=planned.reference_price,
            states=tuple(steps),
            size=SizeTold(planned.sized_by, qty, as_money(float(qty) * planned.reference_price * planned.rate)),
            route=_route(planned.venue, planned.routes),
            verdicts=_verdicts(planned.verdicts),
        )


def _in_ticks(planned: OrderPlanned, ticks: int | None) -> Decimal | None:
    return None if ticks is None else multiply(planned.tick, Decimal(ticks))


class _Unplaced(Struct, frozen=True):
    """What was known of the order that a refusal prevented."""

    size: SizeTold
    route: RouteTold
    verdicts: tuple[Verdict, ...]

    @staticmethod
    def of(refused: IntentRefused | None) -> _Unplaced:
        if refused is None:
            return _Unplaced(SizeTold("", None, None), RouteTold("", ()), ())
        worth = None if refused.qty is None else as_money(float(refused.qty) * refused.price)
        return _Unplaced(
            size=SizeTold(refused.sized_by, refused.qty, worth),
            route=_route(refused.venue, refused.routes),
            verdicts=_verdicts(refused.verdicts),
        )


def _intent(intent: Intent, at_ns: int) -> IntentTold:
    return IntentTold(
        id=intent.id,
        source=intent.source.value,
        who=intent.who,
        effect=intent.effect.value,
        side=intent.side.value,
        instrument=intent.instrument,
        asked=intent.asked,
        asked_unit=intent.asked_unit,
        kind=intent.order_kind.value,
        limit=intent.limit,
        cause=intent.cause,
        at=iso(at_ns),
    )


def _signal(intent: Intent) -> SignalTold | None:
    if intent.action is None:
        return None
    return SignalTold(intent.action.value, intent.confidence, None if intent.bar_ns is None else iso(intent.bar_ns))


def _route(chosen: str, quotes: Sequence[VenueQuote]) -> RouteTold:
    return RouteTold(
        chosen,
        tuple(QuoteTold(one.venue, one.effective_price, one.fee, one.has_liquidity, one.instrument) for one in quotes),
    )


def _verdicts(verdicts: Verdicts | None) -> tuple[Verdict, ...]:
    return () if verdicts is None else tuple(unpack(verdicts))


def _fill(seq: int, fact: FillBooked) -> FillTold:
    return FillTold(
        trade_id=fact.trade_id,
        venue=fact.venue,
        client_id=fact.client_id,
        intent_id=fact.intent_id,
        instrument=fact.instrument,
        side=fact.side.value,
        qty=fact.qty,
        price=fact.price,
        fee=fact.fee,
        fee_asset=fact.fee_asset,
        liquidity=fact.liquidity,
        realised=fact.realised,
        inferred=fact.inferred,
        at=iso(fact.venue_at_ns or fact.at_ns),
        seq=seq,
    )
