"""Durar's application: Mattermost bots on one side, AI agents on the other, and the operators' panel between them.

Three rings: edges (admin, tasks, listeners, management) call services, services change records and ask the rules,
and the rules decide on plain values. `docs/contributing.md` has the map.
"""
