"""Tests of the pure rules: tables and properties."""
