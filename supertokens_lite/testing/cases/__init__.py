"""The cases that every door has to pass, with the bytes that are expected of all of them."""
