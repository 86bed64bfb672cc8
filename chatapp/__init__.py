"""A self-hosted chat server. `chatapp.app` makes the application.

Nothing is imported here: the processes that only start and watch others import single modules of this package.
"""
