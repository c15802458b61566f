"""The engine between the recipe and the effects: coroutines that wait only through an IO."""
