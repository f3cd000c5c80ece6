"""What a backtest takes for granted, in plain sentences: whoever reads a figure should know what it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.outcome import REJECTED, Outcome
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import DAY_NS, MINUTE_NS, GuardrailSettings, instrument_from
from quarterdeck.guardrails import RULES

_SECOND_NS: Final = MINUTE_NS // 60
_UNITS: Final = ((DAY_NS, "day"), (60 * MINUTE_NS, "hour"), (MINUTE_NS, "minute"), (_SECOND_NS, "second"))


class StrategyFacts(Struct, frozen=True):
    """Which strategy decided, with which parameters, and how many bars it looks back."""

    name: str
    parameters: dict[str, object]
    window_bars: int

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.parameters.items())})"


class Scene(Struct, frozen=True, eq=False):
    """Everything that a result is made of, besides the candles."""

    board: Board
    outcome: Outcome
    settings: BacktestSettings
    strategy: StrategyFacts
    notes: Sequence[str] = ()


def assumptions_of(scene: Scene) -> tuple[str, ...]:
    """Say what was taken for granted: fills, costs, limits, marks, data."""
    return (
        *_fills(scene.settings),
        *_costs(scene),
        *_limits(scene.settings),
        *_marks(scene),
        *_derivatives(scene),
        *_closing(scene),
        *scene.notes,
    )


def length(span_ns: int) -> str:
    """
    Name a length of time.

    Example:
        >>> length(5 * 60 * 1_000_000_000), length(86_400_000_000_000), length(1_000_000_000)
        ('5 minutes', '1 day', '1 second')
    """
    for unit_ns, word in _UNITS:
        if span_ns >= unit_ns and span_ns % unit_ns == 0:
            count = span_ns // unit_ns
            return f"{count} {word}" + ("" if count == 1 else "s")
    return f"{span_ns / _SECOND_NS:g} seconds"


def _fills(settings: BacktestSettings) -> Iterator[str]:
    yield (
        "A signal on the close of a bar is sized and judged at that close; its market order fills at the open of the"
        " next bar, whole and at once, whatever its size: there is no market impact and no queue."
    )
    if settings.orders.entry == "limit":
        offset = settings.orders.entry_offset
        where = "at the close" if not offset else f"{offset:.4%} better than the close"
        yield (
            f"Entries are limit orders {where}; one fills at its price, and only when a later bar trades through it,"
            " not when it is merely touched."
        )
    risk = settings.risk
    if settings.orders.entry == "limit" and risk.take_profit is not None:
        yield (
            "In the bar that fills such an entry inside, a target is not looked for: nobody knows whether its price"
            " came before the entry or after it. Stops are."
        )
    if any(one is not None for one in (risk.stop_loss, risk.take_profit, risk.trailing_stop)):
        yield (
            "Stops and targets are looked for inside each bar by its high and low: the stop first where both were"
            " touched, at its level, or at the open where the bar opened beyond it."
        )


def _costs(scene: Scene) -> Iterator[str]:
    settings, board = scene.settings, scene.board
    yield (
        f"Market orders pay {settings.fee_taker:.3%} and fill {settings.slippage_bps:g} basis points worse than the"
        f" price of the bar, limit orders pay {settings.fee_maker:.3%}; fees are taken in quote and cut to 8 digits."
        + ("" if settings.slippage_bps else " No slippage is the kindest assumption there is.")
    )
    steps = ", ".join(f"{step:g} for {name}" for name, step in zip(board.instruments, board.price_step, strict=True))
    yield (
        f"Fills lie on the price step ({steps}), rounded against us; quantities are whole lots of {settings.lot:g}"
        + (f", orders worth at least {settings.notional_min:g}." if settings.notional_min else ".")
    )


def _limits(settings: BacktestSettings) -> Iterator[str]:
    if settings.guardrails is None:
        yield (
            f"GUARDRAILS ARE OFF: none of the {len(RULES)} rules could refuse an order, so a live bot would have traded"
            " otherwise. Only what the cash affords bounds an order."
        )
        return
    usual = GuardrailSettings()
    changed = [
        f"{name} = {value}"
        for name in usual.__struct_fields__
        if (value := getattr(settings.guardrails, name)) != getattr(usual, name)
    ]
    yield (
        "Guardrails are on: every order was judged by every rule that has a meaning on bars, as a live bot's is"
        + (f", with {', '.join(changed)}." if changed else ", with their default thresholds.")
    )


def _marks(scene: Scene) -> Iterator[str]:
    timeframe = length(scene.board.timeframe_ns).removeprefix("1 ")
    yield (
        f"Equity, drawdown and loss limits are looked at when bars close, every {timeframe}; a live bot is marked every"
        " minute, and may be stopped by a loss that a bar hides."
        if scene.board.timeframe_ns > MINUTE_NS
        else "Equity, drawdown and loss limits are looked at when bars close, every minute, as live."
    )
    if len(scene.board.instruments) > 1:
        yield f"{len(scene.board.instruments)} instruments share one wallet of {scene.settings.cash:,.2f}."


def _derivatives(scene: Scene) -> Iterator[str]:
    settings = scene.settings
    perpetuals = [name for name in scene.board.instruments if instrument_from(name).settle]
    if not perpetuals:
        if settings.risk.leverage_max > 1:
            yield f"Leverage {settings.risk.leverage_max:g} changes nothing here: spot is paid in full."
        return
    yield (
        f"Perpetuals ({', '.join(perpetuals)}) are traded one way with isolated margin and leverage"
        f" {settings.risk.leverage_max:g}, and liquidated inside the bar at a maintenance margin of"
        f" {settings.maintenance:.2%}; a SELL {'may open a short' if settings.risk.short else 'never opens a short'}."
    )
    unfunded = [name for name in perpetuals if name not in settings.funding]
    if unfunded:
        yield f"No funding rates were given for {', '.join(unfunded)}: it neither pays nor receives any."
    if len(unfunded) < len(perpetuals):
        yield "Funding is paid at the instants given, on the worth at the last price known then."


def _closing(scene: Scene) -> Iterator[str]:
    yield (
        f"The strategy sees {scene.strategy.window_bars} bars before its first signal. Nothing is sold at the end: what"
        " is still held is valued at its last close."
    )
    rejected = int((scene.outcome.orders["state"] == REJECTED).sum())
    if rejected:
        yield (
            f"{rejected} order{'' if rejected == 1 else 's'} that the cash at the open did not cover any more"
            f" {'was' if rejected == 1 else 'were'} rejected."
        )
