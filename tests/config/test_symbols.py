"""Every spelling of an instrument reads as one (X1), and what could mean two things is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.config import instrument_from_any
from quarterdeck.domain import InputError, instrument_from

QUOTES = ("USD", "USDT", "USDC", "DAI", "BUSD")
ASSETS = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVW0123456789", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("BTC-USDT", "BTC-USDT"),
        ("BTCUSDT", "BTC-USDT"),
        ("BTC/USDT", "BTC-USDT"),
        ("BTC_USDT", "BTC-USDT"),
        ("btc/usdt", "BTC-USDT"),
        ("BTC/USDT:USDT", "BTC-USDT:USDT"),
        ("BTC-USDT:USDT", "BTC-USDT:USDT"),
        ("BTCUSDT:USDT", "BTC-USDT:USDT"),
        ("BTC-USD", "BTC-USD"),
        ("BTCUSD", "BTC-USD"),
        ("XXBTZUSD", "BTC-USD"),
        ("XETHZEUR", "ETH-EUR"),
        ("XETHXXBT", "ETH-BTC"),
        ("XXDGZUSD", "DOGE-USD"),
        ("XBTUSDC", "BTC-USDC"),
        ("XBT/USD", "BTC-USD"),
        ("XDG-USD", "DOGE-USD"),
        ("USDCUSD", "USDC-USD"),
        ("1INCHUSDT", "1INCH-USDT"),
    ],
)
def test_x1_every_form_reads_as_the_canonical_one(text: str, canonical: str) -> None:
    instrument = instrument_from_any(text, QUOTES)
    assert instrument.id == canonical
    assert instrument_from(instrument.id) == instrument


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("BTCBUSD", "'BTCBUSD' could be BTCB-USD or BTC-BUSD; write the one you mean"),
        ("BTCEUR", "'BTCEUR' is not an instrument; write it like BTC-USD"),
        ("USDT", "'USDT' is not an instrument; write it like BTC-USD"),
        ("BTC-USD-230929", "has more parts than base and quote"),
        ("BTC-BTC", "is BTC priced in itself"),
        ("XBT-BTC", "is BTC priced in itself"),
        ("BTC-USDT:", "is not an instrument"),
        ("BTC-USD-", "has more parts"),
        ("-USD", "is not an instrument"),
        ("BTC USD", "is not an instrument"),
        ("ÄBC-USD", "is not an instrument"),
        ("", "is not an instrument"),
    ],
)
def test_x1_what_is_no_instrument_or_could_be_two_is_refused_with_advice(text: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        instrument_from_any(text, QUOTES)
    assert says in str(raised.value)
    assert "; " in str(raised.value)


def test_a_quote_that_is_not_known_cuts_nothing() -> None:
    assert instrument_from_any("BTCBUSD", ("BUSD",)).id == "BTC-BUSD"
    with pytest.raises(InputError):
        instrument_from_any("BTCUSDT", ("EUR",))


@given(ASSETS, st.sampled_from(QUOTES), st.sampled_from("-/_"))
def test_a_separator_always_says_where_the_quote_begins(base: str, quote: str, separator: str) -> None:
    if base == quote:
        return
    assert instrument_from_any(f"{base}{separator}{quote}", ()).id == f"{base}-{quote}"


@given(st.text(max_size=24))
def test_any_text_is_an_instrument_or_a_clear_refusal(text: str) -> None:
    try:
        instrument = instrument_from_any(text, QUOTES)
    except InputError as error:
        assert "; " in str(error)  # noqa: PT017 - either is fine, but a refusal has advice
    else:
        assert instrument_from(instrument.id) == instrument
