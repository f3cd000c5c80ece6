"""The check that stands between a decided order and its signature."""

from __future__ import annotations

from collections.abc import Callable

from quarterdeck.ports import Clock, OrderRequest


class SigningGate:
    """
    The last hop: says when a request may be signed, or why it may not.

    There is no await between reading the clock and signing with it. A process that is paused after that sends a
    request which the venue itself refuses, because its validity ends before the lease does.
    """

    def __init__(
        self, clock: Clock, *, kill_epoch: Callable[[], int], lease_end_steady_ns: Callable[[], int | None]
    ) -> None:
        """
        Take the three things that are read for every signature.

        Args:
            clock: Wall clock for the signed instant, steady clock for the lease.
            kill_epoch: Reads the epoch of the kill file.
            lease_end_steady_ns: The end of the lease on the steady clock; None while no lease is held.
        """
        self._clock = clock
        self._kill_epoch = kill_epoch
        self._lease_end_steady_ns = lease_end_steady_ns

    def sign_at_ns(self, request: OrderRequest, validity_ns: int) -> int | str:
        """
        Check a request against the kill epoch, its deadline and the lease.

        Args:
            request: The order about to be signed.
            validity_ns: How long the venue honours the signature.

        Returns:
            The instant to sign with, or in words why nothing may be signed.
        """
        # Time first, permissions after: a pause between the two makes the check stricter, never looser.
        steady_ns, now_ns = self._clock.steady_ns(), self._clock.now_ns()
        if now_ns > request.send_by_ns:
            return f"too late: decided to be sent by {request.send_by_ns}, it is {now_ns}"
        epoch = self._kill_epoch()
        if epoch > request.kill_epoch:
            return f"killed: the epoch rose from {request.kill_epoch} to {epoch}"
        lease_end_ns = self._lease_end_steady_ns()
        if lease_end_ns is None:
            return "no lease is held"
        if steady_ns + validity_ns > lease_end_ns:
            return "the lease ends before the request would lose its validity"
        return now_ns
