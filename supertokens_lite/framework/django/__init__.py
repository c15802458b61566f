"""Django's door: the middleware in `django_middleware`."""
