"""What moves the prices: the liquidity provider, the market maker, reference prices."""
