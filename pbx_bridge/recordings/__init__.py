"""What becomes of sound: files that Asterisk has finished are sealed, kept as long as they may be, heard by
those who may, and deleted. It decides nothing about calls."""
