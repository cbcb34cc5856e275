"""Measurements of pbx-bridge beside a bare Asterisk; see README.md."""
