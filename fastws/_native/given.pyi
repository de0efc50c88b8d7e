# Everything in this module is for compiled code.
