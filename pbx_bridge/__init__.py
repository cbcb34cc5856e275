"""pbx-bridge: the telephony backend behind a portal's call button."""

__version__ = "0.1.0"
