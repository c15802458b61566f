"""The commands on the sessions of a live core: one file per command.

`options` has what can be typed, and imports nothing heavy; `connection`, `source` and `change` turn what was typed into
what the SDK takes.
"""
