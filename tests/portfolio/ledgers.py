"""Books driven fill by fill, as the engine drives them, for tests."""

from dataclasses import dataclass, field
from decimal import Decimal

from quarterdeck.domain import InferredFill, Side, subtract
from quarterdeck.portfolio import FLAT, BookedFill, Books, FillToBook, Position, book_fill
from tests.engine.driving import listing_of

LISTING = listing_of()


@dataclass
class Ledger:
    """One venue's books; each order keeps its own inferred lots."""

    position: Position = FLAT
    cash: dict[str, Decimal] = field(default_factory=lambda: {"USD": Decimal(1_000_000)})
    fees: dict[str, Decimal] = field(default_factory=dict)
    inferred: tuple[InferredFill, ...] = ()
    at_ns: int = 0

    def real(self, fill: FillToBook) -> BookedFill:
        """Book a real trade; it retires inferred lots first."""
        return self._take(fill, self.inferred)

    def infer(self, fill: FillToBook) -> BookedFill:
        """Book lots on the strength of a status."""
        kept = self.inferred
        booked = self._take(fill, ())
        item = InferredFill(f"i{self.at_ns}", fill.lots, fill.price, fill.fee, fill.fee_asset)
        self.inferred = (*kept, item)
        return booked

    def _take(self, fill: FillToBook, inferred: tuple[InferredFill, ...]) -> BookedFill:
        self.at_ns += 1
        books = Books(listing=LISTING, position=self.position, cash=self.cash, fees=self.fees, inferred=inferred)
        booked = book_fill(books, fill)
        assert booked.realised == subtract(booked.position.realised, self.position.realised)
        self.position = booked.position
        self.cash |= {held.asset: held.amount for held in booked.cash_after}
        self.fees |= {held.asset: held.amount for held in booked.fees_after}
        self.inferred = booked.inferred_after
        return booked


def fill_of(side: Side, lots: int, price: str, fee: str = "0", fee_asset: str = "USD") -> FillToBook:
    """A trade, in few words."""
    return FillToBook(
        side=side, lots=lots, price=Decimal(price), fee=Decimal(fee), fee_asset=fee_asset, at_ns=1, new_entry=False
    )
