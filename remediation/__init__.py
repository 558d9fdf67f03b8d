"""What may be done without a person, and when: from events to decisions, actions and their proof."""
