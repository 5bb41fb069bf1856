"""The command line: one file a command, each a thin layer over one room.

May import anything of the product. The only room that reads the real clock, the process's
environment and randomness (`settings`) and that ends the process. Never: a backend by name.
"""
