"""What spot accounts borrow, what it costs, and when it is too much."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quarterdeck.domain import ZERO, Listing, add, multiply, quantize, share_of, subtract
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.matching import Market
from quarterdeck.exchange.messages import Event, InterestCharged
from quarterdeck.exchange.personality import MarginRules
from quarterdeck.exchange.state import ExchangeState, VenueOrder

HOUR_NS: Final = 3_600_000_000_000
_STEP: Final = Decimal("1e-8")
_ONE: Final = Decimal(1)


class Lending:
    """
    Loans of accounts. Everything is valued in the one asset of the rules, at the last prices.

    What an order is short of is borrowed when it is placed; what it brings, and what it frees, pays back. An asset
    without a price is worth nothing and cannot be borrowed.
    """

    def __init__(self, state: ExchangeState, ledger: Ledger, market: Market, rules: MarginRules) -> None:
        self._state = state
        self._ledger = ledger
        self._market = market
        self._rules = rules

    @property
    def listings(self) -> list[Listing]:
        """The listings that are traded on margin."""
        return [
            listing
            for listing in self._state.setup.listings.values()
            if listing.quote == self._rules.asset and not listing.is_perpetual
        ]

    def room(self, order: VenueOrder) -> Decimal:
        """Tell how much more of its lock asset may be borrowed for an order."""
        prices = self._prices()
        price = prices.get(order.lock_asset)
        if price is None or self._state.setup.listings[order.instrument].quote != self._rules.asset:
            return ZERO
        worth, debt = self._value(order.account, prices)
        equity = subtract(worth, debt)
        most = subtract(multiply(equity, Decimal(self._rules.leverage_max)), worth)
        if most <= 0:
            return ZERO
        # Half a step is left: the share is rounded, and may not come out above what is allowed.
        return max(ZERO, subtract(share_of(most, _ONE, price, _STEP), _STEP))

    def provide(self, order: VenueOrder, more: Decimal) -> None:
        """Borrow what an order is about to hold more than is free."""
        short = subtract(more, self._ledger.free(order.account, order.lock_asset))
        if short > 0:
            self._ledger.borrow(order.account, order.lock_asset, short)

    def is_breached(self, account: str) -> bool:
        """Tell whether the equity of an account is too little for what it borrowed."""
        worth, debt = self._value(account, self._prices())
        return debt > 0 and subtract(worth, debt) <= multiply(debt, self._rules.maintenance)

    def charge(self) -> list[Event]:
        """Charge an hour's interest to everybody who owes something."""
        head = self._state.head
        charged: list[Event] = []
        for account, loans in head.loans.items():
            for asset in list(loans):
                amount = quantize(multiply(loans[asset], self._rules.interest_per_hour), _STEP)
                if amount > 0:
                    self._ledger.charge_interest(account, asset, amount)
                    head.payment_number += 1
                    charged.append(
                        InterestCharged(
                            interest_id=f"i{head.payment_number}",
                            account=account,
                            asset=asset,
                            amount=amount,
                            borrowed=loans[asset],
                            at_ns=head.now_ns,
                        )
                    )
        self._ledger.check()
        return charged

    def _value(self, account: str, prices: dict[str, Decimal]) -> tuple[Decimal, Decimal]:
        """Value what an account holds, and what it owes."""
        worth = debt = ZERO
        for asset, balance in self._state.head.accounts[account].items():
            worth = add(worth, multiply(add(balance.free, balance.locked), prices.get(asset, ZERO)))
        for asset, owed in self._state.head.loans.get(account, {}).items():
            debt = add(debt, multiply(owed, prices.get(asset, ZERO)))
        return worth, debt

    def _prices(self) -> dict[str, Decimal]:
        prices = {self._rules.asset: _ONE}
        for listing in self.listings:
            ticks = self._market.mark_ticks(listing.instrument)
            if ticks is not None:
                prices[listing.base] = multiply(Decimal(ticks), listing.tick)
        return prices
