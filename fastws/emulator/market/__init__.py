"""What moves the prices: the liquidity of the house, the market maker, reference prices."""
