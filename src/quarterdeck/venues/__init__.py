"""
Adapters to exchanges, and the last hop: the one synchronous step in which a request is checked and signed.

The paper venue trades on the exchange model, in process or as a process of its own behind a socket.
"""

from quarterdeck.venues.last_hop import SigningGate
from quarterdeck.venues.paper import PaperVenue
from quarterdeck.venues.paper_file import PaperFile
from quarterdeck.venues.paper_server import PaperVenueServer
from quarterdeck.venues.paper_wire import PAPER_PROCESS, PaperConfig
from quarterdeck.venues.remote_paper import RemotePaperVenue, RemoteSettings
from quarterdeck.venues.reports import limits_of

__all__ = [
    "PAPER_PROCESS",
    "PaperConfig",
    "PaperFile",
    "PaperVenue",
    "PaperVenueServer",
    "RemotePaperVenue",
    "RemoteSettings",
    "SigningGate",
    "limits_of",
]
