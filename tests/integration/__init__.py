"""The integration in a Home Assistant core, on a device that obeys the contract."""
