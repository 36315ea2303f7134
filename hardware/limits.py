"""The limits that the circuits have to keep. The firmware's own copy is `limits.h`."""

# Wand, currents in µA.
WAND_LEVEL_UA = 416.0  # 500 µA / (1 + 0.20): the most that the firmware ever asks for
WAND_FAULT_UA = 1000.0  # mean over 20 µs, single fault, comparator dead
WAND_FAULT_WINDOW_S = 20e-6
WAND_ACCURACY_PERCENT = 3.0
WAND_SETTLED_MS = 1.1
WAND_OVERLAP_UA = 20.0
WAND_NET_UA = 0.6  # or 1 % of the level, whichever is more
WAND_DIRECT_UA = 10.0  # 10 s after a direction pin has stuck
WAND_LATCH_UA = (550.0, 680.0)
WAND_LATCH_MS = 1.0
WAND_CUT_MS = 50.0
WAND_WATCHDOG_MS = (40.0, 70.0)  # never before the firmware's own watchdog
WAND_SENSE_UA = 5.0  # contact sense, no session
WAND_CONTACT_OHM = (200.0, 20_000.0)

# Mask, irradiance in mW/cm².
MASK_CHANNEL = 80.0
MASK_TOTAL = 120.0
MASK_EXPOSURE_RATIO = 0.50
MASK_EXPOSURE_LIMIT = {"red": 200.0, "near_infrared": 364.0}
MASK_WATCHDOG_MS = (100.0, 150.0)
MASK_CUT_OUT_C = (41.0, 43.0)
MASK_MEDIAN = 15.0
MASK_POWER_UP_MA = 1.0  # a string, while pins float
SKIN_WARN_C, SKIN_DERATE_C, SKIN_STOP_C, SKIN_LATCH_C = 38.0, 39.0, 40.0, 41.0
