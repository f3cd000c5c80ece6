"""A bot made for tests: settings, a market that stands still, and short words for the inputs that drive it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AccountReported,
    Action,
    AlertRaised,
    BotSettings,
    Control,
    ControlAsked,
    CycleDue,
    Effect,
    Evidence,
    Fact,
    FillReported,
    Input,
    IntentAsked,
    Listing,
    OrderKind,
    OrderPlanned,
    OrderReported,
    OrderSeen,
    OrderState,
    Quote,
    Released,
    Side,
    SignalGiven,
    Skew,
    Source,
    Started,
    Stopping,
    Surroundings,
    VenueSettings,
    Woke,
    add,
)
from quarterdeck.engine import State, step
from quarterdeck.orders import Order
from tests.engine.auditor import Auditor

BTC, ETH = "BTC-USD", "ETH-USD"
START_NS = 1_700_000_000_000_000_000 // MINUTE_NS * MINUTE_NS
PRICES = {BTC: 30_000.0, ETH: 2_000.0}
VALIDITY_NS, LAG_NS = 5 * SECOND_NS, SECOND_NS


def listing_of(venue: str = "a", instrument: str = BTC, **changes: object) -> Listing:
    """A listing with a tick of a cent and eight decimals of quantity."""
    plain = Listing(
        venue=venue,
        instrument=instrument,
        base=instrument.split("-", maxsplit=1)[0],
        quote="USD",
        tick=Decimal("0.01"),
        lot=Decimal("0.00000001"),
        lots_min=100,
        lots_max=10**15,
        notional_min=Decimal(1),
        fee_maker=Decimal("0.004"),
        fee_taker=Decimal("0.006"),
    )
    return msgspec.structs.replace(plain, **changes)


def settings_with(**changes: object) -> BotSettings:
    """A bot on two venues, `a` and `b`, with two pairs and a million dollars on each venue."""
    plain = BotSettings(
        bot="b",
        base_currency="USD",
        capital=Decimal(2_000_000),
        pairs=(BTC, ETH),
        venues=tuple(VenueSettings(name, VALIDITY_NS, LAG_NS, {"USD": Decimal(1_000_000)}) for name in "ab"),
        listings=tuple(listing_of(venue, instrument) for venue in "ab" for instrument in (BTC, ETH)),
    )
    return msgspec.structs.replace(plain, **changes)


def quote_at(at_ns: int, venue: str, instrument: str, price: float) -> Quote:
    """A book of five levels a dollar apart around a price."""
    bids = tuple((price - level, 0.5) for level in range(1, 6))
    asks = tuple((price + level, 0.5) for level in range(1, 6))
    return Quote(venue, instrument, at_ns, price, bids, asks)


def market_at(at_ns: int, prices: Mapping[str, float], venues: str, down: tuple[str, ...] = ()) -> Surroundings:
    """The pairs that have a price, on each of the venues; `down` names venues that do not answer."""
    quotes = tuple(quote_at(at_ns, venue, pair, price) for venue in venues for pair, price in prices.items())
    return Surroundings(quotes, down, tuple(Skew(venue, 0.0) for venue in "ab"))


class Bot:
    """A running bot under audit; `at_ns` is the clock of its market, and every input that it took is kept."""

    def __init__(self, settings: BotSettings | None = None, *, started: bool = True) -> None:
        self.settings = settings or settings_with()
        self.state = State()
        self.auditor = Auditor()
        self.at_ns = START_NS
        self.prices = dict(PRICES)
        self.quoted = "ab"
        self.taken: list[tuple[Input, list[Fact]]] = []
        self.trades = 0
        if started:
            self.start()
            self.wake()

    def take(self, news: Input) -> list[Fact]:
        """Let the engine decide an input, fold it, and have the auditor look at it."""
        facts = step(self.state, news)
        self.taken.append((news, facts))
        self.auditor.take(news, facts)
        return facts

    def level(self) -> Control:
        """How far the bot may act at present."""
        return self.state.control

    def later(self, seconds: float) -> "Bot":
        """Let time pass without news."""
        self.at_ns += round(seconds * SECOND_NS)
        return self

    def market(self, down: tuple[str, ...] = ()) -> Surroundings:
        """The market as it stands now."""
        return market_at(self.at_ns, self.prices, self.quoted, down)

    def start(self, kill_epoch: int = 0, *, reconciled: bool = True) -> list[Fact]:
        """Open the next session; unless told otherwise, every account is read, and holds what the trades explain."""
        epoch = self.state.epoch + 1
        facts = self.take(
            Started(
                at_ns=self.at_ns,
                session=f"s{epoch}",
                epoch=epoch,
                software="test",
                settings=self.settings,
                kill_epoch=kill_epoch,
            )
        )
        for venue in self.state.venues if reconciled else ():
            self.account(venue, **self.explained(venue))
        return facts

    def let_go(self) -> "Bot":
        """Stop in good order, so that the next session takes over without a gap."""
        self.take(Stopping(self.at_ns, "SIGTERM"))
        self.take(Released(self.at_ns))
        return self

    def wake(self) -> list[Fact]:
        """Wake the engine without news."""
        return self.take(Woke(self.at_ns, self.market()))

    def cycle(
        self, signals: Mapping[str, Action], bar_ns: int | None = None, market: Surroundings | None = None
    ) -> list[Fact]:
        """Close a bar with these opinions; each call closes the next bar."""
        given = tuple(SignalGiven(instrument, action) for instrument, action in signals.items())
        if bar_ns is None:
            bar_ns = max(self.at_ns, self.state.last_bar_ns + 1)
        return self.take(CycleDue(self.at_ns, bar_ns, given, market or self.market()))

    def buy(self, instrument: str = BTC) -> list[Fact]:
        """Close a bar on which the strategy says BUY."""
        return self.cycle({instrument: Action.BUY})

    def sell(self, instrument: str = BTC) -> list[Fact]:
        """Close a bar on which the strategy says SELL."""
        return self.cycle({instrument: Action.SELL})

    def ask(self, key: str, side: Side = Side.BUY, **more: object) -> list[Fact]:
        """Ask by hand for a change of position."""
        plain = IntentAsked(
            at_ns=self.at_ns,
            key=key,
            source=Source.MANUAL,
            who="tester",
            instrument=BTC,
            side=side,
            effect=Effect.OPEN if side is Side.BUY else Effect.REDUCE,
            surroundings=self.market(),
        )
        return self.take(msgspec.structs.replace(plain, **more))

    def report(self, order: Order, evidence: Evidence, **more: object) -> list[Fact]:
        """Report something about an order."""
        plain = OrderReported(self.at_ns, order.venue, order.client_id, evidence, "v1")
        return self.take(msgspec.structs.replace(plain, **more))

    def absent(self, order: Order, *, venue_at_ns: int | None = None) -> list[Fact]:
        """Have the venue say that it does not know an order, at its own time."""
        at_ns = self.at_ns if venue_at_ns is None else venue_at_ns
        return self.take(OrderReported(self.at_ns, order.venue, order.client_id, Evidence.ABSENT, venue_at_ns=at_ns))

    def fill(self, order: Order, lots: int, **more: object) -> list[Fact]:
        """Report a trade of an order."""
        self.trades += 1
        plain = FillReported(
            at_ns=self.at_ns,
            venue=order.venue,
            client_id=order.client_id,
            trade_id=f"t{self.trades}",
            lots=lots,
            price=Decimal("30001.00"),
            fee=Decimal("0.3"),
            fee_asset="USD",
            liquidity="taker",
            venue_at_ns=self.at_ns,
        )
        return self.take(msgspec.structs.replace(plain, **more))

    def control(self, command: str, key: str = "", kill_epoch: int = 0) -> list[Fact]:
        """Give an operator's command."""
        key = key or f"{command}-{len(self.taken)}"
        return self.take(
            ControlAsked(self.at_ns, key, command, "tester", kill_epoch=kill_epoch, surroundings=self.market())
        )

    def account(self, venue: str = "a", **totals: Decimal) -> list[Fact]:
        """Report a venue's account."""
        return self.take(AccountReported(self.at_ns, venue, totals, (), venue_at_ns=self.at_ns))

    def only_order(self) -> Order:
        """The one order there is."""
        (order,) = self.state.orders.values()
        return order

    def bought(self, instrument: str = BTC) -> Order:
        """Buy, and have it fill at once."""
        before = set(self.state.orders)
        self.buy(instrument)
        (new,) = set(self.state.orders) - before
        order = self.state.orders[new]
        self.report(order, Evidence.ACKNOWLEDGED)
        self.fill(order, order.qty_lots, price=Decimal(str(self.prices[instrument])))
        return order

    def working(self) -> Order:
        """Buy with a limit two percent below the market, and have the venue take it in."""
        key, limit = f"limit-{len(self.taken)}", Decimal(str(round(self.prices[BTC] * 0.98, 2)))
        planned = planned_in(self.ask(key, notional=Decimal(50), limit=limit, order_kind=OrderKind.LIMIT))
        order = self.state.orders[planned[0].client_id]
        self.report(order, Evidence.ACKNOWLEDGED)
        return order

    def unknown(self) -> Order:
        """Buy, and have the reply to the send be lost."""
        (planned,) = planned_in(self.buy())
        order = self.state.orders[planned.client_id]
        self.report(order, Evidence.AMBIGUOUS, venue_order_id="")
        assert order.state is OrderState.UNKNOWN
        return order

    def ended(self, state: OrderState) -> Order:
        """Buy, and bring the order to one of the terminal states, with the evidence that it takes."""
        self.buy()
        order = self.only_order()
        if state is OrderState.FILLED:
            self.fill(order, order.qty_lots)
        elif state is OrderState.NOT_PLACED:
            self.report(order, Evidence.AMBIGUOUS, venue_order_id="")
            self.beyond_bound(order)
            for _ in range(3):
                self.later(2).absent(order)
        else:
            self.report(order, Evidence(state.value))
        assert order.state is state
        return order

    def lost(self) -> Order:
        """Have a limit order work, and its venue know it no more: it is unknown again."""
        order = self.working()
        self.beyond_bound(order)
        for _ in range(3):
            self.later(2).absent(order)
        assert order.state is OrderState.UNKNOWN
        return order

    def beyond_bound(self, order: Order, *, weighed: bool = True) -> int:
        """
        Move the clock past the last instant at which an order could have arrived and become visible.

        Unless told otherwise, the account is read then, and holds just what the bot's trades explain.
        """
        self.at_ns = max(self.at_ns, order.send_by_ns + VALIDITY_NS + LAG_NS + 1)
        if weighed:
            self.account(order.venue, **self.explained(order.venue))
        return self.at_ns

    def explained(self, venue: str) -> dict[str, Decimal]:
        """What an account must hold by what is known of it and by our trades."""
        totals = {**self.state.baselines.get(venue, {})}
        for asset, amount in self.state.cash.get(venue, {}).items():
            totals[asset] = add(totals.get(asset, Decimal(0)), amount)
        for instrument, position in self.state.positions.get(venue, {}).items():
            base = instrument.split("-")[0]
            totals[base] = add(totals.get(base, Decimal(0)), position.qty)
        return totals


def seen_of(order: Order, filled_lots: int = 0) -> OrderSeen:
    """An order as its venue lists it while it works."""
    return OrderSeen(order.client_id, "v9", order.instrument, order.side, order.qty_lots, filled_lots)


def planned_in(facts: Iterable[Fact]) -> list[OrderPlanned]:
    """The orders that were planned."""
    return [fact for fact in facts if isinstance(fact, OrderPlanned)]


def alerts_in(facts: Iterable[Fact]) -> list[str]:
    """The codes of the alerts that were raised."""
    return [fact.code for fact in facts if isinstance(fact, AlertRaised)]


def kinds_in(facts: Iterable[Fact]) -> list[str]:
    """The kinds of the facts."""
    return [type(fact).__name__ for fact in facts]
