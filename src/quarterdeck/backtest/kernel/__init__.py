"""
The compiled kernel: one pass over the bars of many instruments that share one wallet.

It holds no rule of its own: what may be done, what it costs and when it happens is said by the pure functions of the
core, which it compiles as they stand.
"""

from quarterdeck.backtest.kernel.run import is_compiled, run_kernel

__all__ = ["is_compiled", "run_kernel"]
