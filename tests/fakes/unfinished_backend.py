"""A backend that needs what nobody has."""

import not_installed  # type: ignore[import-not-found]

Backend = not_installed.Backend
