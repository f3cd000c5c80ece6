"""The venue's door: what is checked for every order that is signed, and for every one that a venue accepts."""

from collections.abc import Callable, Mapping

from quarterdeck.domain import CancelState, Effect, Listing, OrderPlanned, OrderState, Source
from quarterdeck.ports import OrderRequest
from tests.simulation.breach import require
from tests.simulation.coverage import Coverage
from tests.simulation.durable import Durable
from tests.simulation.ownership import Ownership
from tests.simulation.virtual_time import Process

SLACK = 2e-9


class Door:
    """Sees every signature and every acceptance, and compares them with what is durable in the journal's file."""

    def __init__(
        self,
        durable: Durable,
        coverage: Coverage,
        kill_epoch: Callable[[], int],
        steady_ns: Callable[[], int],
        validity_ns: Mapping[str, int],
    ) -> None:
        self.durable = durable
        self.coverage = coverage
        self.epochs: dict[Process, int] = {}
        self.signed: dict[str, Process] = {}
        self.waiting: set[tuple[Process, str]] = set()
        self.superseded: set[Process] = set()
        self.ownership = Ownership(durable, coverage, steady_ns)
        self._failed: set[Process] = set()
        self._accepted: dict[str, str] = {}
        self._by_intent: dict[tuple[str, str], str] = {}
        self._kill_epoch = kill_epoch
        self._steady_ns = steady_ns
        self._validity_ns = validity_ns

    def signs(self, process: Process, request: OrderRequest, signed_ns: int) -> None:
        """Look at an order that is being signed: nothing of it has left the process yet."""
        self.durable.refresh()
        client_id = request.client_id
        require(client_id not in self.signed, "I1", f"order {client_id} is signed a second time")
        plan = self.durable.plans.get(client_id)
        require(plan is not None, "I2", f"order {client_id} is signed, and no intent of it is durable")
        assert plan is not None
        require(plan.intent_id in self.durable.intents, "I2", f"order {client_id} has no durable intent")
        _check_words(plan, request, self.durable.planned_on[client_id])
        self._check_permission(process, request, self._validity_ns[request.venue])
        self._check_wanted(process, plan)
        protects = plan.source is Source.PROTECTION and self._protection_passes()
        halted_ns = self.durable.halted_at_ns
        require(protects or halted_ns is None, "I3", f"order {client_id} is signed though halted at {halted_ns}")
        require(signed_ns <= plan.send_by_ns, "I3", f"order {client_id} is signed after its deadline")
        self.signed[client_id] = process
        self.waiting.add((process, client_id))

    def _check_permission(self, process: Process, request: OrderRequest, validity_ns: int) -> None:
        lease, epoch = self.durable.lease(), self.epochs[process]
        require(lease is not None and lease.epoch == epoch, "I5", f"{process.name} signs under epoch {epoch}: {lease}")
        assert lease is not None
        held = not lease.released and self._steady_ns() + validity_ns <= lease.until_boot_ns
        require(held, "I3", f"{process.name} signs what its lease does not outlive: {lease}")
        killed = self._kill_epoch() > request.kill_epoch
        require(not killed, "I3", f"order {request.client_id} is signed after a kill")

    def _check_wanted(self, process: Process, plan: OrderPlanned) -> None:
        """What was taken back, or decided on an account that nobody has compared yet, is not signed."""
        client_id, state = plan.client_id, self.durable.state
        order = state.orders[client_id]
        require(order.state is OrderState.PLANNED, "I7", f"order {client_id} is signed though it is {order.state}")
        taken_back = order.cancel is not CancelState.NONE
        require(not taken_back, "I7", f"order {client_id} is signed though its cancel was decided before")
        unread = plan.effect is Effect.OPEN and plan.venue in state.reconciling
        require(not unread, "I3", f"{client_id} opens on {plan.venue}, whose account this session has not compared")
        require(process not in self._failed, "I28", f"{process.name} signs {client_id} after its journal failed")

    def seeks(self, process: Process) -> None:
        """Take note that a process wants to own the bot."""
        self.ownership.seeks(process)

    def took(self, process: Process) -> None:
        """Take note that a process owns the bot now."""
        self.ownership.took(process)

    def rate_refused(self, process: Process, venue: str, call: str, *, shared: bool) -> None:
        """I15: a venue whose counter nobody else uses has never to refuse for it; else it is only counted."""
        self.coverage.hit("refused for its rate")
        if self.durable.state.kill_raised:
            self.coverage.hit("418 during kill")
        require(shared, "I15", f"{process.name}: {venue} hears no {call} for now, though nobody else asks it anything")

    def _decided_while_killed(self, client_id: str) -> bool:
        killed_seq = self.durable.killed_seq
        return self.durable.state.kill_raised and self.durable.planned_seq[client_id] > killed_seq > 0

    def journal_failed(self, process: Process) -> None:
        """Take note that a process could not write its journal: it may send nothing more."""
        self._failed.add(process)
        self.coverage.hit("disk error")

    def _protection_passes(self) -> bool:
        settings = self.durable.state.settings
        return settings is not None and settings.guardrails.protect_when_halted

    def refused(self, process: Process, why: str) -> None:
        """Take note of a signature that was refused."""
        if "lease" in why:
            self.coverage.hit("lease stopped a signature")
        if process in self.superseded:
            self.coverage.hit("paused owner could not sign")
        if "killed" in why:
            self.coverage.hit("kill between reserve and send")

    def answered(self, process: Process, client_id: str) -> None:
        """Take note that a process knows what came of its order, or gave up waiting."""
        self.waiting.discard((process, client_id))
        if process in self.superseded:
            self.coverage.hit("lease lost between send and ack")

    def accepted(self, process: Process, request: OrderRequest, *, is_behind: bool) -> None:
        """Look at an order that a venue just accepted; one whose clock is behind honours requests for longer."""
        client_id = request.client_id
        self.coverage.hit("orders accepted")
        plan = self.durable.plans[client_id]
        late = plan.effect is Effect.OPEN and self._decided_while_killed(client_id)
        require(not late, "I4", f"{client_id} opens, was decided after the kill, and reached {request.venue}")
        require(client_id not in self._accepted, "I1", f"order {client_id} was accepted twice")
        self._accepted[client_id] = request.venue
        twin = self._by_intent.setdefault((plan.intent_id, plan.effect.value), client_id)
        same_venue = twin != client_id and self._accepted[twin] == request.venue
        opens_twice = twin != client_id and plan.effect.value == "open"
        require(not same_venue and not opens_twice, "I1", f"intent {plan.intent_id}: {twin} and {client_id} accepted")
        outlived = process in self.superseded and not is_behind
        what = f"{process.name} was paused, lost its lease, and its order {client_id} was accepted"
        require(not outlived, "I5", what)

    def waits_for_answer(self, process: Process) -> bool:
        """Tell whether a process has signed orders without an answer."""
        return any(owner is process for owner, _ in self.waiting)


def _check_words(plan: OrderPlanned, request: OrderRequest, listing: Listing) -> None:
    """I9: what is sent is what was judged, and lies on the grid and within the bounds of the venue."""
    sent = (request.venue, request.instrument, request.side, request.qty_lots, request.order_kind)
    planned = (plan.venue, plan.instrument, plan.side, plan.qty_lots, plan.order_kind)
    require(sent == planned, "I9", f"order {plan.client_id} was planned as {planned} and is sent as {sent}")
    require(request.qty == plan.lot * plan.qty_lots, "I9", f"{request.qty} is not {plan.qty_lots} lots of {plan.lot}")
    limit = None if plan.limit_ticks is None else plan.tick * plan.limit_ticks
    require(request.limit == limit, "I9", f"a limit of {request.limit} is sent for {limit}")
    require((plan.lot, plan.tick) == (listing.lot, listing.tick), "I9", f"{plan.client_id} is on another grid")
    within = listing.lots_min <= plan.qty_lots <= listing.lots_max
    require(within, "I9", f"{plan.qty_lots} lots, {listing.venue} takes {listing.lots_min} to {listing.lots_max}")
    worth = float(request.qty) * (plan.reference_price if limit is None else float(limit))
    most = float("inf") if listing.notional_max is None else float(listing.notional_max)
    fits = float(listing.notional_min) * (1.0 - SLACK) <= worth <= most * (1.0 + SLACK)
    require(fits, "I9", f"{plan.client_id} is worth {worth} of {listing.notional_min} to {listing.notional_max}")
