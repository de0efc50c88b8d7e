"""The simulated market: the liquidity provider, price moves, reference prices."""
