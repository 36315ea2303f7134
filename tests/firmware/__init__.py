"""Tests of the firmware: its pure part, its YAML as ESPHome checks it, and the compiled nodes."""
