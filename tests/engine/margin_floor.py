"""A bot on perpetuals whose venue is the model of an exchange: what the one books must be what the other holds."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from quarterdeck.domain import (
    SECOND_NS,
    ZERO,
    AccountReported,
    BotSettings,
    Evidence,
    Fact,
    FillReported,
    FundingReported,
    MarginReading,
    OrderKind,
    OrderReported,
    OrderState,
    PositionLiquidated,
    Quote,
    RiskSettings,
    SizingSettings,
    Skew,
    Surroundings,
    VenueSettings,
    Woke,
    add,
    multiply,
)
from quarterdeck.engine import CancelOrder, SendOrder, acts_of, due
from quarterdeck.exchange import (
    Event,
    Exchange,
    FundingPaid,
    NewOrder,
    OrderStatus,
    PerpetualRules,
    Personality,
    Refused,
    Trade,
)
from quarterdeck.orders import Order
from tests.engine.driving import Bot, listing_of, settings_with
from tests.engine.scenes import wide

PERP, OTHER = "BTC-USD:USD", "ETH-USD:USD"
ACCOUNT = "bot"
MAINTENANCE = Decimal("0.005")
SAID = {
    OrderState.OPEN: Evidence.ACKNOWLEDGED,
    OrderState.PARTIALLY_FILLED: Evidence.ACKNOWLEDGED,
    OrderState.FILLED: Evidence.FILLED,
    OrderState.CANCELLED: Evidence.CANCELLED,
    OrderState.REJECTED: Evidence.REJECTED,
    OrderState.EXPIRED: Evidence.EXPIRED,
}


def on_margin(cash: str = "10000", leverage: int = 3, **changes: object) -> BotSettings:
    """A bot on two perpetuals of one venue, which may be short; no limit stands in its way but those of money."""
    plain = settings_with(
        capital=Decimal(cash),
        pairs=(PERP, OTHER),
        venues=(VenueSettings("a", 5 * SECOND_NS, SECOND_NS, {"USD": Decimal(cash)}),),
        listings=tuple(listing_of("a", name, lot=Decimal("0.0001"), lots_min=1) for name in (PERP, OTHER)),
        sizing=SizingSettings("quote", Decimal(1_000)),
        risk=RiskSettings(short=True, leverage_max=float(leverage)),
        guardrails=wide(liquidation_multiple_min=0.0, leverage_max=20.0, cooldown_s=0.0, duplicate_window_s=0.0),
    )
    return msgspec.structs.replace(plain, **changes)


class Floor(Bot):
    """A bot and its exchange. What the bot sends arrives at once, and what the exchange does is told at once."""

    def __init__(self, settings: BotSettings | None = None) -> None:
        given = settings or on_margin()
        rules = PerpetualRules(leverage_default=int(given.risk.leverage_max), leverage_max=20, maintenance=MAINTENANCE)
        self.exchange = Exchange.opened("a", given.listings, Personality(perpetuals=rules))
        for asset, amount in given.venues[0].cash.items():
            self.exchange.deposit(ACCOUNT, asset, amount)
        self.told = 0
        super().__init__(given, started=False)
        self.prices = {PERP: 30_000.0, OTHER: 2_000.0}
        self.start(reconciled=False)
        self.read_account()
        self.show()
        self.wake()

    def take_and_act(self, facts: Iterable[Fact]) -> None:
        """Do at the exchange what durable facts ask for, and tell what comes of it."""
        for act in list(acts_of(facts, self.state)):
            if isinstance(act, SendOrder):
                self._send(self.state.orders[act.client_id])
            elif isinstance(act, CancelOrder):
                order = self.state.orders[act.client_id]
                answer, events = self.exchange.cancel(ACCOUNT, act.client_id, self.at_ns)
                if isinstance(answer, Refused):
                    self.take(OrderReported(self.at_ns, "a", order.client_id, Evidence.CANCEL_REFUSED))
                self.tell(events)

    def _send(self, order: Order) -> None:
        limit = None if order.limit_ticks is None else multiply(order.tick, Decimal(order.limit_ticks))
        new = NewOrder(
            order.client_id,
            order.instrument,
            order.side,
            OrderKind.MARKET if limit is None else OrderKind.LIMIT,
            multiply(order.lot, Decimal(order.qty_lots)),
            limit=limit,
            reduce_only=order.effect.value == "reduce",
        )
        answer, events = self.exchange.place(ACCOUNT, new, signed_at_ns=self.at_ns, at_ns=self.at_ns)
        if isinstance(answer, Refused):
            reason = str(answer.reason)
            self.take(OrderReported(self.at_ns, "a", order.client_id, Evidence.REJECTED, reason=reason))
        self.tell(events)

    def tell(self, events: Iterable[Event]) -> None:
        """Tell the bot what happened at the exchange, trades before statuses, and let it act on that."""
        found = list(events)
        for event in found:
            if isinstance(event, Trade):
                self.take_and_act(self.take(self._traded(event)))
        for event in found:
            if isinstance(event, OrderStatus) and event.client_id:
                said = OrderReported(
                    self.at_ns, "a", event.client_id, SAID[event.state], event.venue_order_id, event.filled_lots
                )
                self.take_and_act(self.take(msgspec.structs.replace(said, reason=event.reason)))
            elif isinstance(event, FundingPaid):
                self.take(
                    FundingReported(
                        self.at_ns,
                        "a",
                        event.instrument,
                        event.funding_id,
                        event.asset,
                        event.amount,
                        event.at_ns,
                        event.from_margin,
                    )
                )

    def _traded(self, trade: Trade) -> FillReported | PositionLiquidated:
        if trade.liquidity == "liquidation":
            return PositionLiquidated(
                self.at_ns,
                "a",
                trade.instrument,
                trade.trade_id,
                trade.side,
                trade.lots,
                trade.price,
                trade.fee,
                trade.fee_asset,
                trade.at_ns,
                trade.cursor,
                trade.realised,
            )
        return FillReported(
            self.at_ns,
            "a",
            trade.client_id,
            trade.trade_id,
            trade.lots,
            trade.price,
            trade.fee,
            trade.fee_asset,
            trade.liquidity,
            trade.at_ns,
            trade.cursor,
            trade.realised,
        )

    def quotes(self) -> list[Quote]:
        """A deep book of one level a dollar from each price."""
        return [
            Quote("a", name, self.at_ns, price, ((price - 1.0, 1e6),), ((price + 1.0, 1e6),))
            for name, price in self.prices.items()
        ]

    def market(self, down: tuple[str, ...] = ()) -> Surroundings:
        """The books, and what the venue says of margin."""
        readings = [
            MarginReading("a", one.instrument, float(self.exchange.margin_of(ACCOUNT, one.instrument).leverage),
                          "isolated", 0.0, float(MAINTENANCE))
            for one in self.settings.listings
        ]  # fmt: skip
        return Surroundings(tuple(self.quotes()), down, (Skew("a", 0.0),), tuple(readings))

    def show(self) -> None:
        """Show the market to the exchange: what rests or cannot be carried any more trades."""
        for quote in self.quotes():
            self.tell(self.exchange.quote(quote, tradable=True))

    def wake_while_due(self) -> None:
        """Wake the bot as long as something is due now."""
        for _ in range(20):
            if due(self.state) > self.at_ns:
                return
            self.take_and_act(self.take(Woke(self.at_ns, self.market())))
        raise AssertionError("the bot never came to rest")

    def pass_to(self, seconds: float, **prices: float) -> None:
        """Let time pass and prices change."""
        self.later(seconds)
        self.prices |= {PERP if name == "btc" else OTHER: price for name, price in prices.items()}
        self.show()
        self.wake_while_due()

    def read_account(self) -> list[Fact]:
        """Read the whole account, positions included."""
        return self.take(
            AccountReported(
                self.at_ns, "a", self.exchange.totals(ACCOUNT), (), self.at_ns, self.exchange.positions(ACCOUNT)
            )
        )

    def signal(self, action: str, name: str = PERP) -> None:
        """Close a bar on which the strategy says so, and do what comes of it."""
        facts = self.buy(name) if action == "BUY" else self.sell(name)
        self.take_and_act(facts)
        self.wake_while_due()

    def check(self) -> None:
        """Hold every figure of the books against those of the exchange."""
        self.exchange.check()
        state = self.state
        totals = self.exchange.totals(ACCOUNT)
        assert state.cash["a"]["USD"] == totals["USD"], "cash"
        positions = self.exchange.positions(ACCOUNT)
        margin = ZERO
        for instrument, position in state.positions.get("a", {}).items():
            read = self.exchange.margin_of(ACCOUNT, instrument)
            assert position.qty == positions.get(instrument, ZERO), instrument
            assert position.margin == read.margin, f"margin of {instrument}"
            assert position.cost.copy_abs() == self._cost_at_exchange(instrument), f"cost of {instrument}"
            margin = add(margin, read.margin)
        assert state.margins.get("a", {}).get("USD", ZERO) == margin
        free = self.exchange.balances(ACCOUNT)["USD"][0]
        assert state.free("a", "USD") <= free + Decimal("1e-11"), "more is called free than the exchange lets go"
        if state.equity is not None and state.at_ns == self.at_ns == state.minute_ns:
            worth = float(totals["USD"]) + sum(self._gained(instrument) for instrument in positions)
            assert abs(state.equity - worth) <= 1e-9 * max(abs(worth), 1.0), "equity"

    def _cost_at_exchange(self, instrument: str) -> Decimal:
        held = self.exchange.state.head.positions.get(ACCOUNT, {}).values()
        return next((position.cost for position in held if position.instrument == instrument), ZERO)

    def _gained(self, instrument: str) -> float:
        qty = float(self.exchange.positions(ACCOUNT)[instrument])
        cost = float(self._cost_at_exchange(instrument))
        return qty * self.prices[instrument] - (cost if qty > 0 else -cost)
