"""The private names of libraries that this server depends on: one module per library, used by all other code.

Each module gives the names that it uses a plain name of its own, says why it is used, and lists the versions with which
it was tested (`TESTED`: the first and the last). `versions.py` compares them with the installed ones. Names are bound
once, at import or at start-up, so that a message costs no additional call.
"""
