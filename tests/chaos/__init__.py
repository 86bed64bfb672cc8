"""Users chat while faults are injected; afterwards every log is compared with the database.

    make chaos SEED=7 MINUTES=10

`site.py` runs the servers, `proxy.py` and `faults.py` inject faults, `device.py` and `user.py` are the clients,
`checker.py` compares the logs, `report.py` writes the report.
"""
