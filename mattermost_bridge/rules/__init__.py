"""Pure decisions on plain values: no Django, no I/O, no clock and no randomness that is not passed in.

A decision that an operator may question is made here and nowhere else, and it returns its reasons.
"""
