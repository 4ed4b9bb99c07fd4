"""Registering slash commands: what a run makes of Mattermost and of the records, and what starts one."""
