"""Put on the path of a Home Assistant of the tests, so that Python loads its `sitecustomize`."""
