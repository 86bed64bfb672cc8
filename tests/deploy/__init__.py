"""What is deployed: images, units, platforms, dashboards."""
