"""``make chaos``: seed after seed, until the time is over; then clients are killed. It ends with 1 if a rule broke.

``make chaos SEED=7`` carries out the two plans of a seed: one with all faults, and one in which connections end only as
planned or announced. ``make chaos SEED=7 SECONDS=120`` carries out those of the seeds from 7 on.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

from helpers.support import run

from .kills import kill_all
from .runner import carry_out
from .setting import Setting, loop_of

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="the first seed; by default a random one")
    parser.add_argument("--seconds", type=float, help="by default 60, or with --seed its plan alone")
    parser.add_argument(
        "--kills", type=int, help="how many clients are killed; by default 200, or with --seed none"
    )
    parser.add_argument("--moment", type=int, help="kill one client, at this moment, and do nothing else")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.moment is not None:
        return _kill([options.moment])
    alone = options.seed is not None and options.seconds is None
    seed = int.from_bytes(os.urandom(3), "big") if options.seed is None else options.seed
    seconds = options.seconds if options.seconds is not None else 0.0 if alone else 60.0
    kills = options.kills if options.kills is not None else 0 if alone else 200
    failed = _carry_out(seed, seconds)
    if kills and hasattr(os, "fork"):
        failed += _kill(list(range(seed, seed + kills)))
    return int(failed > 0)


def _carry_out(first: int, seconds: float) -> int:
    """Carry out the plans of seeds until the time is over, at least one; how many failed."""
    deadline = time.monotonic() + seconds
    failed, seed = 0, first
    while seed == first or time.monotonic() < deadline:
        start = time.monotonic()
        try:
            requests = carry_out(seed) + carry_out(seed, planned=True)
        except AssertionError as error:
            failed += 1
            print(f"seed {seed} failed: {error}", flush=True)
        else:
            took = f"{requests} requests in {time.monotonic() - start:.1f} s"
            print(f"seed {seed}: {took}, {Setting.of(seed)}, {loop_of(seed)}", flush=True)
        seed += 1
    print(f"{seed - first} seeds, {failed} of them failed")
    return failed


def _kill(moments: list[int]) -> int:
    """Kill a client at each moment; for how many the next process knew less than all."""
    wrong = run(kill_all(moments), timeout=60.0 + 10.0 * len(moments))
    for moment, found in wrong.items():
        print(f"moment {moment} (again: make chaos ARGS='--moment {moment}'):", *found, sep="\n  ")
    print(f"{len(moments)} clients were killed; of {len(wrong)} the next process did not know all")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
