"""The random cases of the model in merging.py."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass
class Case:
    """What happens in one case; times are ns behind START."""

    seed: int
    calm: bool  # all lags are below HOLD, nothing is lost, and notices come behind everything
    rotations: int = 1
    loses_old: bool = False
    loses_new: bool = False
    overtaking: bool = False  # the termination notice overtakes events that lag
    buffer: int = 0  # events that the consumer's buffer has room for; 0: on_event
    differing: bool = False  # a field differs between connections
    twins: bool = False  # some events cannot be told from one another


def random_case(seed: int) -> Case:
    """A case of any kind."""
    rng = random.Random(seed)
    calm = rng.random() < 0.4
    twins = rng.random() < 0.2
    return Case(
        seed,
        calm,
        rotations=1 if twins else rng.choice([1, 1, 1, 2, 3]),
        loses_old=not calm and rng.random() < 0.3,
        loses_new=not calm and rng.random() < 0.2,
        overtaking=not calm and not twins and rng.random() < 0.15,
        buffer=0 if twins else rng.choice([0, 0, 2, 5, 1000]),
        differing=rng.random() < 0.1,
        twins=twins,
    )
