"""System checks: what an operator can get wrong, each with an id and a hint."""
