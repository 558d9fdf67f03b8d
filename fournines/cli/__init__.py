"""The command line: a table of commands, each loaded only when it is called."""
