"""What must hold when the world has come to rest: the bot's books equal those of the exchanges, exactly."""

from collections import Counter
from decimal import Decimal

from quarterdeck.domain import ZERO, FillBooked, OrderState, add, multiply, subtract
from quarterdeck.engine import SendOrder, State, acts_of, decode_state, encode_state, sellable_lots, state_hash, step
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.orders import ENDED
from quarterdeck.system import verify_replay
from tests.simulation.bot import Surrounds
from tests.simulation.breach import require
from tests.simulation.scenario import cash_of
from tests.simulation.venue_side import ACCOUNT, VenueSide
from tests.simulation.virtual_time import at_once

UNCERTAIN = frozenset({OrderState.UNKNOWN, OrderState.PLANNED})


def differences(state: State, sides: dict[str, VenueSide]) -> list[str]:
    """Say in what the bot and the exchanges disagree about orders and what filled of them."""
    found = [f"{one.client_id} is {one.state.value}" for one in state.orders.values() if one.state in UNCERTAIN]
    for side in sides.values():
        for there in side.exchange.state.orders.values():
            here = state.orders.get(there.client_id)
            if here is None:
                found.append(f"{side.name} has {there.client_id}, the bot does not")
                continue
            if (here.state in ENDED) is there.is_working:
                found.append(f"{there.client_id} is {here.state.value} here and {there.state.value} on {side.name}")
            if here.booked_lots != there.filled_lots:
                found.append(f"{there.client_id}: {here.booked_lots} lots booked, {there.filled_lots} filled")
            if here.inferred:
                found.append(f"{there.client_id}: {here.inferred} still stands for trades")
    return found


def check_trades(around: Surrounds) -> None:
    """I17: every trade of the exchanges is in the journal once, and what was inferred is gone."""
    booked: Counter[tuple[str, str, int]] = Counter()
    with SqliteReader(around.path) as reader:
        for row in reader.rows():
            for fact in decode_facts(row.body):
                if isinstance(fact, FillBooked) and not fact.inferred:
                    booked[fact.venue, fact.trade_id, fact.lots] += 1
    traded = Counter((s.name, t.trade_id, t.lots) for s in around.sides.values() for t in s.exchange.state.trades)
    require(booked == traded, "I17", f"missing {traded - booked}, too many {booked - traded}")


def check_money(around: Surrounds) -> None:
    """
    I19: what each account gained or lost of each asset by trading is what the bot's books say, to the last digit.

    I21: what the bot believes to be free, with what lies beside its own, the account has free.
    """
    state, flows = around.durable.state, around.durable.promises.flows
    for side in around.sides.values():
        side.exchange.check()
        began = cash_of(side.quote_asset)
        for asset, (free, locked) in side.exchange.balances(ACCOUNT).items():
            start = began.get(asset, ZERO)
            brought = sum((amount for moved, amount in side.moved if moved == asset), ZERO)
            gained = subtract(subtract(add(free, locked), start), brought)
            ours = subtract(subtract(_owned(state, side.name, asset), start), flows.get((side.name, asset), ZERO))
            require(gained == ours, "I19", f"{side.name} {asset}: the account gained {gained}, the books say {ours}")
            beside = state.baselines.get(side.name, {}).get(asset, ZERO)
            believed = add(_free(state, side.name, asset), beside)
            known = asset in state.baselines.get(side.name, {}) and not _unseen(state, side, asset)
            what = f"{side.name} {asset}: {believed} are free by our books, {free} there"
            require(not known or believed <= free, "I21", what)


def _unseen(state: State, side: VenueSide, asset: str) -> bool:
    """Whether somebody took money away since the account was last compared."""
    held = add(*side.exchange.balances(ACCOUNT)[asset])
    return held < add(_owned(state, side.name, asset), state.baselines[side.name][asset])


def _free(state: State, venue: str, asset: str) -> Decimal:
    """What the bot believes that it could spend of an asset: cash not set aside, or coins that it could sell."""
    held = [grid for grid in state.grids[venue].values() if grid.listing.base == asset]
    if not held:
        return state.free(venue, asset)
    lots = [multiply(grid.listing.lot, Decimal(sellable_lots(state, grid))) for grid in held]
    return sum(lots, ZERO)


def _owned(state: State, venue: str, asset: str) -> Decimal:
    own = state.cash.get(venue, {}).get(asset, ZERO)
    for instrument, position in state.positions.get(venue, {}).items():
        if state.grids[venue][instrument].listing.base == asset:
            own = add(own, position.qty)
    return own


def check_reconciliation(around: Surrounds) -> None:
    """I22: comparing the accounts sends nothing, and doing it twice equals doing it once."""
    state = decode_state(encode_state(around.durable.state))
    for side in around.sides.values():
        report = at_once(side.paper.account())
        first = step(state, report)
        require(not any(isinstance(act, SendOrder) for act in acts_of(first, state)), "I22", "reconciling sends")
        once = state_hash(state)
        again = step(state, report)
        require(not again and state_hash(state) == once, "I22", f"reconciling {side.name} twice gave {again}")


def check_replay(around: Surrounds) -> None:
    """I23: replaying the journal gives the same facts and states, from zero and from every snapshot."""
    report = verify_replay(around.path)
    require(report.ok, "I23", "; ".join(report.problems[:3]))
    require(report.state_hash == state_hash(around.durable.state), "I23", "the replay ends in another state")
    around.coverage.hit("snapshot", report.snapshots)
