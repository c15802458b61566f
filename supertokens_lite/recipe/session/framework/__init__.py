"""`verify_session` for each framework, in a module of its name."""
