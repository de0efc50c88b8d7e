"""Benchmarks of fastws; README.md beside this file says how to run and how to read them."""
