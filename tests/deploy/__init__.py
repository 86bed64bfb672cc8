"""Tests of deployments: images, units, platforms, dashboards."""
