"""The service that connects the rooms: config, clock, store, jobs, commands, web, Slack and reports."""
