"""The venues of a bot: what they list, charge and hold."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from quarterdeck.config.habits import HABITS, habits_of
from quarterdeck.domain import MINUTE_NS, SECOND_NS, HoldingDeclared
from quarterdeck.exchange import Personality, RateLimits
from tests.config.small_bot import SMALL, load, told

VENUE = 'balances: {USD: "900"}'


def with_venue(more: str) -> str:
    return SMALL.replace(VENUE, f"{VENUE}, {more}")


def test_a_derived_venue_a_socket_and_a_grid_are_read(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        with_venue(
            "basis_bps: 30, lag_bars: 1, outage_share: 0.1, seed: 3, socket: /tmp/k.sock, "
            "grid: {BTC/USD: {tick: 0.5, lot: 0.001, lots_min: 2, notional_min: 5, notional_max: 700}}"
        ),
    )
    kraken = config.exchanges[1]
    assert kraken.derivation is not None
    assert (kraken.derivation.seed, kraken.derivation.basis_bps, kraken.derivation.lag_bars) == (3, 30.0, 1)
    assert kraken.socket == Path("/tmp/k.sock")  # noqa: S108 - a path in a file, never opened
    listing = kraken.listing("BTC-USD")
    assert (listing.tick, listing.lots_min, listing.notional_max) == (Decimal("0.5"), 2, Decimal(700))


def test_fees_have_an_asset_a_step_and_a_rounding(tmp_path: Path) -> None:
    text = with_venue(
        'fees: {maker: -0.0001, taker: 0.001, asset: BNB, conversion: {USD: "0.0016"}, step: "0.01", rounding: up}'
    )
    config = load(tmp_path, text + "watch: [BNB-USD]\n")
    coinbase, kraken = config.engine_settings(MINUTE_NS).listings
    assert (kraken.fee_maker, kraken.fee_taker) == (Decimal("-0.0001"), Decimal("0.001"))
    assert (kraken.fee_asset, kraken.fee_step, kraken.fee_rounding) == ("BNB", Decimal("0.01"), "up")
    assert (coinbase.fee_asset, coinbase.fee_step, coinbase.fee_rounding) == ("quote", Decimal("1e-8"), "down")
    assert config.exchanges[1].personality.fee_conversion == {"USD": Decimal("0.0016")}


def test_an_account_has_a_key_by_name(tmp_path: Path) -> None:
    assert load(tmp_path, with_venue("key: kraken-main")).exchanges[1].key == "kraken-main"
    secret = "b64" * 30
    found = told(tmp_path, with_venue(f'key: "{secret}=="'))
    assert found == [
        "3: exchanges[1].key: this is not the name of a key; write a short name like main, never the key itself"
    ]


def test_cheap_coins_trade_on_finer_ticks(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL.replace("[BTC-USD]", "[BTC-USD, LTC-USD, XRP-USD, FOO-USD]"))
    ticks = {pair: config.exchanges[0].listing(pair).tick for pair in config.pairs}
    assert ticks == {
        "BTC-USD": Decimal("0.01"),
        "LTC-USD": Decimal("0.01"),
        "XRP-USD": Decimal("0.0001"),
        "FOO-USD": Decimal("0.01"),
    }


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("fees: {taker: 1}", "fees.taker: 1 is out of bounds; write a number from 0 and below 1"),
        ("fees: {asset: bnb}", "fees.asset: 'bnb' is not an asset; write quote, base, received or one like BNB"),
        ("fees: {asset: BNB}", "fees.conversion: nothing for USD; say how many BNB one counts for"),
        ("fees: {conversion: {USD: 1}}", "fees.conversion: fees.asset names no asset; remove it"),
        (
            "fees: {asset: BNB, conversion: {USD: 0.0016}}",
            "fees.asset: nothing here says what BNB is worth, in which fees are paid; add watch: [BNB-USD]",
        ),
        ("fees: {asset: BNB, conversion: {USD: 0}}", "fees.conversion.USD: 0 is out of bounds"),
        ("fees: {step: 0}", "fees.step: 0 is out of bounds; write a number above 0 to 1"),
        ("fees: {rounding: nearest}", "fees.rounding: 'nearest' is not allowed; write one of: down, up, half_even"),
        ("fees: {takr: 0}", "fees.takr: unknown key; did you mean taker?"),
        ("grid: {ETH-USD: {tick: 1}}", "grid.ETH-USD: this exchange does not list ETH-USD; use one of: BTC-USD"),
        ("grid: {BTC-USD: {}, BTCUSD: {}}", "grid.BTCUSD: BTC-USD stands on line 3; keep one of them"),
        ("grid: {BTC-USD: {lots_min: 5, lots_max: 4}}", "grid.BTC-USD: lots_min is above lots_max"),
        ("grid: {BTC-USD: {notional_max: 1}}", "grid.BTC-USD: notional_max is not above notional_min"),
        ("grid: {BTC-USD: {step: 1}}", "grid.BTC-USD.step: unknown key; known here: "),
        ("outage_share: 1e-9", "outage_share: 1e-09 is too small to ever bring an outage; write 0, or 1e-06 or more"),
        ('socket: "a\\0b"', "socket: this is no path"),
        ("pairs: [BTC-USD, BTCUSD]", "pairs[1]: BTC-USD stands in this list already"),
        ("par: [BTC-USD]", "par: unknown key; did you mean pairs?"),
    ],
)
def test_a_wrong_part_of_an_exchange_is_named(tmp_path: Path, more: str, problem: str) -> None:
    found = told(tmp_path, with_venue(more))
    assert len(found) == 1
    assert found[0].startswith(f"3: exchanges[1].{problem}")


def test_a_plain_venue_behaves_as_it_always_did(tmp_path: Path) -> None:
    venue = load(tmp_path, SMALL).exchanges[0]
    assert (venue.habits, venue.personality, venue.proves_absence) == ("plain", Personality(), True)
    (told, _) = load(tmp_path, SMALL).engine_settings(MINUTE_NS).venues
    assert (told.validity_ns, told.lag_ns, told.stops, told.holdings) == (5 * SECOND_NS, 0, False, ())


@pytest.mark.parametrize("name", HABITS)
def test_every_known_exchange_gives_its_habits_to_a_paper_venue(tmp_path: Path, name: str) -> None:
    config = load(tmp_path, with_venue(f"habits: {name}"))
    known, venue = HABITS[name], config.exchanges[1]
    told = config.engine_settings(MINUTE_NS).venues[1]
    assert told.validity_ns == round(known.validity_s * SECOND_NS)
    assert told.lag_ns == round((known.lag_s + known.ack_lag_s) * SECOND_NS)
    assert told.proves_absence is known.proves_absence
    assert venue.personality.client_id_scope == known.client_ids
    assert habits_of(venue.personality, proves_absence=venue.proves_absence) == structs.replace(known, sources=())
    assert all(key in {"limits", "everything"} or hasattr(known, key) for key, _ in known.sources)


def test_a_habit_may_be_set_by_itself(tmp_path: Path) -> None:
    text = with_venue("habits: binance, lag_s: 1.5, client_ids: ever, limits: {orders: 7, per_s: 2}, streams: none")
    personality = load(tmp_path, text).exchanges[1].personality
    assert (personality.lag_ns, personality.client_id_scope, personality.streams) == (1_500_000_000, "ever", "none")
    assert personality.limits == RateLimits(requests_max=1_000, orders_max=7, window_ns=2 * SECOND_NS)


def test_a_validity_that_outlasts_the_lease_is_refused(tmp_path: Path) -> None:
    """R35: nothing is signed that the venue would still honour after our lease."""
    found = told(tmp_path, with_venue("validity_s: 60"))
    assert found == ["3: exchanges[1].validity_s: 60 is out of bounds; write a number from 0.1 to 7"]


def test_a_direct_reply_has_no_lag(tmp_path: Path) -> None:
    found = told(tmp_path, with_venue("ack_lag_s: 1"))
    assert found == [
        "3: exchanges[1].ack_lag_s: the replies of this exchange are direct; write acks: async, or remove it"
    ]


def test_stops_rest_at_the_venue_where_the_file_says_so(tmp_path: Path) -> None:
    """S14."""
    config = load(tmp_path, with_venue("protective_orders: venue"))
    assert config.exchanges[1].personality.stops
    assert [venue.stops for venue in config.engine_settings(MINUTE_NS).venues] == [False, True]


HOLDINGS = 'holdings: {BTC/USD: {qty: "0.1", cost: "3000"}}'


def test_a_position_that_the_bot_starts_with_is_part_of_its_capital(tmp_path: Path) -> None:
    text = with_venue(HOLDINGS)
    whole = load(tmp_path, text.replace('capital: "1000"\n', ""))
    assert whole.capital == Decimal(4_500)
    config = load(tmp_path, text.replace('"1000"', '"3600"'))
    settings = config.engine_settings(MINUTE_NS)
    assert settings.venues[1].holdings == (HoldingDeclared("kraken", "BTC-USD", Decimal("0.1"), Decimal(3_000)),)
    assert sum((venue.cash["USD"] for venue in settings.venues), Decimal(0)) == Decimal(600)
    assert config.exchanges[1].account == {"USD": Decimal(900), "BTC": Decimal("0.1")}
    assert config.exchanges[1].balances == {"USD": Decimal(900)}


def test_a_bot_may_start_with_positions_and_no_cash(tmp_path: Path) -> None:
    text = with_venue(HOLDINGS).replace('"1000"', '"3000"')
    assert {
        str(amount) for venue in load(tmp_path, text).engine_settings(1).venues for amount in venue.cash.values()
    } <= {
        "0",
        "0E-8",
    }


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            HOLDINGS,
            "2: capital: 1000 is less than the 3000 that the holdings cost; raise it: what the bot starts with is",
        ),
        ('holdings: {BTC-USD: {qty: "1"}}', "3: exchanges[1].holdings.BTC-USD.cost: missing; write like {qty:"),
        ('holdings: {BTC-USD: {qty: "0", cost: "1"}}', "3: exchanges[1].holdings.BTC-USD.qty: 0 is out of bounds"),
        (
            "holdings: {ETH-USD: {qty: 1, cost: 1}}",
            "3: exchanges[1].holdings.ETH-USD: the bot does not trade ETH-USD on",
        ),
        (
            "holdings: {BTC-USD: {qty: 1, cost: 1}, BTC/USD: {qty: 1, cost: 1}}",
            "3: exchanges[1].holdings.BTC/USD: BTC-USD",
        ),
        ("holdings: {BTC-USD: {qty: 1, cost: 1, since: 5}}", "3: exchanges[1].holdings.BTC-USD.since: unknown key"),
    ],
)
def test_a_wrong_holding_is_told_with_its_line(tmp_path: Path, more: str, problem: str) -> None:
    found = told(tmp_path, with_venue(more))
    assert len(found) == 1
    assert found[0].startswith(problem)
