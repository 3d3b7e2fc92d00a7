"""Presets and page templates; a package only so that the wheel carries them."""
