"""What is random in a test of faults can be repeated."""

import os
from random import Random


def printed_random() -> Random:
    """Of a new seed, or of that in FAULTS_SEED; a test that fails shows which."""
    seed = int(os.environ.get("FAULTS_SEED", Random().randrange(1 << 30)))
    print(f"FAULTS_SEED={seed}")
    return Random(seed)
