"""What crosses modules: other servers, hostile bytes, callbacks that misbehave, memory."""
