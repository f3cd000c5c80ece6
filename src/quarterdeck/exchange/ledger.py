"""Double-entry bookkeeping: every unit that one side gets, another side gives."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from quarterdeck.domain import ZERO, Bug, InputError, add, subtract
from quarterdeck.exchange.state import Balance, Head


class Ledger:
    """
    The balances of all accounts, of the world outside and of the exchange's fees.

    What must hold is asserted at every step; the words for it are only made where it does not.
    """

    def __init__(self, head: Head) -> None:
        self._head = head

    def balance(self, account: str, asset: str) -> Balance:
        """Give the balance of an existing account, opened where it never held the asset; for changing it."""
        return self._head.accounts[account].setdefault(asset, Balance())

    def free(self, account: str, asset: str) -> Decimal:
        """Tell what an existing account may use of an asset."""
        balance = self._head.accounts[account].get(asset)
        return ZERO if balance is None else balance.free

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """
        Bring money in from the world; a negative amount takes it out. The account is opened if need be.

        Raises:
            InputError: If the amount is not finite, or more is taken out than is free; nothing is opened then.
        """
        if not amount.is_finite():
            raise InputError(f"account {account}: {amount} {asset} is no amount; write a finite one")
        before = self._head.accounts.get(account, {}).get(asset, Balance()).free
        free = add(before, amount)
        if free < 0:
            raise InputError(f"account {account}: cannot withdraw {amount.copy_abs()} {asset}, only {before} are free")
        self._head.accounts.setdefault(account, {}).setdefault(asset, Balance()).free = free
        self._book(self._head.world, asset, amount.copy_negate())
        self.check((asset,))

    def lock(self, account: str, asset: str, amount: Decimal) -> None:
        """Move free money aside; a negative amount frees it again."""
        balance = self.balance(account, asset)
        balance.free = subtract(balance.free, amount)
        balance.locked = add(balance.locked, amount)
        if balance.free < 0 or balance.locked < 0:
            raise Bug(f"account {account}: {asset} locked beyond what there is")

    def spend_locked(self, account: str, asset: str, amount: Decimal) -> None:
        """Pay the world out of what was locked."""
        balance = self.balance(account, asset)
        balance.locked = subtract(balance.locked, amount)
        if balance.locked < 0:
            raise Bug(f"account {account}: {asset} spent beyond what was locked")
        self._book(self._head.world, asset, amount)

    def receive(self, account: str, asset: str, amount: Decimal) -> None:
        """Get money from the world."""
        balance = self.balance(account, asset)
        balance.free = add(balance.free, amount)
        self._book(self._head.world, asset, amount.copy_negate())

    def pay(self, account: str, asset: str, amount: Decimal) -> None:
        """Pay the world out of what is free."""
        balance = self.balance(account, asset)
        balance.free = subtract(balance.free, amount)
        if balance.free < 0:
            raise Bug(f"account {account}: {asset} paid beyond what there is")
        self._book(self._head.world, asset, amount)

    def owed(self, account: str, asset: str) -> Decimal:
        """Tell what an account borrowed of an asset and has not paid back."""
        return self._head.loans.get(account, {}).get(asset, ZERO)

    def borrow(self, account: str, asset: str, amount: Decimal) -> None:
        """Lend an account something of the world's."""
        self._owe(account, asset, amount)
        self.receive(account, asset, amount)

    def repay(self, account: str, asset: str) -> None:
        """Pay back what an account borrowed, as far as it is free."""
        amount = min(self.owed(account, asset), self.free(account, asset))
        if amount > 0:
            self.pay(account, asset, amount)
            self._owe(account, asset, amount.copy_negate())

    def charge_interest(self, account: str, asset: str, amount: Decimal) -> None:
        """Let an account owe more: the world lends it what it pays to the exchange."""
        self._owe(account, asset, amount)
        self._book(self._head.world, asset, amount.copy_negate())
        self._book(self._head.fees, asset, amount)

    def forgive(self, account: str) -> dict[str, Decimal]:
        """Let an account owe nothing any more, and tell what it owed."""
        return self._head.loans.pop(account, {})

    def _owe(self, account: str, asset: str, amount: Decimal) -> None:
        loans = self._head.loans.setdefault(account, {})
        owed = add(loans.get(asset, ZERO), amount)
        if owed < 0:
            raise Bug(f"account {account}: {asset} paid back beyond what it owes")
        loans[asset] = owed
        if not owed:
            del loans[asset]
            if not loans:
                del self._head.loans[account]

    def pay_fee(self, account: str, asset: str, amount: Decimal, *, from_locked: bool) -> None:
        """Pay the exchange; a negative amount is a rebate."""
        balance = self.balance(account, asset)
        if from_locked:
            balance.locked = subtract(balance.locked, amount)
        else:
            balance.free = subtract(balance.free, amount)
        if balance.free < 0 or balance.locked < 0:
            raise Bug(f"account {account}: fee beyond what there is of {asset}")
        self._book(self._head.fees, asset, amount)

    def check(self, assets: Iterable[str] | None = None) -> None:
        """
        Assert that nothing was made or lost: accounts, fees and world together hold zero of each asset.

        Args:
            assets: Which; None for every asset there is.

        Raises:
            Bug: If a sum is not zero or a balance lies below zero.
        """
        head = self._head
        if assets is None:
            assets = sorted({asset for holdings in head.accounts.values() for asset in holdings} | head.world.keys())
        for asset in assets:
            total = add(head.world.get(asset, ZERO), head.fees.get(asset, ZERO))
            for name, holdings in head.accounts.items():
                balance = holdings.get(asset)
                if balance is not None:
                    if balance.free < 0 or balance.locked < 0:
                        raise Bug(f"account {name}: {asset} below zero")
                    total = add(total, add(balance.free, balance.locked))
            if total != 0:
                raise Bug(f"{asset}: {total} came from nowhere")

    @staticmethod
    def _book(book: dict[str, Decimal], asset: str, amount: Decimal) -> None:
        book[asset] = add(book.get(asset, ZERO), amount)
