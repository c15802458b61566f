"""Recipes: what an application can be given."""
