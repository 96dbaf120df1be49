"""Bills as AWS writes them, invented: what an audit is tried on.

The simulator knows AWS's billing and none of curecon's code that judges it, so that an error in one
shows against the other: it imports no reading, decoding, matching or comparing.
"""

from curecon.simulate.story import simulate

__all__ = ["simulate"]
