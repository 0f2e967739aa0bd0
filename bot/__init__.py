"""Wakes up, wires, starts: settings, composition, lifecycle, health."""
