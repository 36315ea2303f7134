#pragma once
#include <string>

namespace esphome {

struct Name {
  std::string str() const { return "node"; }
};

struct Application {
  Name get_name() const { return {}; }
};

inline Application App;

}  // namespace esphome
