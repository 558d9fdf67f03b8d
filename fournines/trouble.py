"""What the user can mend."""

from __future__ import annotations


class Trouble(Exception):  # noqa: N818 - it is told to the user as it stands
    """Something that the user can mend: the message says what is wrong, where, and what to do."""
