"""The exchange as users start it: the Emulator, its thread, scripts, the demo account, the recorder and the replay."""
