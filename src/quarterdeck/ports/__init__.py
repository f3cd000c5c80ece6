"""What the shell needs from the outside world, said as protocols; adapters fulfil them, `system` wires them."""

from quarterdeck.ports.instants import iso
from quarterdeck.ports.protocols import (
    CancelRequest,
    Clock,
    Entry,
    Journal,
    LastHop,
    OrderRequest,
    RequestLimits,
    Row,
    TradeNews,
    Venue,
    VenueNews,
)

__all__ = [
    "CancelRequest",
    "Clock",
    "Entry",
    "Journal",
    "LastHop",
    "OrderRequest",
    "RequestLimits",
    "Row",
    "TradeNews",
    "Venue",
    "VenueNews",
    "iso",
]
