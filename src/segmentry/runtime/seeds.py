"""How large a seed may be."""

LARGEST_SEED = 2**31 - 1
"""The generators take 32 bits; starts and repetitions take the seeds that follow the one given."""
