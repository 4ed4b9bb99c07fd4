"""Agents that take tools: what they send and read, where they may not, and that nothing is done twice.

A real HTTP server asks for tools as a model does; the posts stand in the sandbox.
"""
