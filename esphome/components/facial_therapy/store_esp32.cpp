#include "store_esp32.h"

#ifdef USE_ESP32
#include <nvs.h>

namespace esphome::facial_therapy {

using ::facial_therapy::Memory;

namespace {
constexpr const char* SPACE = "facial_therapy";
constexpr const char* KEY = "records";
}  // namespace

Esp32Store::Load Esp32Store::load(Memory::Bytes& bytes) {
  nvs_handle_t handle;
  esp_err_t error = nvs_open(SPACE, NVS_READONLY, &handle);
  if (error != ESP_OK) return error == ESP_ERR_NVS_NOT_FOUND ? Load::MISSING : Load::UNREADABLE;
  size_t size = bytes.size();
  error = nvs_get_blob(handle, KEY, bytes.data(), &size);
  nvs_close(handle);
  if (error == ESP_ERR_NVS_NOT_FOUND) return Load::MISSING;
  return error == ESP_OK && size == bytes.size() ? Load::OK : Load::UNREADABLE;
}

bool Esp32Store::save(const Memory::Bytes& bytes) {
  nvs_handle_t handle;
  if (nvs_open(SPACE, NVS_READWRITE, &handle) != ESP_OK) return false;
  const bool written = nvs_set_blob(handle, KEY, bytes.data(), bytes.size()) == ESP_OK && nvs_commit(handle) == ESP_OK;
  nvs_close(handle);
  return written && this->load(this->back_) == Load::OK && this->back_ == bytes;
}

}  // namespace esphome::facial_therapy
#endif
