"""Market data streams: what each shows of the one market that the engine moves, and who receives it."""
