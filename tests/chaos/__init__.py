"""People talk while everything around them breaks; then every log is compared with the database.

    make chaos SEED=7 MINUTES=10

`site.py` is what they talk on, `proxy.py` and `strikes.py` what breaks, `device.py` and `human.py` who talks,
`checker.py` what has to hold, `report.py` what is told of it.
"""
