"""The conformance kit: whether a framework's door does over HTTP what every other door does, byte for byte.

An application calls `application.begin` and serves the routes that `application` describes; a test file names the
command that serves it. See the guide "A door for another framework".
"""
