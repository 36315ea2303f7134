#pragma once
#include "esp_err.h"

enum dac_channel_t { DAC_CHAN_0, DAC_CHAN_1 };
struct dac_oneshot_s;
using dac_oneshot_handle_t = dac_oneshot_s*;

struct dac_oneshot_config_t {
  dac_channel_t chan_id;
};

esp_err_t dac_oneshot_new_channel(const dac_oneshot_config_t* config, dac_oneshot_handle_t* handle);
esp_err_t dac_oneshot_output_voltage(dac_oneshot_handle_t handle, uint8_t value);
