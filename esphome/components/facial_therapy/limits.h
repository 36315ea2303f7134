#pragma once
/// The firmware's own copy of the hard ceilings. Nobody passes them: not Home Assistant, not YAML, not a bug elsewhere.
///
/// One constant per line, `NAME = value;  // unit; source` (source: a row of docs/safety.md): a contract test compares
/// them with custom_components/facial_therapy/core/limits.py. Every ceiling of light and current holds for charged
/// values: nominal x (1 + U).
#include <cstdint>

namespace facial_therapy {

// --- light; all of them are scaled by the skin factor --------------------------------------------------------------
inline constexpr uint32_t MASK_RED_IRRADIANCE_UW_CM2 = 80'000;                 // uW/cm2; L1
inline constexpr uint32_t MASK_NEAR_INFRARED_IRRADIANCE_UW_CM2 = 80'000;       // uW/cm2; L2
inline constexpr uint32_t MASK_BLUE_IRRADIANCE_UW_CM2 = 40'000;                // uW/cm2; L3
inline constexpr uint32_t MASK_AMBER_IRRADIANCE_UW_CM2 = 50'000;               // uW/cm2; L4
inline constexpr uint32_t MASK_TOTAL_IRRADIANCE_UW_CM2 = 120'000;              // uW/cm2; L5
inline constexpr uint32_t MASK_EXPOSURE_RATIO_PERMILLE = 500;                  // permille; L6
inline constexpr uint32_t MASK_EXPOSURE_LIMIT_UW_CM2 = 200'000;                // uW/cm2; L6
inline constexpr uint32_t MASK_NEAR_INFRARED_EXPOSURE_LIMIT_UW_CM2 = 364'000;  // uW/cm2; L6
inline constexpr uint32_t MASK_RED_FLUENCE_UJ_CM2 = 60'000'000;                // uJ/cm2; L8
inline constexpr uint32_t MASK_NEAR_INFRARED_FLUENCE_UJ_CM2 = 60'000'000;      // uJ/cm2; L9
inline constexpr uint32_t MASK_BLUE_FLUENCE_UJ_CM2 = 30'000'000;               // uJ/cm2; L10
inline constexpr uint32_t MASK_AMBER_FLUENCE_UJ_CM2 = 30'000'000;              // uJ/cm2; L11
inline constexpr uint32_t MASK_FLUENCE_UJ_CM2 = 100'000'000;                   // uJ/cm2; L12
inline constexpr uint32_t MASK_FLUENCE_DAY_UJ_CM2 = 100'000'000;               // uJ/cm2; L13
inline constexpr uint32_t MASK_FLUENCE_WEEK_UJ_CM2 = 300'000'000;              // uJ/cm2; L14
inline constexpr uint32_t MASK_BLUE_WEEK_UJ_CM2 = 90'000'000;                  // uJ/cm2; L15

// --- current -------------------------------------------------------------------------------------------------------
inline constexpr uint32_t WAND_CURRENT_UA = 500;                // uA; M1
inline constexpr uint32_t WAND_HARDWARE_CURRENT_UA = 1'000;     // uA; M2
inline constexpr uint32_t WAND_CURRENT_DENSITY_UA_CM2 = 2'000;  // uA/cm2; M3
inline constexpr uint32_t WAND_CHARGE_UC = 450'000;             // uC; M15
inline constexpr uint32_t WAND_HALF_PERIOD_CHARGE_UC = 150;     // uC; M20
inline constexpr uint32_t WAND_PERIOD_MINIMUM_US = 3'334;       // us; M5
inline constexpr uint32_t WAND_PERIOD_US = 1'000'000;           // us; M5
inline constexpr uint32_t WAND_IMPEDANCE_MINIMUM_OHM = 200;     // ohm; M8
inline constexpr uint32_t WAND_IMPEDANCE_OHM = 20'000;          // ohm; M8
inline constexpr uint32_t WAND_NET_CURRENT_NA = 10'000;         // nA; M6
inline constexpr uint32_t WAND_NET_WINDOW_MS = 100;             // ms; least length of the mean, in whole periods
inline constexpr uint32_t WAND_NET_PATIENCE_MS = 2'000;  // ms; a polarity not sampled for this long has not flowed
inline constexpr uint32_t WAND_OVER_CURRENT_PERMILLE = 1'100;  // permille; M22, of the level
inline constexpr uint32_t WAND_OVER_CURRENT_UA = 20;           // uA; M22, above the level, what a converter resolves
inline constexpr uint32_t WAND_CUT_MS = 50;                    // ms; M12: from then on nothing flows
inline constexpr uint32_t WAND_CURRENT_STALE_MS = 50;          // ms; an older reading of the current is none
inline constexpr uint32_t WAND_ZONE_S = 180;                   // s; M14
inline constexpr uint32_t WAND_CONTACTS = 20;                  // 1; M11

// --- calibration ---------------------------------------------------------------------------------------------------
inline constexpr uint32_t MEASURED_UNCERTAINTY_PERMILLE = 200;  // permille; the least that a measured node may claim
inline constexpr uint32_t DECLARED_UNCERTAINTY_PERMILLE = 500;  // permille; of a data sheet, and of a node without any
inline constexpr uint32_t DECLARED_SESSION_S = 600;             // s; L28
inline constexpr uint32_t UNCALIBRATED_SESSION_S = 60;          // s; L28
inline constexpr uint32_t UNCALIBRATED_FLUENCE_UJ_CM2 = 6'000'000;   // uJ/cm2; L28
inline constexpr uint32_t UNCALIBRATED_IRRADIANCE_UW_CM2 = 100'000;  // uW/cm2; L28, what full drive is taken for

// --- windows and rest of one person ----------------------------------------------------------------------------------
inline constexpr uint32_t DAY_S = 86'400;                  // s; a day's window
inline constexpr uint32_t WEEK_S = 604'800;                // s; a week's window
inline constexpr uint32_t MASK_SESSIONS_DAY = 2;           // 1; L16
inline constexpr uint32_t MASK_SESSIONS_WEEK = 7;          // 1; L17
inline constexpr uint32_t MASK_REST_S = 21'600;            // s; L18
inline constexpr uint32_t MASK_BLUE_REST_S = 72'000;       // s; L18
inline constexpr uint32_t WAND_CHARGE_DAY_UC = 450'000;    // uC; M15
inline constexpr uint32_t WAND_SESSIONS_DAY = 1;           // 1; M16, kept by the rest
inline constexpr uint32_t WAND_SESSIONS_WEEK = 5;          // 1; M17
inline constexpr uint32_t WAND_REST_S = 72'000;            // s; M18
inline constexpr uint32_t COUNTS_FROM_PERMILLE = 200;      // permille; of its plan, from where a session counts as one
inline constexpr uint32_t PROFILE_GAP_S = 600;             // s; X11
inline constexpr uint32_t PROFILE_TEMPERATURE_CC = 3'700;  // hundredths of a degree Celsius; X11

// --- time ----------------------------------------------------------------------------------------------------------
inline constexpr uint32_t MASK_SESSION_S = 1'200;           // s; L7
inline constexpr uint32_t WAND_SESSION_S = 900;             // s; M13
inline constexpr uint32_t MASK_LEASE_MS = 10'000;           // ms; L27
inline constexpr uint32_t WAND_LEASE_MS = 5'000;            // ms; L27
inline constexpr uint32_t LEASE_MINIMUM_MS = 1'000;         // ms; L27
inline constexpr uint32_t MASK_WINDOW_S = 1'800;            // s; L30
inline constexpr uint32_t WAND_WINDOW_S = 300;              // s; M21
inline constexpr uint32_t MASK_RAMP_MS = 3'000;             // ms; L23
inline constexpr uint32_t WAND_RAMP_MS = 5'000;             // ms; M11
inline constexpr uint32_t MASK_CONTACT_WINDOW_MS = 20'000;  // ms; L29
inline constexpr uint32_t WAND_CONTACT_WINDOW_MS = 5'000;   // ms; M11
inline constexpr uint32_t KEPT_MS = 600'000;                // ms; how long a suspended or paused session is kept
inline constexpr uint32_t SESSION_LIFE_S = 3'600;           // s; X13: from its first output, pauses included
inline constexpr uint32_t NOT_AFTER_MS = 2'000;             // ms; how far ahead a command may be void
inline constexpr uint32_t MASK_SILENCE_MS = 100;            // ms; loop silence that trips the output watchdog
inline constexpr uint32_t WAND_SILENCE_MS = 40;             // ms; M12: zero within 50 ms
inline constexpr uint32_t WATCHDOG_PERIOD_MS = 5;           // ms; how often the output watchdog looks
inline constexpr uint32_t WATCHDOG_TRIPS = 3;               // 1; the third ends the session

// --- flicker -------------------------------------------------------------------------------------------------------
inline constexpr uint32_t OFF_BEFORE_ON_MS = 3'000;     // ms; L23
inline constexpr uint32_t ON_EDGES = 3;                 // 1; L23
inline constexpr uint32_t ON_EDGES_WINDOW_MS = 30'000;  // ms; L23
inline constexpr uint32_t PWM_MINIMUM_HZ = 3'000;       // Hz; L23

// --- temperature and sensors ---------------------------------------------------------------------------------------
inline constexpr uint32_t TEMPERATURE_WARN_CC = 3'800;     // hundredths of a degree Celsius; L21
inline constexpr uint32_t TEMPERATURE_DERATE_CC = 3'900;   // hundredths of a degree Celsius; L21, half the level
inline constexpr uint32_t TEMPERATURE_BACK_CC = 50;        // hundredths of a degree Celsius; below, either ends
inline constexpr uint32_t TEMPERATURE_FROZEN_MS = 60'000;  // ms; of output without any change: the sensor is frozen
inline constexpr uint32_t TEMPERATURE_STOP_CC = 4'000;     // hundredths of a degree Celsius; L21
inline constexpr uint32_t TEMPERATURE_LATCH_CC = 4'100;    // hundredths of a degree Celsius; L21
inline constexpr uint32_t TEMPERATURE_LEAST_CC = 500;      // hundredths of a degree Celsius; colder: an open sensor
inline constexpr uint32_t TEMPERATURE_MOST_CC = 8'000;     // hundredths of a degree Celsius; hotter: a shorted sensor
inline constexpr uint32_t TEMPERATURE_STALE_MS = 5'000;    // ms; an older reading is none
inline constexpr uint32_t IMPEDANCE_STALE_MS = 50;         // ms; M12
inline constexpr uint32_t BUTTON_SHORT_MS = 3'000;         // ms; held for this, a profile can be enrolled
inline constexpr uint32_t BUTTON_RESET_MS = 10'000;        // ms; held for this, a missing or unreadable store is reset
inline constexpr uint32_t BUTTON_RECENT_MS = 60'000;  // ms; a press clears a fault for this long; held longer: stuck
inline constexpr uint32_t BROWN_OUT_MS = 60'000;      // ms; X12

// --- records -------------------------------------------------------------------------------------------------------
inline constexpr uint32_t RECORDS = 32;                     // 1; sessions that the node remembers
inline constexpr uint32_t PROFILES = 4;                     // 1; people who share a node
inline constexpr uint32_t CHARGES = 16;                     // 1; doses that are kept apart for each of them
inline constexpr uint32_t SAVE_IDLE_MS = 3'600'000;         // ms; how often age is stored when idle: flash wears
inline constexpr uint32_t EPOCH_MINIMUM_S = 1'767'225'600;  // s; 2026-01-01: a clock that says less is not set

}  // namespace facial_therapy
