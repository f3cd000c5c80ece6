"""
The append-only log of a bot: one SQLite file with hash-chained rows, snapshots, the lease and the tables for readers.

One process writes it, under a lease that every transaction checks. Others read it, verify it, export it, and leave
their requests in the inbox beside it.
"""

from quarterdeck.journal.anchors import Anchor, AnchorsFound, anchors_of, read_anchors
from quarterdeck.journal.archive import HISTORY_NS, KEPT_NS, archive_rows
from quarterdeck.journal.body import decode_body, decode_facts, decode_plain, encode_body
from quarterdeck.journal.chain import GENESIS, Break, link, verify_rows
from quarterdeck.journal.export import export
from quarterdeck.journal.inbox import Inbox, InboxListener, Item, wake
from quarterdeck.journal.intents import cycle_row, intent_of_order, intent_rows, last_intent
from quarterdeck.journal.lease import LEASE_NS, RENEW_NS, Holder, Lease, boot_id, steady_ns, this_process
from quarterdeck.journal.projections import Projector
from quarterdeck.journal.reader import SqliteReader
from quarterdeck.journal.records import project
from quarterdeck.journal.segments import Segment, default_archive
from quarterdeck.journal.snapshots import Snapshot
from quarterdeck.journal.sqlite import JournalSettings, SqliteJournal
from quarterdeck.journal.verify import Problem, VerifyReport, verify
from quarterdeck.journal.views import Page, events, orders, trades
from quarterdeck.journal.wal import WalReport, scan_wal
from quarterdeck.journal.writer import InlineJournal, JournalWriter

__all__ = [
    "GENESIS",
    "HISTORY_NS",
    "KEPT_NS",
    "LEASE_NS",
    "RENEW_NS",
    "Anchor",
    "AnchorsFound",
    "Break",
    "Holder",
    "Inbox",
    "InboxListener",
    "InlineJournal",
    "Item",
    "JournalSettings",
    "JournalWriter",
    "Lease",
    "Page",
    "Problem",
    "Projector",
    "Segment",
    "Snapshot",
    "SqliteJournal",
    "SqliteReader",
    "VerifyReport",
    "WalReport",
    "anchors_of",
    "archive_rows",
    "boot_id",
    "cycle_row",
    "decode_body",
    "decode_facts",
    "decode_plain",
    "default_archive",
    "encode_body",
    "events",
    "export",
    "intent_of_order",
    "intent_rows",
    "last_intent",
    "link",
    "orders",
    "project",
    "read_anchors",
    "scan_wal",
    "steady_ns",
    "this_process",
    "trades",
    "verify",
    "verify_rows",
    "wake",
]
