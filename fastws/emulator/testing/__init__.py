"""The exchange for its users: the Emulator, its thread, scripts, the demo account, the recorder and the replay."""
