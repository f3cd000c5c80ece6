"""The habits of exchanges that are known by name, each with where it was read: defaults for a paper venue like them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, structs

from quarterdeck.exchange import Personality, RateLimits

PLAIN: Final = "plain"
VALIDITY_S: Final = 5.0


class Habits(Struct, frozen=True, kw_only=True):
    """
    How an exchange handles orders, in the words of the bot file.

    `proves_absence` is off where no bound on the arrival of a request is known that a lease could outlast. `orders`
    and `requests` may be sent within `per_s`; None where no such limit is known. `sources` says of each where it is
    from.
    """

    validity_s: float = VALIDITY_S
    lag_s: float = 0.0
    ack_lag_s: float = 0.0
    client_ids: str = "ever"
    acks: str = "direct"
    replies: str = "status"
    streams: str = "all"
    proves_absence: bool = True
    requests: int | None = None
    orders: int | None = None
    per_s: float = 10.0
    sources: tuple[tuple[str, str], ...] = ()


HABITS: Final[dict[str, Habits]] = {
    PLAIN: Habits(sources=(("everything", "a plain, forgiving exchange: what a paper venue is unless the file says"),)),
    "binance": Habits(
        lag_s=10.0,
        client_ids="open",
        requests=1_000,
        orders=100,
        sources=(
            ("validity_s", "`recvWindow`, 5 s unless another is sent, at most 60 s; checked again before matching"),
            ("lag_s", "about one of 800 new orders was not found 10 s later (ccxt #6615)"),
            ("client_ids", "`newClientOrderId` is unique among open orders only: once filled, it is taken again"),
            ("limits", "6,000 weight a minute and 100 orders in 10 s; who goes on after a 429 is banned (418)"),
        ),
    ),
    "bybit": Habits(
        lag_s=2.0,
        ack_lag_s=0.5,
        acks="async",
        replies="id",
        requests=600,
        orders=50,
        per_s=5.0,
        sources=(
            ("validity_s", "`X-BAPI-RECV-WINDOW`, 5 s unless another is sent"),
            ("acks", "the reply to a create or cancel only acknowledges it; confirmed by stream or query"),
            ("client_ids", "`orderLinkId` is always unique; 36 letters, digits, - and _"),
            ("limits", "600 requests in 5 s by address, 10 to 20 orders a second"),
        ),
    ),
    "coinbase": Habits(
        lag_s=5.0,
        client_ids="answers_old",
        replies="id",
        requests=30,
        per_s=1.0,
        sources=(
            ("validity_s", "only the `exp` of the signed token binds; its SDK writes 120 s, a signer may write 5 s"),
            (
                "client_ids",
                "a second use of `client_order_id` answers success with the first order, and places nothing",
            ),
            ("replies", "the reply to a create carries no status"),
            ("limits", "30 private requests a second, by a third party's account"),
        ),
    ),
    "cryptocom": Habits(
        lag_s=5.0,
        client_ids="open",
        replies="id",
        proves_absence=False,
        requests=30,
        per_s=1.0,
        sources=(
            ("proves_absence", "its only bound is the nonce, refused when more than 60 s off: no lease outlasts that"),
            (
                "client_ids",
                "a second use is refused as 204 DUPLICATE_CLORDID; for how long is not said: taken for `open`",
            ),
            ("replies", "the reply to a create carries ids only"),
            ("limits", "3 requests in 100 ms; creates and cancels 15 in 100 ms"),
        ),
    ),
    "kraken": Habits(
        lag_s=2.0,
        client_ids="open",
        replies="id",
        requests=15,
        per_s=45.0,
        sources=(
            ("validity_s", "`deadline`, 0.5 to 60 s, 5 s unless another is sent; the nonce of a key must rise"),
            ("client_ids", "`cl_ord_id` is compared with open orders only; a UUID or up to 18 characters"),
            ("replies", "the reply to a create carries ids only"),
            (
                "limits",
                "a counter of 15 to 20 that falls by 0.33 to 1 a second, history counts twice; the lowest is used",
            ),
        ),
    ),
    "mexc": Habits(
        lag_s=10.0,
        client_ids="open",
        requests=500,
        sources=(
            ("validity_s", "`recvWindow`, 5 s unless another is sent, at most 60 s"),
            ("lag_s", "orders are often not found right after they were placed (ccxt #21614)"),
            ("client_ids", "documented as unique, among what is not said: taken for `open`"),
            ("limits", "500 weight in 10 s per endpoint; bans of 2 minutes to 3 days"),
        ),
    ),
}


def habits_of(personality: Personality, *, proves_absence: bool) -> Habits:
    """Say in the words of the bot file how a venue handles orders."""
    limits = personality.limits or RateLimits()
    return Habits(
        validity_s=personality.validity_ns / 1e9,
        lag_s=personality.lag_ns / 1e9,
        ack_lag_s=personality.ack_lag_ns / 1e9,
        client_ids=personality.client_id_scope,
        acks=personality.acks,
        replies=personality.reply_carries,
        streams=personality.streams,
        proves_absence=proves_absence,
        requests=limits.requests_max,
        orders=limits.orders_max,
        per_s=limits.window_ns / 1e9,
    )


_HEAD: Final = """# Habits of exchanges

Generated from `quarterdeck.config` by `python tools/render_docs.py`; a test fails when the two differ.

What an exchange does with an order whose reply got lost decides how such an order can be settled. These figures are
the defaults of a paper venue with `habits: NAME` in the [bot file](bot-file.md); each key may be set by itself besides.
They were read in the exchanges' own documents and in public issue threads, as the tables say. None of them was
measured against a live exchange; where a document is silent, the worse case is taken.

- `validity_s` is the bound V: a request that arrives later than this after it was signed is refused by the venue. It
  must end before our lease on the bot does, which lasts 10 s and is renewed every 3 s: 7 s at most.
- `lag_s` is how late an accepted order may show up in queries and lists.
- An unknown order counts as never placed only after V and the lag have passed since the last instant at which it could
  have been signed, and after three spaced denials; where `proves_absence` is false, never by denials alone.

"""


def render_habits() -> str:
    """Write the reference of the known exchanges' habits."""
    columns = [name for name in Habits.__struct_fields__ if name != "sources"]
    lines = [_HEAD, f"| key | {' | '.join(HABITS)} |\n|---|{'---|' * len(HABITS)}\n"]
    for column in columns:
        cells = [_cell(getattr(habits, column)) for habits in HABITS.values()]
        lines.append(f"| `{_KEYS.get(column, column)}` | {' | '.join(cells)} |\n")
    for name, habits in HABITS.items():
        lines.append(f"\n## {name}\n\n")
        lines += [
            f"- `{key}`: {says}.\n" if key != "everything" else f"{says[0].upper()}{says[1:]}.\n"
            for key, says in habits.sources
        ]
    return "".join(lines)


_KEYS: Final = {name: f"limits.{name}" for name in ("requests", "orders", "per_s")}


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def with_habits(name: str) -> dict[str, object]:
    """Give the defaults that a known exchange has, by key of the bot file."""
    return {field: value for field, value in structs.asdict(HABITS[name]).items() if field != "sources"}
