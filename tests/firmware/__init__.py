"""The firmware: its pure part compiled by g++, its YAML checked by ESPHome, and the real compiled node."""
