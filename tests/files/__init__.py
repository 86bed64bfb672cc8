"""Tests of files, each on a disk and in a bucket."""
