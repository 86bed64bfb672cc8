"""Tests of the Socket.IO API."""
