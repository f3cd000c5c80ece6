"""Profit and loss of a day: exact, and adding up to the last digit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import ZERO, BotSettings, Bug, DayClosed, Listing, Side, add, subtract
from quarterdeck.portfolio import (
    FLAT,
    Books,
    FillToBook,
    Position,
    Sums,
    Totals,
    book_fill,
    day_closed,
    next_day,
    totals_of,
)

CAPITAL = Decimal(100_000)
D = Decimal


def settings() -> BotSettings:
    return BotSettings(bot="drill", base_currency="USD", capital=CAPITAL, pairs=("BTC-USD",), venues=(), listings=())


def listing(venue: str, instrument: str) -> Listing:
    base, quote = instrument.split("-")
    return Listing(venue, instrument, base, quote, D("0.01"), D("0.00001"), 1, 10**9, D(1), D(0), D("0.001"))


@dataclass
class Account:
    """The exact books of a bot on several venues, booked fill by fill; it keeps its flows by asset as well."""

    settings: BotSettings | None = field(default_factory=settings)
    cash: dict[str, dict[str, Decimal]] = field(default_factory=lambda: {"a": {"USD": CAPITAL}, "b": {"USD": D(0)}})
    positions: dict[str, dict[str, Position]] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    coin_fees: dict[str, Decimal] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)
    flows: Decimal = ZERO
    fills: int = 0
    day_totals: Totals | None = field(
        default_factory=lambda: Totals(CAPITAL, D(0), D(0), D(0), D(0), D(0), 0)  # as the capital is declared
    )
    deposits: dict[str, Decimal] = field(default_factory=dict)

    def fill(self, venue: str, instrument: str, fill: FillToBook) -> None:
        books = Books(
            listing=listing(venue, instrument),
            position=self.positions.get(venue, {}).get(instrument, FLAT),
            cash=self.cash[venue],
            fees=self.fees,
        )
        booked = book_fill(books, fill)
        self.positions.setdefault(venue, {})[instrument] = booked.position
        self.cash[venue] |= {held.asset: held.amount for held in booked.cash_after}
        self.fees |= {held.asset: held.amount for held in booked.fees_after}
        if instrument.startswith(f"{fill.fee_asset}-"):
            self.coin_fees[fill.fee_asset] = add(self.coin_fees.get(fill.fee_asset, ZERO), fill.fee)
        self.fills += 1

    def deposit(self, venue: str, asset: str, amount: Decimal, rate: Decimal) -> None:
        self._receive(venue, asset, amount)
        self.flows = add(self.flows, amount * rate)
        self.deposits[asset] = add(self.deposits.get(asset, D(0)), amount)

    def fund(self, venue: str, asset: str, amount: Decimal) -> None:
        self._receive(venue, asset, amount)
        self.funding[asset] = add(self.funding.get(asset, D(0)), amount)

    def _receive(self, venue: str, asset: str, amount: Decimal) -> None:
        self.cash[venue][asset] = add(self.cash[venue].get(asset, D(0)), amount)

    def nominal(self) -> dict[str, Decimal]:
        """By money asset: cash, and what positions cost in it."""
        amounts: dict[str, Decimal] = {}
        for holdings in self.cash.values():
            for asset, amount in holdings.items():
                amounts[asset] = add(amounts.get(asset, D(0)), amount)
        for held in self.positions.values():
            for instrument, position in held.items():
                quote = instrument.split("-")[1]
                amounts[quote] = add(amounts.get(quote, D(0)), position.cost)
        return amounts

    def close_day(self, rates: dict[str, Decimal], prices: dict[tuple[str, str], Decimal]) -> DayClosed:
        closed = totals_of(self, {"USD": D(1), **rates}, prices)
        assert closed is not None
        assert self.day_totals is not None
        day = day_closed(2, 1, self.day_totals, closed)
        self.day_totals = next_day(self, self.day_totals, day)
        return day


def trade(side: Side, lots: int, price: str, fee: str = "0", asset: str = "USD") -> FillToBook:
    return FillToBook(side, lots, D(price), D(fee), asset, 1, new_entry=False)


def parts(day: DayClosed) -> dict[str, Decimal]:
    names = ("realised", "unrealised", "fees", "funding", "flows", "revaluation")
    return {name: getattr(day, name) for name in names if getattr(day, name)}


def test_a_day_of_trades_in_base_currency() -> None:
    account = Account()
    account.fill("a", "BTC-USD", trade(Side.BUY, 200_000, "30000", "60"))
    account.fill("a", "BTC-USD", trade(Side.SELL, 100_000, "31000", "31"))
    day = account.close_day({}, {("a", "BTC-USD"): D("30500.5")})
    assert parts(day) == {"realised": D(1000), "unrealised": D("500.5"), "fees": D(91)}
    assert (day.equity_open, day.equity, day.fills) == (CAPITAL, D("101409.5"), 2)
    following = account.close_day({}, {("a", "BTC-USD"): D(30_000)})
    assert parts(following) == {"unrealised": D("-500.5")}
    assert (following.equity_open, following.equity, following.fills) == (D("101409.5"), D(100_909), 0)


def test_a_fee_in_the_coin_bought_shows_in_open_profit_and_not_as_a_fee() -> None:
    """R22."""
    account = Account()
    account.fill("a", "BTC-USD", trade(Side.BUY, 100_000, "30000", "0.001", "BTC"))
    day = account.close_day({"BTC": D(30_000)}, {("a", "BTC-USD"): D(30_000)})
    assert parts(day) == {"unrealised": D(-30)}


def test_a_fee_coin_that_is_traded_too_is_told_apart_from_fees_out_of_cash() -> None:
    """BNB pays for a BTC trade out of cash, and for its own trade off the position."""
    account = Account()
    account.deposit("a", "BNB", D(1), D(300))
    account.fill("a", "BNB-USD", trade(Side.BUY, 1_000_000, "300", "0.01", "BNB"))
    account.fill("a", "BTC-USD", trade(Side.BUY, 100_000, "30000", "0.1", "BNB"))
    assert account.fees == {"BNB": D("0.11")}
    assert account.coin_fees == {"BNB": D("0.01")}
    prices = {("a", "BNB-USD"): D(300), ("a", "BTC-USD"): D(30_000)}
    assert parts(account.close_day({"BNB": D(300)}, prices)) == {"flows": D(300), "fees": D(30), "unrealised": D(-3)}


def test_fees_of_earlier_days_are_not_paid_again_when_their_coin_rises() -> None:
    account = Account()
    account.deposit("a", "BNB", D(2), D(300))
    account.fill("a", "BTC-USD", trade(Side.BUY, 100_000, "30000", "1", "BNB"))
    prices = {("a", "BTC-USD"): D(30_000)}
    assert parts(account.close_day({"BNB": D(300)}, prices)) == {"flows": D(600), "fees": D(300)}
    assert parts(account.close_day({"BNB": D(310)}, prices)) == {"revaluation": D(10)}
    account.fill("a", "BTC-USD", trade(Side.SELL, 100_000, "30000", "0.5", "BNB"))
    day = account.close_day({"BNB": D(320)}, prices)
    assert parts(day) == {"fees": D(160), "revaluation": D(10)}


def test_a_quote_that_leaves_its_peg_is_revaluation_and_no_trading_profit() -> None:
    """S8."""
    account = Account()
    account.deposit("b", "USDC", D(1000), D(1))
    account.fill("b", "BTC-USDC", trade(Side.BUY, 1_000, "30000"))
    account.close_day({"USDC": D(1)}, {("b", "BTC-USDC"): D(30_000)})
    account.fill("b", "BTC-USDC", trade(Side.SELL, 1_000, "31000"))
    day = account.close_day({"USDC": D("0.9")}, {})
    assert parts(day) == {"realised": D(9), "revaluation": D(-100)}
    assert day.equity == CAPITAL + D("909")


def test_funding_and_flows_are_told_apart_from_profit() -> None:
    account = Account()
    account.deposit("a", "USD", D(500), D(1))
    account.deposit("b", "USD", D(-20), D(1))
    account.fund("a", "USD", D("-1.25"))
    day = account.close_day({}, {})
    assert parts(day) == {"flows": D(480), "funding": D("-1.25")}


def test_without_a_price_or_a_rate_of_what_is_held_there_are_no_totals() -> None:
    account = Account()
    account.fill("a", "BTC-USD", trade(Side.BUY, 1_000, "30000", "0.1", "BNB"))
    rates, prices = {"USD": D(1), "BNB": D(300)}, {("a", "BTC-USD"): D(1)}
    assert totals_of(account, rates, prices) is not None
    assert totals_of(account, rates, {}) is None
    assert totals_of(account, {"USD": D(1)}, prices) is None
    account.day_totals = None
    assert totals_of(account, rates, prices) is None


def test_profit_that_comes_from_nowhere_is_a_bug() -> None:
    account = Account()
    account.cash["a"]["USD"] += D("0.00000001")
    with pytest.raises(Bug, match="comes from nowhere"):
        account.close_day({}, {})


def test_totals_carried_over_without_their_sums_are_a_bug() -> None:
    account = Account()
    account.day_totals = Totals(CAPITAL, D(0), D(0), D(0), D(0), D(0), 3, sums=Sums())
    with pytest.raises(Bug, match="without their sums"):
        totals_of(account, {"USD": D(1)}, {})


@dataclass
class Close:
    """A day ends at these rates; prices differ between the venues."""

    price: Decimal
    rates: dict[str, Decimal]

    def of(self, account: Account) -> DayClosed:
        prices = {
            (venue, instrument): self.price if venue == "a" else self.price * 3
            for venue, held in account.positions.items()
            for instrument in held
        }
        return account.close_day(self.rates, prices)


Act = Callable[[Account], None]
VENUES = st.sampled_from("ab")
PRICES = st.floats(1e-8, 1e6).map(lambda price: D(repr(price)).quantize(D("1e-12")))
AMOUNTS = st.decimals(-1000, 1000, places=8)
RATES = st.one_of(st.just(D(1)), st.floats(0.001, 1000.0).map(lambda rate: D(repr(rate))))


@st.composite
def fills(draw: st.DrawFn, instruments: list[str], fee_assets: list[str]) -> Act:
    venue, instrument = draw(VENUES), draw(st.sampled_from(instruments))
    base, quote = instrument.split("-")
    named = draw(st.sampled_from(fee_assets))
    fill = FillToBook(
        draw(st.sampled_from(Side)),
        draw(st.integers(1, 10**9)),
        draw(PRICES),
        draw(st.decimals(-5, 50, places=10)),
        {"quote": quote, "base": base}.get(named, named),
        1,
        new_entry=False,
    )
    return lambda account: account.fill(venue, instrument, fill)


@st.composite
def flows(draw: st.DrawFn, assets: list[str], rates: dict[str, Decimal]) -> Act:
    venue, asset, amount = draw(VENUES), draw(st.sampled_from(assets)), draw(AMOUNTS)
    if draw(st.booleans()):
        return lambda account: account.fund(venue, asset, amount)
    return lambda account: account.deposit(venue, asset, amount, rates[asset])


def closes(*assets: str) -> st.SearchStrategy[Close]:
    return st.builds(Close, PRICES, st.fixed_dictionaries(dict.fromkeys(assets, RATES)))


def days(story: list[Act | Close], account: Account) -> Iterator[tuple[Close, DayClosed]]:
    """Act a story out; every day that it closes comes back."""
    for step in story:
        if isinstance(step, Close):
            yield step, step.of(account)
        else:
            step(account)


def made(day: DayClosed) -> Fraction:
    gained = [day.realised, day.unrealised, -day.fees, day.funding, day.flows, day.revaluation]
    return sum(map(Fraction, gained), Fraction(0))


PLAIN = st.lists(
    st.one_of(fills(["BTC-USD", "ETH-USD"], ["quote", "base"]), flows(["USD"], {"USD": D(1)}), closes()), max_size=25
)


@given(PLAIN)
def test_in_base_currency_alone_every_day_adds_up_without_revaluation(story: list[Act | Close]) -> None:
    opening = CAPITAL
    for _, day in days([*story, Close(D("12345.6789"), {})], Account()):
        assert day.revaluation == 0
        assert day.equity_open == opening
        assert Fraction(day.equity) - Fraction(day.equity_open) == made(day)
        opening = day.equity


MIXED = st.lists(
    st.one_of(
        fills(["BTC-USD", "BTC-USDC", "ETH-BTC", "BNB-USD"], ["quote", "base", "BNB"]),
        flows(["USD", "USDC", "BNB"], {"USD": D(1), "USDC": D("0.98"), "BNB": D(300)}),
        closes("USDC", "BNB", "BTC", "ETH"),
    ),
    max_size=25,
)


@given(MIXED)
def test_revaluation_is_what_rates_did_to_what_was_there_at_the_open(story: list[Act | Close]) -> None:
    account = Account()
    rates = {"USD": D(1), "USDC": D(1), "BNB": D(300), "BTC": D(30_000), "ETH": D(2_000)}
    nominal, flowed, deposits = account.nominal(), account.flows, dict(account.deposits)
    for close, day in days([*story, Close(D("12.5"), {**rates, "USDC": D("0.97")})], account):
        held = sum(
            (Fraction(rate - rates[name]) * Fraction(nominal.get(name, 0)) for name, rate in close.rates.items())
        )
        came = sum(
            Fraction(close.rates.get(name, D(1))) * Fraction(subtract(amount, deposits.get(name, ZERO)))
            for name, amount in account.deposits.items()
        )
        expected = held + came - Fraction(subtract(account.flows, flowed))
        assert abs(Fraction(day.revaluation) - expected) < Fraction(1, 10**9)
        assert Fraction(day.equity) - Fraction(day.equity_open) == made(day)
        rates = {**rates, **close.rates}
        nominal, flowed, deposits = account.nominal(), account.flows, dict(account.deposits)
