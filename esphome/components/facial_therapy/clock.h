#pragma once
/// Node uptime: milliseconds modulo 2^32, compared only as differences.
#include <cstdint>

namespace facial_therapy {

/// Whether `then` has come at `now`; right as long as the two are less than 24 days apart.
constexpr bool reached(uint32_t now_ms, uint32_t then_ms) { return now_ms - then_ms < 0x8000'0000u; }

/// What is left until `then`; 0 once it has come.
constexpr uint32_t left(uint32_t now_ms, uint32_t then_ms) { return reached(now_ms, then_ms) ? 0 : then_ms - now_ms; }

}  // namespace facial_therapy
