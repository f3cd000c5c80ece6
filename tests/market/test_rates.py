"""What assets are worth, and which stablecoins hold their peg."""

import math
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import DAY_NS, MINUTE_NS, Quote
from quarterdeck.feeds import TapeRequest, load_tape
from quarterdeck.market import Par, asset_rates, off_peg

PAR = Par("USD", ("USDT", "USDC"), 0.01)
MARCH_2023_NS = 19_417 * DAY_NS


def quote(instrument: str, last: float, venue: str = "a", at_ns: int = 0) -> Quote:
    return Quote(venue, instrument, at_ns, last, (), ())


def rate(asset: str, quotes: Iterable[Quote], *, fresh_ns: int = 0) -> float | None:
    return asset_rates(quotes, (asset,), PAR, lambda found: found.at_ns >= fresh_ns).get(asset)


def test_the_base_currency_counts_one_whatever_anybody_quotes() -> None:
    assert rate("USD", []) == 1.0
    assert rate("USD", [quote("USD-USDT", 0.5)]) == 1.0


@pytest.mark.parametrize(("market", "worth"), [(1.0, 1.0), (0.991, 1.0), (1.01, 1.0), (0.99, 1.0), (0.989, 0.989)])
def test_a_stablecoin_counts_one_within_its_band_and_its_market_beyond(market: float, worth: float) -> None:
    """S8: the bounds themselves belong to the band."""
    assert rate("USDC", [quote("USDC-USD", market)]) == worth


def test_a_stablecoin_that_is_quoted_the_other_way_round_is_inverted() -> None:
    assert rate("USDC", [quote("USD-USDC", 1.25)]) == pytest.approx(0.8)


def test_a_stablecoin_without_a_market_of_its_own_is_valued_by_what_others_cost_in_it() -> None:
    quotes = [quote("BTC-USD", 95.0), quote("BTC-USDC", 100.0), quote("ETH-USD", 9.0), quote("ETH-USDC", 10.0)]
    assert rate("USDC", quotes[:2]) == pytest.approx(0.95)
    assert rate("USDC", quotes) == pytest.approx(0.925)
    assert rate("USDC", [*quotes, quote("USDC-USD", 0.97)]) == pytest.approx(0.97)


def test_prices_are_compared_at_instants_as_close_as_there_are() -> None:
    """The asset itself fell by a tenth between the two looks; the coin did not."""
    quotes = [
        quote("BTC-USD", 90.0, "a", at_ns=60),
        quote("BTC-USD", 100.1, "b", at_ns=1),
        quote("BTC-USDC", 100.0, "c", at_ns=0),
    ]
    assert rate("USDC", quotes) == 1.0
    assert rate("USDC", quotes[:1] + quotes[2:]) == pytest.approx(0.9)


def test_one_venue_among_three_that_is_far_off_moves_nothing() -> None:
    quotes = [quote("USDC-USD", 1.0, "a"), quote("USDC-USD", 0.5, "b"), quote("USDC-USD", 1.001, "c")]
    assert rate("USDC", quotes) == 1.0


def test_a_stablecoin_that_nobody_prices_counts_one() -> None:
    assert rate("USDC", []) == 1.0
    assert rate("USDC", [quote("BTC-USDC", 100.0), quote("ETH-USD", 10.0)]) == 1.0


def test_a_stablecoin_last_seen_off_its_peg_is_not_known_once_its_market_falls_silent() -> None:
    """Fail closed: silence must not bring the peg back."""
    silent = [quote("USDC-USD", 0.9, at_ns=5)]
    assert rate("USDC", silent, fresh_ns=9) is None
    assert rate("USDC", [quote("USDC-USD", 0.995, at_ns=5)], fresh_ns=9) == 1.0
    assert rate("USDC", [quote("USDC-USD", 0.9, "a", 4), quote("USDC-USD", 1.0, "b", 5)], fresh_ns=9) == 1.0
    assert rate("USDC", [*silent, quote("USD-USDC", 1.0, at_ns=6)], fresh_ns=9) == 1.0
    others = [quote("BTC-USD", 94.0, at_ns=9), quote("BTC-USDC", 100.0, at_ns=9)]
    assert rate("USDC", [*silent, *others], fresh_ns=9) == pytest.approx(0.94)


def test_another_asset_is_worth_the_median_of_its_markets_each_in_its_own_money() -> None:
    quotes = [
        quote("BNB-USD", 300.0),
        quote("BNB-USDT", 303.0),
        quote("BNB-USDC", 330.0),
        quote("USDC-USD", 0.9),
    ]
    assert rate("BNB", quotes) == pytest.approx(300.0)
    assert rate("BNB", quotes[1:2]) == 303.0
    assert rate("BNB", quotes[2:]) == pytest.approx(297.0)


def test_an_asset_with_no_market_in_money_is_valued_through_a_third_one() -> None:
    quotes = [quote("XMR-BTC", 0.005), quote("BTC-USD", 30_000.0)]
    assert rate("XMR", quotes) == pytest.approx(150.0)
    assert rate("XMR", quotes[:1]) is None


def test_an_asset_that_nobody_prices_freshly_is_left_out() -> None:
    found = asset_rates([quote("BNB-USD", 300.0)], ("BNB", "USD", "USDT"), PAR, lambda _quote: False)
    assert found == {"USD": 1.0, "USDT": 1.0}


@pytest.mark.parametrize("last", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_price_is_no_rate(last: float) -> None:
    """R47: a price of zero is no price."""
    assert rate("BNB", [quote("BNB-USD", last)]) is None
    assert rate("USDC", [quote("USDC-USD", last)]) == 1.0


def test_perpetuals_price_no_asset() -> None:
    assert rate("BTC", [quote("BTC-USD:USD", 100.0)]) is None


def test_a_coin_is_off_its_peg_where_it_counts_anything_but_one_or_is_not_known() -> None:
    rates = {"USD": 1.0, "USDT": 1.0, "USDC": 0.95}
    assert [off_peg(rates, coin) for coin in ("USD", "USDT", "USDC", "DAI")] == [False, False, True, True]


lasts = st.one_of(st.floats(1e-6, 1e6), st.sampled_from([1.0, 0.99, 0.5, 0.0, math.nan]))
markets = st.tuples(
    st.sampled_from(["USD", "USDT", "USDC", "BTC", "BNB"]), st.sampled_from(["USD", "USDT", "USDC", "BTC", "BNB"])
).filter(lambda pair: pair[0] != pair[1])
drawn_quotes = st.lists(
    st.builds(
        lambda pair, last, venue, at_ns: quote("-".join(pair), last, venue, at_ns),
        markets,
        lasts,
        st.sampled_from("abc"),
        st.integers(0, 9),
    ),
    max_size=12,
)


@given(drawn_quotes, st.integers(0, 9))
def test_rates_are_sound_and_a_coin_is_one_or_beyond_its_band(quotes: list[Quote], fresh_ns: int) -> None:
    wanted = ("BNB", "USDC", "USD", "BTC", "USDT")
    found = asset_rates(quotes, wanted, PAR, lambda one: one.at_ns >= fresh_ns)
    assert list(found) == [asset for asset in wanted if asset in found]
    assert all(0.0 < worth < math.inf for worth in found.values())
    assert found["USD"] == 1.0
    for coin in PAR.coins:
        worth = found.get(coin, 0.0)
        assert worth == 1.0 or abs(worth - 1.0) > PAR.band
        assert off_peg(found, coin) is (worth != 1.0)


@given(drawn_quotes)
def test_rates_do_not_depend_on_which_other_assets_are_asked_for(quotes: list[Quote]) -> None:
    together = asset_rates(quotes, ("USDC", "BNB", "USDT", "BTC"), PAR, lambda _quote: True)
    for asset in ("USDC", "BNB", "USDT", "BTC"):
        assert rate(asset, quotes) == together.get(asset)


def test_the_week_in_which_usdc_left_its_peg(shared_dir: Path) -> None:
    """S8: binanceus, March 2023: USDC held until the night of the 11th and broke on the weekend; USDT never did."""
    folder = shared_dir / "data/ohlcv/binanceus"
    tapes = {
        money: load_tape(TapeRequest(folder / f"BTC-{money}-1m.parquet", "binanceus", f"BTC-{money}", MINUTE_NS, 0.01))
        for money in ("USD", "USDC", "USDT")
    }
    assert len({tape.opened_at_ns.tobytes() for tape in tapes.values()}) == 1
    broken: dict[int, int] = {}
    lowest = {"USDC": 1.0, "USDT": 1.0}
    for index, opened_at_ns in enumerate(tapes["USD"].opened_at_ns.tolist()):
        quotes = [quote(f"BTC-{money}", float(tape.close[index]), at_ns=opened_at_ns) for money, tape in tapes.items()]
        rates = asset_rates(quotes, ("USDC", "USDT"), PAR, lambda _quote: True)
        lowest = {coin: min(low, rates[coin]) for coin, low in lowest.items()}
        day = (opened_at_ns - MARCH_2023_NS) // DAY_NS + 1
        broken[day] = broken.get(day, 0) + off_peg(rates, "USDC")
    assert [broken[day] for day in range(1, 11)] == [0] * 10
    assert broken[11] > 18 * 60
    assert broken[12] > 23 * 60
    assert broken[14] <= 1
    assert 0.87 < lowest["USDC"] < 0.88
    assert lowest["USDT"] == 1.0
