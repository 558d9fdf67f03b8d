"""Remediation's side of the network: queues in, effects out."""
