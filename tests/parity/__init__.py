"""Scenarios that give the same answers through both doors."""
