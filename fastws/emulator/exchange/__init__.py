"""The state that requests act on, and what others see of it: streams, and views that lag behind the engine."""
