"""Promises that the code keeps about itself."""
