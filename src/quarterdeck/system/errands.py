"""What the outside wants of a running bot: the kill file, the inbox, signals, and comparing accounts now and then."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import (
    CancelAsked,
    ClockStepped,
    ConfigError,
    ControlAsked,
    FundsAsked,
    Input,
    IntegrityError,
    IntentAsked,
    OrderState,
    QuarterdeckError,
    ResolveAsked,
    Retryable,
    SettingsAsked,
    Stopping,
)
from quarterdeck.engine import NOTICED, PullFills, QueryOrder, ReadAccount, ShellAct, State
from quarterdeck.journal import Inbox, Item
from quarterdeck.ports import Clock, Venue
from quarterdeck.system.kill_file import KillFile
from quarterdeck.system.log import Log
from quarterdeck.system.loop import Loop

COMPARE_EVERY_NS: Final = 300_000_000_000
COMPARE_AGAIN_NS: Final = 10_000_000_000
PULL_EVERY_NS: Final = 30_000_000_000
CLOCK_STEP_NS_MIN: Final = 100_000_000
INBOX_EVERY_NS: Final = 200_000_000
INBOX_HELD_NS_MAX: Final = 5_000_000_000
REQUESTS: Final = {
    "control": ControlAsked,
    "intent": IntentAsked,
    "cancel": CancelAsked,
    "resolve": ResolveAsked,
    "settings": SettingsAsked,
    "funds": FundsAsked,
}

SETTINGS_ONLY: Final = frozenset({"settings"})

Asked = ControlAsked | IntentAsked | CancelAsked | ResolveAsked | SettingsAsked | FundsAsked
Renew = Callable[[SettingsAsked, State, Sequence[SettingsAsked]], SettingsAsked]


class Outside(Struct, frozen=True):
    """
    Where the errands come from.

    `clock` is the bot's time, `wall` the machine's, whose jumps are looked for. `renew` works out again what a change
    of settings makes of the bot's file as it is now, after the changes that are still on their way: a request may have
    waited while the file, or other settings, changed.
    """

    kill: KillFile
    inbox: Inbox | None
    venues: Mapping[str, Venue]
    act: Callable[[ShellAct], None]
    clock: Clock
    wall: Clock
    log: Log
    renew: Renew = lambda asked, _state, _earlier: asked


class Errands:
    """Looks around between two steps of the loop, and offers what it finds as inputs."""

    def __init__(self, outside: Outside, loop: Loop, *, paced: bool) -> None:
        self._outside = outside
        self._paced = paced
        self._loop = loop
        self._stop_reason: str | None = None
        self._signalled = False
        self._compared_ns = 0
        self._pulled_ns = outside.clock.now_ns()
        self._inbox_steady_ns = 0
        self._inbox_heard_ns = outside.clock.steady_ns()
        self._offered: set[str] = set()
        self._changes: list[SettingsAsked] = []
        self._failure: QuarterdeckError | None = None
        self._wall_ahead_ns = outside.wall.now_ns() - outside.wall.steady_ns()

    @property
    def is_stopping(self) -> bool:
        """Tell whether the bot was asked to stop, by a signal or by the end of its run."""
        return self._stop_reason is not None

    @property
    def was_signalled(self) -> bool:
        """Tell whether a signal asked the bot to stop."""
        return self._signalled

    def listen_to_signals(self) -> None:
        """Take SIGTERM and SIGINT as a wish to stop in good order."""
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, self._take_signal, signal.Signals(number).name)

    def _take_signal(self, name: str) -> None:
        self._signalled = True
        self.stop(name)

    def hear(self) -> None:
        """Take note that somebody put something into the inbox, or raised the kill switch: look at once."""
        self._inbox_steady_ns = -INBOX_EVERY_NS
        self._loop.nudge()

    def stop(self, reason: str) -> None:
        """Ask the bot to stop; what works is cancelled or kept as its settings say."""
        if self._stop_reason is None:
            self._stop_reason = reason
            self._loop.offer(Stopping(self._outside.clock.now_ns(), reason))

    def fail(self, error: QuarterdeckError) -> None:
        """Note that the journal died while nobody waited for it; the next look around raises it."""
        self._failure = error
        self._loop.offer(Stopping(self._outside.clock.now_ns(), "the journal failed"))

    async def look_around(self) -> None:
        """
        Look at kill file and inbox; now and then ask after orders that no stream told of, and compare accounts.

        Raises:
            NotOwner, IntegrityError: If the journal died in the meantime.
        """
        if self._failure is not None:
            raise self._failure
        self.look_at_kill_file()
        if self._paced:
            self._watch_wall_clock()
        steady_ns = self._outside.clock.steady_ns()
        if steady_ns - self._inbox_steady_ns >= INBOX_EVERY_NS:
            self._inbox_steady_ns = steady_ns
            self._look_into_inbox()
        now_ns = self._outside.clock.now_ns()
        if now_ns - self._pulled_ns >= PULL_EVERY_NS:
            self._pulled_ns = now_ns
            self._ask_after_orders()
        # An account that did not answer yet in this session keeps its venue closed: it is asked again soon.
        every_ns = COMPARE_AGAIN_NS if self._loop.state.reconciling else COMPARE_EVERY_NS
        if now_ns - self._compared_ns >= every_ns:
            self.compare_accounts()

    def _ask_after_orders(self) -> None:
        """Pull trades, and ask how working orders stand, for a stream may lose the end of an order without a trace."""
        state = self._loop.state
        for venue in dict.fromkeys(order.venue for order in state.moving_orders()):
            self._outside.act(PullFills(venue))
        for order in state.live_orders():
            if order.state in (OrderState.OPEN, OrderState.PARTIALLY_FILLED):
                self._outside.act(QueryOrder(order.client_id))

    def _watch_wall_clock(self) -> None:
        """Compare the wall clock with the steady one; a jump becomes an input."""
        ahead_ns = self._outside.wall.now_ns() - self._outside.wall.steady_ns()
        step_ns = ahead_ns - self._wall_ahead_ns
        self._wall_ahead_ns = ahead_ns
        if abs(step_ns) >= CLOCK_STEP_NS_MIN:
            self._loop.offer(ClockStepped(self._outside.clock.now_ns(), step_ns))

    def look_at_kill_file(self) -> None:
        """Offer a kill where the switch was raised since the engine last heard of it."""
        epoch, state = self._outside.kill.epoch(), self._loop.state
        key = f"kill:{state.epoch}:{state.kill_epoch}:{epoch}"
        if epoch > state.kill_epoch and not state.kill_raised and key not in self._offered:
            self._offer_kill(key)

    def _offer_kill(self, key: str) -> None:
        self._offered.add(key)
        self._loop.offer(ControlAsked(self._outside.clock.now_ns(), key, "kill", "kill file", NOTICED))

    def take_settings(self) -> None:
        """Offer the changes of settings that waited for this session, so that they bind its first decision."""
        self._look_into_inbox(kinds=SETTINGS_ONLY)

    def _look_into_inbox(self, kinds: Collection[str] | None = None) -> None:
        """Offer what waits, and mark as done what the journal has answered; a broken inbox never stops the bot."""
        inbox = self._outside.inbox
        if inbox is None:
            return
        try:
            pending = inbox.pending()
            answered = [item.key for item in pending if self._loop.state.is_answered(item.key)]
            if answered:
                inbox.done(answered)
                self._offered.difference_update(answered)
            for item in pending:
                is_new = item.key not in self._offered and not self._loop.state.is_answered(item.key)
                if is_new and (kinds is None or item.kind in kinds):
                    self._offered.add(item.key)
                    self._take(item)
            self._inbox_heard_ns = self._outside.clock.steady_ns()
        except Retryable as error:  # a face is writing just now, or does not let go
            if self._outside.clock.steady_ns() - self._inbox_heard_ns >= INBOX_HELD_NS_MAX:
                self._outside.log.complain("inbox", str(error))
        except IntegrityError as error:
            self._outside.log.complain("inbox", str(error))

    def _take(self, item: Item) -> None:
        request = self._request(item)
        self._loop.offer(request)
        if isinstance(request, ControlAsked) and request.command == "resume" and self._is_outdated(request):
            self._offer_kill(f"kill:{item.key}")

    def _is_outdated(self, resume: ControlAsked) -> bool:
        """Tell whether the switch was raised again after a resume was asked for, so that it does not speak of that."""
        return self._outside.kill.epoch() > resume.kill_epoch

    def _request(self, item: Item) -> Input:
        """Read a request; one that makes no sense is answered as an unknown command, so that it is not asked again."""
        now_ns = self._outside.clock.now_ns()
        kind = REQUESTS.get(item.kind)
        try:
            if kind is None:
                raise msgspec.ValidationError(f"unknown kind {item.kind!r}")
            asked: Asked = msgspec.msgpack.decode(item.payload, type=kind)
            if isinstance(asked, SettingsAsked):
                asked = self._renewed(asked)
        except (msgspec.MsgspecError, ConfigError) as error:
            self._outside.log.complain("inbox", f"request {item.key}: {error}")
            return ControlAsked(now_ns, item.key, f"{item.kind}?", "inbox", str(error))
        return msgspec.structs.replace(asked, at_ns=now_ns, key=item.key)

    def _renewed(self, asked: SettingsAsked) -> SettingsAsked:
        state = self._loop.state
        self._changes = [earlier for earlier in self._changes if not state.is_answered(earlier.key)]
        renewed = self._outside.renew(asked, state, self._changes)
        self._changes.append(renewed)
        return renewed

    def compare_accounts(self) -> None:
        """Have every account read and compared with the books; a venue that does not answer holds up no other."""
        self._compared_ns = self._outside.clock.now_ns()
        for name in self._outside.venues:
            self._outside.act(ReadAccount(name))
