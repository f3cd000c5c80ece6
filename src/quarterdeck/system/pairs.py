"""What a bot may trade, and where each pair is listed."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from quarterdeck.config import Workspace, load_bot
from quarterdeck.domain import ZERO, ConfigError, Listing, add
from quarterdeck.engine import State
from quarterdeck.system.adjust import overrides_of
from quarterdeck.system.recover import recover


class ListedAt(Struct, frozen=True):
    """An instrument of a venue that counts as a pair, and whether the venue trades it now."""

    venue: str
    instrument: str
    tradable: bool


class PairRow(Struct, frozen=True):
    """One pair: whether it may be opened, where it is listed, and how much of it the bot holds (base units)."""

    pair: str
    approved: bool
    tradable: bool
    listings: tuple[ListedAt, ...]
    qty: Decimal


def read_pairs(workspace: Workspace, bot: str) -> list[PairRow]:
    """
    List a bot's pairs, and those it does not trade any more but still holds.

    Raises:
        ConfigError: If the bot's file is missing or has problems.
    """
    path = workspace.bot_file(bot)
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    config = load_bot(path, workspace, overrides=overrides_of(workspace, bot))
    journal = workspace.bot_folder(bot).journal
    state = recover(journal).state if journal.exists() else State()
    listings = {(one.venue, one.instrument): one for venue in config.exchanges for one in venue.traded}
    for venue, grids in state.grids.items():
        listings.update({(venue, instrument): grid.listing for instrument, grid in grids.items()})
    held = _held(state)
    pairs = dict.fromkeys([*config.pairs, *[pair for pair, qty in held.items() if qty]])
    approved = config.pairs if config.approved is None else config.approved
    return [_row(pair, [*listings.values()], held.get(pair, ZERO), pair in approved) for pair in pairs]


def _row(pair: str, listings: list[Listing], qty: Decimal, is_approved: bool) -> PairRow:  # noqa: FBT001 - plain data
    listed = tuple(
        ListedAt(one.venue, one.instrument, one.tradable)
        for one in sorted(listings, key=lambda listing: (listing.venue, listing.instrument))
        if one.pair_id == pair
    )
    return PairRow(pair, is_approved, any(one.tradable for one in listed), listed, qty)


def _held(state: State) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for venue, positions in state.positions.items():
        for instrument, position in positions.items():
            pair = state.pair_of(venue, instrument)
            held[pair] = add(held.get(pair, ZERO), position.qty)
    return held
