"""For all tests."""

from hypothesis import settings

# A busy machine takes its time: how long one example takes says nothing. What hangs is ended by pytest's timeout.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
