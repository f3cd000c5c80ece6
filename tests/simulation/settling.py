"""What must hold when the world has come to rest: the books of every bot equal those of the exchanges, exactly."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from itertools import takewhile

from quarterdeck.domain import SECOND_NS, ZERO, FillBooked, OrderState, add, multiply, subtract
from quarterdeck.engine import SendOrder, State, acts_of, decode_state, encode_state, sellable_lots, state_hash, step
from quarterdeck.exchange import VenueOrder
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.orders import ENDED
from quarterdeck.system import verify_replay
from tests.simulation.breach import require
from tests.simulation.cover import check_covered, covered_and_naked
from tests.simulation.surrounds import Home, Surrounds
from tests.simulation.venue_side import ACCOUNT, VenueSide
from tests.simulation.virtual_time import at_once

UNCERTAIN = frozenset({OrderState.UNKNOWN, OrderState.PLANNED})
HEARD_WITHIN_NS = 15 * SECOND_NS  # a poll, the lag of the venue's trades, and the way


def differences(home: Home, sides: Mapping[str, VenueSide]) -> list[str]:
    """Say in what a bot and the exchanges disagree about its orders and what filled of them, and what has no stop."""
    state = home.durable.state
    covered, naked = covered_and_naked(state)
    home.durable.coverage.hit("covered at rest", covered)
    found = [f"{one.client_id} is {one.state.value}" for one in state.orders.values() if one.state in UNCERTAIN]
    for side in sides.values():
        for there in side.exchange.state.orders.values():
            if not there.client_id.startswith(home.prefix):
                continue
            here = state.orders.get(there.client_id)
            if here is None:
                found += [f"{side.name} has {there.client_id}, the bot does not"] if there.is_working else []
                continue
            if (here.state in ENDED) is there.is_working:
                found.append(f"{there.client_id} is {here.state.value} here and {there.state.value} on {side.name}")
            if not there.filled_lots - _unheard_lots(side, there) <= here.booked_lots <= there.filled_lots:
                found.append(f"{there.client_id}: {here.booked_lots} lots booked, {there.filled_lots} filled")
            if here.inferred:
                found.append(f"{there.client_id}: {here.inferred} still stands for trades")
    return found + naked


def _unheard_lots(side: VenueSide, order: VenueOrder) -> int:
    """Count the lots of a working order that traded so lately that the next pull may still have to bring them."""
    if not order.is_working:
        return 0
    from_ns = side.clock.now_ns() - HEARD_WITHIN_NS
    late = takewhile(lambda trade: trade.at_ns > from_ns, reversed(side.exchange.state.trades))
    return sum(trade.lots for trade in late if trade.client_id == order.client_id)


def check_trades(around: Surrounds) -> None:
    """I17: every trade of the exchanges is in its bot's journal once, and what was inferred is gone."""
    for home in around.homes.values():
        booked: Counter[tuple[str, str, int]] = Counter()
        with SqliteReader(home.path) as reader:
            for row in reader.rows():
                for fact in decode_facts(row.body):
                    if isinstance(fact, FillBooked) and not fact.inferred:
                        booked[fact.venue, fact.trade_id, fact.lots] += 1
        traded = Counter(
            (side.name, trade.trade_id, trade.lots)
            for side in around.sides.values()
            for trade in side.exchange.state.trades
            if trade.client_id.startswith(home.prefix)
        )
        what = f"{home.name}: missing {traded - booked}, too many {booked - traded}"
        require(booked == traded, "I17", what)


def check_money(around: Surrounds) -> None:
    """
    I19: what each bot gained or lost of each asset by trading is what its books say, to the last digit.

    I21: what a bot believes to be free, with what lies beside its own, the account has.
    """
    for side in around.sides.values():
        side.exchange.check()
        for asset, (free, locked) in side.exchange.balances(ACCOUNT).items():
            moved = sum((move.amount for move in side.moves if move.asset == asset), ZERO)
            gained = subtract(add(free, locked), side.began.get(asset, ZERO))
            require(gained == moved, "I19", f"{side.name} {asset}: the account gained {gained}, {moved} were moved")
        for home in around.homes.values():
            for asset in side.exchange.balances(ACCOUNT):
                _check_books(home, side, asset)
                _check_free(home, side, asset)


def _check_books(home: Home, side: VenueSide, asset: str) -> None:
    state, promises, place = home.durable.state, home.durable.promises, (side.name, asset)
    moved = sum((move.amount for move in side.moves if (move.owner, move.asset) == (home.prefix, asset)), ZERO)
    ours = subtract(_owned(state, side.name, asset), promises.began.get(place, ZERO))
    ours = subtract(subtract(ours, promises.flows.get(place, ZERO)), promises.funding.get(place, ZERO))
    what = f"{side.name} {asset}: {home.name} traded for {moved} of it, its books say {ours}"
    require(moved == ours, "I19", what)


def _check_free(home: Home, side: VenueSide, asset: str) -> None:
    state = home.durable.state
    free, locked = side.exchange.balances(ACCOUNT)[asset]
    beside = state.baselines.get(side.name, {}).get(asset)
    unseen = beside is not None and add(free, locked) < add(_owned(state, side.name, asset), beside)
    if beside is None or unseen:  # somebody took money away since the account was last compared
        return
    # What others' orders hold is not ours to judge, and what a stop of ours holds may be sold: it gives way.
    stops = {one.client_id for one in state.live_orders() if one.is_protective}
    held = [one for one in side.exchange.state.orders.values() if one.lock_asset == asset and one.is_working]
    ours = [one.locked for one in held if one.client_id.startswith(home.prefix) and one.client_id not in stops]
    there = subtract(add(free, locked), sum(ours, ZERO))
    believed = add(_free(state, side.name, asset), beside)
    require(believed <= there, "I21", f"{side.name} {asset}: {believed} are free by our books, {there} there")


def _free(state: State, venue: str, asset: str) -> Decimal:
    """What the bot believes that it could spend of an asset: cash not set aside, or coins that it could sell."""
    held = [grid for grid in state.grids[venue].values() if grid.listing.base == asset]
    if not held:
        return state.free(venue, asset)
    lots = [multiply(grid.listing.lot, Decimal(sellable_lots(state, grid))) for grid in held]
    owed = [min(state.position(venue, grid.listing.instrument).qty, ZERO) for grid in held]  # of fees taken in the coin
    return sum((*lots, *owed), ZERO)


def _owned(state: State, venue: str, asset: str) -> Decimal:
    own = state.cash.get(venue, {}).get(asset, ZERO)
    for instrument, position in state.positions.get(venue, {}).items():
        if state.grids[venue][instrument].listing.base == asset:
            own = add(own, position.qty)
    return own


def check_reconciliation(around: Surrounds) -> None:
    """I22: comparing the accounts sends nothing, and doing it twice equals doing it once."""
    for home in around.homes.values():
        state = decode_state(encode_state(home.durable.state))
        for side in around.sides.values():
            report = at_once(side.paper.account())
            first = step(state, report)
            require(not any(isinstance(act, SendOrder) for act in acts_of(first, state)), "I22", "reconciling sends")
            once = state_hash(state)
            again = step(state, report)
            require(not again and state_hash(state) == once, "I22", f"reconciling {side.name} twice gave {again}")


def check_answers(around: Surrounds) -> None:
    """I31: no request is left without an answer. I8: no position is left without its stop."""
    for home in around.homes.values():
        left = [item.key for item in home.inbox.pending() if item.key not in home.durable.state.answers]
        require(not left, "I31", f"{home.name} never answered {left}")
        check_covered(home.durable.state)


def check_bounds(around: Surrounds) -> None:
    """Hold every state against the auditor's books once more."""
    for home in around.homes.values():
        home.durable.look_through()


def check_replay(around: Surrounds) -> None:
    """I23: replaying a journal gives the same facts and states, from zero and from every snapshot."""
    for home in around.homes.values():
        report = verify_replay(home.path)
        require(report.ok, "I23", "; ".join(report.problems[:3]))
        same = report.state_hash == state_hash(home.durable.state)
        require(same, "I23", f"the replay of {home.name} ends in another state")
        around.coverage.hit("snapshot", report.snapshots)
