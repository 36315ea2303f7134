#pragma once

struct portMUX_TYPE {
  int depth;
};
#define portMUX_INITIALIZER_UNLOCKED {0}

void critical(portMUX_TYPE* mux, int change);
#define portENTER_CRITICAL(mux) critical(mux, 1)
#define portEXIT_CRITICAL(mux) critical(mux, -1)
#define portENTER_CRITICAL_ISR(mux) critical(mux, 1)
#define portEXIT_CRITICAL_ISR(mux) critical(mux, -1)
