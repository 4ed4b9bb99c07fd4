"""Made-up records for development: enough of them to see how the panel looks and how fast it is when it is full.

They look like those of a bridge that has run for a month. Nothing of them is real: addresses end in `.example`, there
are no tokens, and every account's id begins with `sample-`.
"""
