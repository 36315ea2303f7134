#pragma once
/// The words of the device contract as values, and how they are spelled on the wire. The order is no part of the
/// contract.
#include <array>
#include <cstddef>
#include <cstdint>

namespace facial_therapy {

enum class Modality : uint8_t { MASK, WAND };
enum class Grade : uint8_t { NONE, DECLARED, MEASURED };
enum class EyeShield : uint8_t { NONE, FIXED, SENSED };

/// Output flows in RAMPING and RUNNING only.
enum class State : uint8_t { IDLE, ARMED, RAMPING, RUNNING, SUSPENDED, PAUSED, FAULT };

/// How warm the skin is. DERATED: levels are at half.
enum class Heat : uint8_t { NONE, WARM, DERATED };

/// Why a session is suspended.
enum class Cause : uint8_t { NONE, CONTACT, LEASE, CLIENT, OUTPUT_WATCHDOG };

/// OPEN while the session lives; COMMISSIONED or RESET is record 1. Stored: append only.
enum class Outcome : uint8_t { OPEN, COMMISSIONED, COMPLETED, PARTIAL, STOPPED, FAULT, VOID, UNCLOSED, RESET };

/// Latched over reboots until a person clears it; the value is its bit in a set of faults. Stored: append only.
enum class Fault : uint8_t {
  OVER_TEMPERATURE,
  TEMPERATURE_SENSOR,
  WORN_STUCK,
  OVER_CURRENT,
  NET_CHARGE,
  FLICKER,
  STORE,
  OUTPUT_WATCHDOG
};
inline constexpr size_t FAULTS = 8;

enum class Reason : uint8_t {
  OK,
  WRONG_BOOT,
  NOT_CLIENT,
  STALE,
  OUT_OF_BOUNDS,
  BAD_CHANNEL,
  BAD_SESSION,
  NO_RECORD,
  BUSY,
  WRONG_STATE,
  FAULTED,
  UNSEEN_SESSION,
  BUTTON_NEEDED,
  EYE_SHIELD_MISSING,
  NOT_CALIBRATED,
  CHARGING,
  SENSOR_NOT_READY,
  TOO_HOT,
  STORE_FAILED,
  BROWN_OUT,
  TOO_SOON,
  NOT_ENROLLED,
  PROFILES_FULL,
  PROFILE_GAP,
  WRONG_KEY,
  LEASE_ALIVE,
  DOSE_DAY,
  DOSE_WEEK,
  BLUE_WEEK,
  SESSIONS_DAY,
  SESSIONS_WEEK,
  REST,
  REST_BLUE,
};

inline constexpr std::array STATE_WORDS{"idle", "armed", "ramping", "running", "suspended", "paused", "fault"};
inline constexpr std::array HEAT_WORDS{"-", "warm", "derated"};
inline constexpr std::array CAUSE_WORDS{"-", "contact", "lease", "client", "output_watchdog"};
inline constexpr std::array OUTCOME_WORDS{"open",  "commissioned", "completed", "partial", "stopped",
                                          "fault", "void",         "unclosed",  "reset"};
inline constexpr std::array FAULT_WORDS{
    "over_temperature", "temperature_sensor", "worn_stuck", "over_current", "net_charge", "flicker", "store",
    "output_watchdog"};
inline constexpr std::array REASON_WORDS{"ok",
                                         "wrong_boot",
                                         "not_client",
                                         "stale",
                                         "out_of_bounds",
                                         "bad_channel",
                                         "bad_session",
                                         "no_record",
                                         "busy",
                                         "wrong_state",
                                         "faulted",
                                         "unseen_session",
                                         "button_needed",
                                         "eye_shield_missing",
                                         "not_calibrated",
                                         "charging",
                                         "sensor_not_ready",
                                         "too_hot",
                                         "store_failed",
                                         "brown_out",
                                         "too_soon",
                                         "not_enrolled",
                                         "profiles_full",
                                         "profile_gap",
                                         "wrong_key",
                                         "lease_alive",
                                         "dose_day",
                                         "dose_week",
                                         "blue_week",
                                         "sessions_day",
                                         "sessions_week",
                                         "rest",
                                         "rest_blue"};
inline constexpr std::array GRADE_WORDS{"none", "declared", "measured"};
inline constexpr std::array EYE_SHIELD_WORDS{"none", "fixed", "sensed"};
inline constexpr std::array MODALITY_WORDS{"mask", "wand"};

/// The wire's word of a value.
template <typename Words, typename Value>
constexpr const char* word(const Words& words, Value value) {
  return words[static_cast<size_t>(value)];
}

/// Channels of the mask have numbers 1 to 4 on the wire and these places in arrays; the wand is place 0, number 5.
enum Place : uint8_t { RED, NEAR_INFRARED, BLUE, AMBER, PLACES };
inline constexpr uint32_t WAND_NUMBER = 5;

}  // namespace facial_therapy
