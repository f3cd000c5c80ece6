"""Profit and loss, exact: running totals of a bot, and the day between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct

from quarterdeck.domain import ZERO, BotSettings, DayClosed, add, ensure, instrument_from, share_of, subtract
from quarterdeck.portfolio.position import Position

WORTH_STEP: Final = Decimal("1e-12")
_ONE: Final = Decimal(1)


class Sums(Struct, frozen=True):
    """
    What was made and paid since the beginning, by asset and in units of it.

    `realised` is by quote asset; `fees` are those paid out of cash, so that one taken in the coin traded is not here.
    """

    realised: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    funding: dict[str, Decimal] = {}


class Totals(Struct, frozen=True):
    """
    Running totals of a bot in base currency.

    `realised`, `fees` and `funding` add up what each day brought at the rates of its close, `flows` what deposits were
    worth when they came; `unrealised` is the open profit now. `sums` are the same by asset. `plain`: nothing but the
    base currency ever was in the books.
    """

    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    flows: Decimal
    fills: int
    sums: Sums = Sums()
    plain: bool = False


class Bookkeeping(Protocol):
    """
    What totals are made of: the exact books of a bot.

    `fees` are all fees by asset, `coin_fees` those of them that came off a position instead of cash. `flows` is in base
    currency. `day_totals` are the totals at the open of the day.
    """

    @property
    def settings(self) -> BotSettings | None:
        """Where the base currency is said."""
        ...

    @property
    def cash(self) -> Mapping[str, Mapping[str, Decimal]]:
        """Venue → asset → amount."""
        ...

    @property
    def positions(self) -> Mapping[str, Mapping[str, Position]]:
        """Venue → instrument → position, the closed ones included."""
        ...

    @property
    def fees(self) -> Mapping[str, Decimal]:
        """Asset → all fees."""
        ...

    @property
    def coin_fees(self) -> Mapping[str, Decimal]:
        """Asset → those fees that came off a position."""
        ...

    @property
    def funding(self) -> Mapping[str, Decimal]:
        """Asset → funding received."""
        ...

    @property
    def flows(self) -> Decimal:
        """Deposits less withdrawals, in base currency."""
        ...

    @property
    def fills(self) -> int:
        """How many fills were booked."""
        ...

    @property
    def day_totals(self) -> Totals | None:
        """The totals at the open of the day."""
        ...


def sums_of(books: Bookkeeping) -> Sums:
    """Add up what was made and paid so far, by asset."""
    realised: dict[str, Decimal] = {}
    for _, instrument, position in _positions(books):
        quote = instrument_from(instrument).quote
        realised[quote] = add(realised.get(quote, ZERO), position.realised)
    fees = {asset: subtract(paid, books.coin_fees.get(asset, ZERO)) for asset, paid in books.fees.items()}
    return Sums(realised=realised, fees=fees, funding=dict(books.funding))


def totals_of(
    books: Bookkeeping, rates: Mapping[str, Decimal], prices: Mapping[tuple[str, str], Decimal]
) -> Totals | None:
    """
    Work out the running totals at given rates and prices.

    Args:
        books: The books of the bot.
        rates: Asset → base currency for one unit; the base currency itself included.
        prices: (Venue, instrument) → quote per base, of everything held.

    Returns:
        The totals, or None where something held has no price, where something held, made or paid has no rate, or
        before there is any capital.

    Raises:
        Bug: If the totals at the open of the day were carried over without their sums.
    """
    opened, sums = books.day_totals, sums_of(books)
    if opened is None:
        return None
    ensure(not opened.fills or bool(opened.sums.realised), "the totals of a day were carried over without their sums")
    worth = _worth(books, rates, prices)
    made = [
        _change(opened.sums.realised, sums.realised, rates),
        _change(opened.sums.fees, sums.fees, rates),
        _change(opened.sums.funding, sums.funding, rates),
    ]
    if worth is None or None in made:
        return None
    realised, fees, funding = [amount or ZERO for amount in made]
    return Totals(
        equity=worth[0],
        realised=add(opened.realised, realised),
        unrealised=worth[1],
        fees=add(opened.fees, fees),
        funding=add(opened.funding, funding),
        flows=books.flows,
        fills=books.fills,
        sums=sums,
        plain=_is_plain(books, sums),
    )


def day_closed(at_ns: int, day_ns: int, opened: Totals, closed: Totals) -> DayClosed:
    """
    State the profit and loss between two totals.

    What the day's parts do not explain is revaluation: assets that do not count one for one gained or lost against
    the base currency.

    Args: instant; the UTC day; totals at its open and at its close.
    Raises: Bug where there is revaluation though the books know nothing but the base currency.
    """
    realised = subtract(closed.realised, opened.realised)
    unrealised = subtract(closed.unrealised, opened.unrealised)
    fees = subtract(closed.fees, opened.fees)
    funding = subtract(closed.funding, opened.funding)
    flows = subtract(closed.flows, opened.flows)
    explained = add(add(subtract(add(realised, unrealised), fees), funding), flows)
    revaluation = subtract(subtract(closed.equity, opened.equity), explained)
    ensure(not closed.plain or revaluation == 0, f"{revaluation} of the day's profit comes from nowhere")
    return DayClosed(
        at_ns=at_ns,
        day_ns=day_ns,
        equity_open=opened.equity,
        equity=closed.equity,
        realised=realised,
        unrealised=unrealised,
        fees=fees,
        funding=funding,
        flows=flows,
        revaluation=revaluation,
        fills=closed.fills - opened.fills,
    )


def next_day(books: Bookkeeping, opened: Totals, day: DayClosed) -> Totals:
    """
    Carry the totals over: where a day ended, the next one begins.

    Args: the books as they are when the day is folded in; the totals at its open; the day.
    """
    return Totals(
        equity=day.equity,
        realised=add(opened.realised, day.realised),
        unrealised=add(opened.unrealised, day.unrealised),
        fees=add(opened.fees, day.fees),
        funding=add(opened.funding, day.funding),
        flows=add(opened.flows, day.flows),
        fills=opened.fills + day.fills,
        sums=sums_of(books),
    )


def _positions(books: Bookkeeping) -> Iterator[tuple[str, str, Position]]:
    for venue, held in books.positions.items():
        for instrument, position in held.items():
            yield venue, instrument, position


def _worth(
    books: Bookkeeping, rates: Mapping[str, Decimal], prices: Mapping[tuple[str, str], Decimal]
) -> tuple[Decimal, Decimal] | None:
    """Give equity and open profit; None where something held has no price or no rate."""
    equity = unrealised = ZERO
    for holdings in books.cash.values():
        for asset, amount in holdings.items():
            if amount:
                if asset not in rates:
                    return None
                equity = add(equity, _in_base(amount, rates[asset]))
    for venue, instrument, position in _positions(books):
        if position.qty or position.cost:
            price = prices.get((venue, instrument)) if position.qty else ZERO
            rate = rates.get(instrument_from(instrument).quote)
            if price is None or rate is None:
                return None
            held = _in_base(_rounded(position.qty, price), rate)
            gained = subtract(held, _in_base(position.cost, rate))
            equity = add(equity, gained if ":" in instrument else held)  # a perpetual was never paid for
            unrealised = add(unrealised, gained)
    return equity, unrealised


def _change(before: Mapping[str, Decimal], now: Mapping[str, Decimal], rates: Mapping[str, Decimal]) -> Decimal | None:
    """Give what was added since, at present rates; None where some of it has no rate."""
    total = ZERO
    for asset, amount in now.items():
        added = subtract(amount, before.get(asset, ZERO))
        if added:
            if asset not in rates:
                return None
            total = add(total, _in_base(added, rates[asset]))
    return total


def _is_plain(books: Bookkeeping, sums: Sums) -> bool:
    known = {asset for holdings in books.cash.values() for asset in holdings}
    known |= {*sums.realised, *sums.funding, *(asset for asset, paid in sums.fees.items() if paid)}
    return books.settings is not None and known <= {books.settings.base_currency}


def _in_base(amount: Decimal, rate: Decimal) -> Decimal:
    return amount if rate == _ONE else _rounded(amount, rate)


def _rounded(amount: Decimal, by: Decimal) -> Decimal:
    """Multiply and round to a step far below any coin: a float's digits are no money."""
    return share_of(amount, by, _ONE, WORTH_STEP)
