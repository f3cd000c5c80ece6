"""How many requests each account may send, and the bans of those that send more."""

from __future__ import annotations

from quarterdeck.exchange.messages import Refusal, Refused, RequestKind
from quarterdeck.exchange.state import ExchangeState, Meter


class Limiter:
    """Counts requests per account in windows that lie end to end. What is refused for the limits is not counted."""

    def __init__(self, state: ExchangeState) -> None:
        self._head = state.head
        self._limits = state.setup.personality.limits

    def admit(self, account: str, kind: RequestKind) -> Refused | None:
        """Count a request that arrives now, or say why it is turned away; unknown accounts are not counted."""
        limits = self._limits
        if limits is None or account not in self._head.accounts:
            return None
        now_ns = self._head.now_ns
        meter = self._meter(account, limits.window_ns)
        if now_ns < meter.banned_until_ns:
            if limits.ban_lengthens:
                meter.banned_until_ns = now_ns + limits.ban_ns
            return _banned(meter.banned_until_ns - now_ns)
        orders_over = kind == "order" and limits.orders_max is not None and meter.orders >= limits.orders_max
        if orders_over or (limits.requests_max is not None and meter.requests >= limits.requests_max):
            meter.strikes += 1
            if limits.ban_after is not None and meter.strikes >= limits.ban_after:
                meter.strikes = 0
                meter.banned_until_ns = now_ns + limits.ban_ns
                return _banned(limits.ban_ns)
            wait_ns = meter.window_ns + limits.window_ns - now_ns
            what = "orders" if orders_over else "requests"
            return Refused(Refusal.RATE_LIMITED, f"too many {what}; ask again in {wait_ns} ns", wait_ns)
        meter.strikes = 0
        meter.requests += 1
        meter.orders += kind == "order"
        return None

    def consume(self, account: str, requests: int) -> None:
        """Count requests that somebody else sent for the account."""
        if self._limits is not None and account in self._head.accounts:
            self._meter(account, self._limits.window_ns).requests += requests

    def _meter(self, account: str, length_ns: int) -> Meter:
        meter = self._head.meters.setdefault(account, Meter())
        window_ns = self._head.now_ns - self._head.now_ns % length_ns
        if meter.window_ns != window_ns:
            meter.window_ns, meter.requests, meter.orders = window_ns, 0, 0
        return meter


def _banned(left_ns: int) -> Refused:
    return Refused(Refusal.BANNED, f"banned for {left_ns} ns", left_ns)
