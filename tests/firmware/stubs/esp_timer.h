#pragma once
#include "esp_err.h"

struct esp_timer;
using esp_timer_handle_t = esp_timer*;
enum esp_timer_dispatch_t { ESP_TIMER_TASK };

struct esp_timer_create_args_t {
  void (*callback)(void*);
  void* arg;
  esp_timer_dispatch_t dispatch_method;
  const char* name;
};

esp_err_t esp_timer_create(const esp_timer_create_args_t* arguments, esp_timer_handle_t* handle);
esp_err_t esp_timer_start_periodic(esp_timer_handle_t timer, uint64_t period_us);
