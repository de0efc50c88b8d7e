"""The state that requests act on, user data streams, and data sources that lag behind the engine."""
