"""The command line: one file, or room, per command.

`parser` holds what can be typed, and imports nothing heavy, so that `--help` is quick; each command's module is
imported when it is the one to run. A command prints its result on standard output, gives its exit code, and raises
this package's errors: `__main__` turns them into one line.
"""
