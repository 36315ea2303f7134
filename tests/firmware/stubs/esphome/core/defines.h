#pragma once
// What ESPHome generates; the tests define what they need on the command line.
