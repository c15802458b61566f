"""A real browser with the official frontend SDK against an application: `nox -s browser`."""
