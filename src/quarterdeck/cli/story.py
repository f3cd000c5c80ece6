"""What a fact means to a person, in one line; facts that only keep books say nothing."""

from __future__ import annotations

from functools import singledispatch

from msgspec import Struct

from quarterdeck.cli.output import money, price, quantity
from quarterdeck.domain import (
    AlertCleared,
    AlertRaised,
    BalanceDiffered,
    CapitalDeclared,
    ClockHeld,
    Control,
    ControlChanged,
    DayClosed,
    Effect,
    Evidence,
    ExitDeferred,
    ExitResumed,
    Fact,
    FillBooked,
    FlipAwaited,
    FlipEnded,
    FundingBooked,
    FundsBooked,
    IntentRefused,
    KillVerified,
    LiquidationBooked,
    ListingsAdopted,
    OrderMoved,
    OrderPlanned,
    OrderState,
    OthersSeen,
    ProtectionSettled,
    ProtectionTried,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Side,
    StateUpgraded,
    StrayFound,
    Verdicts,
    instrument_from,
)
from quarterdeck.engine import State, stops_resting
from quarterdeck.guardrails import Verdict, unpack

_QUIET_STATES = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.FILLED, OrderState.PLANNED})
MOVED_BY = {
    Evidence.LOST: "the venue knew it, and denies it again and again",
    Evidence.ABSENCE_PROVEN: "denied often enough after it could last have arrived",
    Evidence.DECLARED_GONE: "a person looked at the venue",
    Evidence.RECOVERED: "found without an answer",
}


class Told(Struct, frozen=True):
    """One line of the story: when, a word for what it is, the text, and how to colour it on a terminal."""

    at_ns: int
    word: str
    text: str
    style: str = ""


@singledispatch
def told(_fact: Fact, _state: State) -> Told | None:
    """
    Tell a fact.

    Args: the fact; the state after it, for names and grids.
    Returns: its line, or None where there is nothing worth a person's time.
    """
    return None


@told.register
def _(fact: SessionOpened, state: State) -> Told:
    orders = f", {len(state.live)} orders still to be settled" if state.live else ""
    return Told(fact.at_ns, "start", f"session {fact.session} owns the bot, epoch {fact.epoch}{orders}", "bold")


@told.register
def _(fact: SessionClosed, _state: State) -> Told:
    return Told(fact.at_ns, "stop", fact.reason, "bold")


@told.register
def _(fact: CapitalDeclared, _state: State) -> Told:
    held = ", ".join(
        f"{money(amount)} {asset} on {venue}" for venue, cash in fact.cash.items() for asset, amount in cash.items()
    )
    positions = "".join(
        f", {quantity(one.qty)} {one.instrument} on {one.venue} at a cost of {money(one.cost)}" for one in fact.holdings
    )
    return Told(fact.at_ns, "capital", f"the bot may call its own: {held}{positions}")


@told.register
def _(fact: OrderPlanned, state: State) -> Told:
    qty = float(state.grids[fact.venue][fact.instrument].lot) * fact.qty_lots
    pair = instrument_from(fact.instrument)
    if fact.trigger_ticks is not None:
        trigger = price(state.grids[fact.venue][fact.instrument].tick * fact.trigger_ticks)
        text = f"{fact.side.value} {quantity(round(qty, 8))} {pair.base} on {fact.venue} once it trades at {trigger}"
        return Told(fact.at_ns, "protect", f"{text}: a stop order of our own", "cyan")
    at = "at market" if fact.limit_ticks is None else "with a limit"
    text = (
        f"{fact.side.value} {quantity(round(qty, 8))} {pair.base} {at} on {fact.venue}, "
        f"about {money(qty * fact.reference_price)} {pair.quote}; {why_this_venue(fact)}"
    )
    return Told(fact.at_ns, "order", text, "cyan")


@told.register
def _(fact: FillBooked, _state: State) -> Told:
    pair = instrument_from(fact.instrument)
    verb = "bought" if fact.side is Side.BUY else "sold"
    has_closed = fact.side is Side.SELL if fact.margin_after is None else fact.realised != 0
    gained = f", realised {money(fact.realised)} {pair.quote}" if has_closed else ""
    text = (
        f"{verb} {quantity(fact.qty)} {pair.base} at {price(fact.price)} on {fact.venue}, "
        f"fee {money(fact.fee, 4)} {fact.fee_asset}{gained}{' (inferred)' if fact.inferred else ''}"
    )
    return Told(fact.at_ns, "fill", text, "green")


@told.register
def _(fact: LiquidationBooked, _state: State) -> Told:
    pair = instrument_from(fact.instrument)
    text = (
        f"{fact.venue} closed {quantity(fact.qty)} {pair.base} by force at {price(fact.price)}, "
        f"fee {money(fact.fee, 4)} {fact.fee_asset}, realised {money(fact.realised)} {pair.quote}"
    )
    return Told(fact.at_ns, "liquidated", text, "bold red")


@told.register
def _(fact: FlipAwaited, _state: State) -> Told:
    text = f"{fact.signal.instrument}: once the position is closed, {fact.signal.action.value} opens the other way"
    return Told(fact.at_ns, "flips", text, "cyan")


@told.register
def _(fact: FlipEnded, _state: State) -> Told | None:
    if not fact.reason:
        return None  # the intent that opens follows
    return Told(fact.at_ns, "no flip", f"{fact.pair} is not opened the other way: {fact.reason}", "yellow")


@told.register
def _(fact: IntentRefused, _state: State) -> Told:
    numbers = "" if fact.verdicts is None else failed_numbers(fact.verdicts)
    return Told(fact.at_ns, "refused", f"{fact.instrument}: {fact.reason}{numbers}", "yellow")


@told.register
def _(fact: OrderMoved, _state: State) -> Told | None:
    if fact.state in _QUIET_STATES:
        return None
    said = [words for words in (MOVED_BY.get(fact.evidence, ""), fact.reason) if words]
    because = f": {'; '.join(said)}" if said else ""
    style = "red" if fact.state is OrderState.UNKNOWN else "yellow"
    return Told(fact.at_ns, fact.state.value.replace("_", " "), f"order {fact.client_id}{because}", style)


@told.register
def _(fact: ExitDeferred, _state: State) -> Told:
    why = fact.intent.cause or fact.intent.source.value
    text = f"the exit of {fact.intent.instrument} ({why}) goes on once the stop order that holds its goods is cancelled"
    return Told(fact.at_ns, "waits", text, "yellow")


@told.register
def _(fact: ExitResumed, _state: State) -> Told:
    return Told(fact.at_ns, "goes on", f"what held the goods of exit {fact.intent_id} has ended", "green")


@told.register
def _(fact: ProtectionTried, _state: State) -> Told | None:
    if fact.tries <= 1:  # a stop follows each entry; only one that was not taken at once is worth a line
        return None
    naked_s, again_s = ((ns - fact.since_ns) / 1e9 for ns in (fact.at_ns, fact.next_ns))
    tried = f"attempt {fact.tries}, the next comes {again_s - naked_s:,.0f} s from now"
    text = f"{fact.instrument} on {fact.venue} has no stop order there for {naked_s:,.0f} s; {tried}"
    return Told(fact.at_ns, "naked", text, "bold red")


@told.register
def _(fact: ProtectionSettled, state: State) -> Told:
    if stops_resting(state, fact.venue, fact.instrument):
        text = "a stop order covers it"
    elif state.selling_lots(fact.venue, fact.instrument):
        text = "it is being sold"
    else:
        text = "there is nothing left to protect"
    return Told(fact.at_ns, "protected", f"{fact.instrument} on {fact.venue}: {text}", "green")


@told.register
def _(fact: OthersSeen, _state: State) -> Told:
    if not fact.orders:
        return Told(fact.at_ns, "others", f"no order of others works on the account of {fact.venue} any more")
    seen = [f"{one.side.value} {one.instrument} {one.client_id or one.venue_order_id}" for one in fact.orders]
    return Told(fact.at_ns, "others", f"{fact.venue}: {', '.join(seen)}; not ours, left alone", "yellow")


@told.register
def _(fact: KillVerified, _state: State) -> Told:
    return Told(fact.at_ns, "verified", f"{fact.venue} lists no order of ours, and none can appear any more", "green")


@told.register
def _(fact: ControlChanged, _state: State) -> Told:
    style = "green" if fact.control is Control.RUNNING else "bold red"
    return Told(fact.at_ns, fact.control.value, f"{fact.reason} (by {fact.who})", style)


@told.register
def _(fact: AlertRaised, _state: State) -> Told:
    return Told(fact.at_ns, "alert", f"{fact.code}: {fact.text}", "bold red")


@told.register
def _(fact: AlertCleared, _state: State) -> Told:
    return Told(fact.at_ns, "over", fact.text, "green")


@told.register
def _(fact: SettingsAdopted, _state: State) -> Told | None:
    if not fact.changes:
        return None
    changes = [f"{one.path} {one.before or 'not set'} → {one.after or 'as the file says'}" for one in fact.changes]
    return Told(fact.at_ns, "settings", f"{'; '.join(changes)} (by {fact.who})", "bold")


@told.register
def _(fact: FundsBooked, _state: State) -> Told:
    moved = f"{money(abs(fact.amount))} {fact.asset} on {fact.venue}"
    text = f"{moved} is the bot's own now" if fact.amount > 0 else f"{moved} is the bot's no more"
    return Told(fact.at_ns, "funds", f"{text} (by {fact.who})", "bold")


@told.register
def _(fact: FundingBooked, _state: State) -> Told:
    verb = "received" if fact.amount > 0 else "paid"
    text = f"{verb} {money(abs(fact.amount), 4)} {fact.asset} for {fact.instrument} on {fact.venue}"
    return Told(fact.at_ns, "funding", text)


@told.register
def _(fact: DayClosed, _state: State) -> Told:
    gained = fact.equity - fact.equity_open - fact.flows
    parts = f"realised {money(fact.realised)}, open {money(fact.unrealised)}, fees {money(fact.fees)}"
    # Seldom anything else; but then the parts add up only with it.
    for name, amount in (("funding", fact.funding), ("currencies revalued", fact.revaluation)):
        parts += f", {name} {money(amount)}" if amount else ""
    moved = f"; moved in {money(fact.flows)}" if fact.flows else ""
    return Told(fact.at_ns, "day", f"{gained:+,.2f}: {parts}{moved}; equity {money(fact.equity)}", "bold")


@told.register
def _(fact: ListingsAdopted, _state: State) -> Told:
    frozen = ", ".join(listing.instrument for listing in fact.listings if not listing.tradable)
    text = f"{fact.venue} changed what it lists" + (f"; not traded now: {frozen}" if frozen else "")
    return Told(fact.at_ns, "listings", text, "yellow")


@told.register
def _(fact: StateUpgraded, _state: State) -> Told:
    return Told(fact.at_ns, "upgrade", f"{fact.software} takes over from {fact.software_before}", "bold")


@told.register
def _(fact: BalanceDiffered, _state: State) -> Told | None:
    if fact.explained:
        return None
    text = f"{fact.venue} holds {quantity(fact.actual)} {fact.asset}, expected {quantity(fact.expected)}"
    return Told(fact.at_ns, "balance", text, "yellow")


@told.register
def _(fact: StrayFound, _state: State) -> Told:
    return Told(fact.at_ns, "stray", f"{fact.venue}: {fact.what} {fact.key}: {fact.detail}", "red")


@told.register
def _(fact: ClockHeld, _state: State) -> Told:
    return Told(fact.at_ns, "clock", f"the clock jumped by {fact.step_ns / 1e9:+.3f} s; nothing is opened", "yellow")


def why_this_venue(fact: OrderPlanned) -> str:
    """Say why an order goes where it goes, with what every venue would have cost."""
    if not fact.routes:
        return f"{fact.venue} was asked for"
    offers = {quote.venue: quote for quote in fact.routes}
    others = [
        f"{quote.venue} {price(quote.effective_price)}{'' if quote.has_liquidity else ' (too thin)'}"
        for quote in fact.routes
        if quote.venue != fact.venue
    ]
    chosen = offers.get(fact.venue)
    after_fees = f"{price(chosen.effective_price)} after fees" if chosen else "no quote"
    if fact.effect is Effect.REDUCE:
        return f"{fact.venue} holds it, {after_fees}"
    return f"{fact.venue} is best at {after_fees}" + (f", {', '.join(others)}" if others else ", the only one")


def failed_numbers(verdicts: Verdicts) -> str:
    """Write the numbers of the rules that refused."""
    failed = [verdict for verdict in unpack(verdicts) if not verdict.passed]
    numbers = [text for verdict in failed if (text := verdict_numbers(verdict))]
    return f" ({'; '.join(numbers)})" if numbers else ""


def verdict_numbers(verdict: Verdict) -> str:
    """Write what a rule compared, if it compared anything."""
    if verdict.value is None or verdict.limit is None:
        return f"{verdict.id} could not be evaluated"
    return f"{verdict.id} {verdict.value:,.6g} against {verdict.limit:,.6g} {verdict.unit}"
