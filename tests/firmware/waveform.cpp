// The wand's waveform and its net current behind a C interface, for tests that integrate by themselves.
#include "../../esphome/components/facial_therapy/waveform.h"

using namespace facial_therapy;

extern "C" {

Waveform* wave_new(int32_t first) { return new Waveform(first != 0); }
void wave_free(Waveform* wave) { delete wave; }
void wave_begin(Waveform* wave, uint32_t period_us) { wave->begin(period_us); }
int32_t wave_next(Waveform* wave, uint32_t wanted_ua, uint32_t* duration_us, uint32_t* period) {
  const Waveform::Half half = wave->next(wanted_ua);
  *duration_us = half.duration_us, *period = half.period;
  return half.current_ua;
}

NetCurrent* net_new() { return new NetCurrent; }
void net_free(NetCurrent* net) { delete net; }
void net_begin(NetCurrent* net, uint32_t now_ms, uint32_t period_us) { net->begin(now_ms, period_us); }
void net_sample(NetCurrent* net, uint32_t now_ms, uint32_t period, int32_t negative, int32_t current_na) {
  net->sample(now_ms, {0, negative != 0 ? -1 : 1, period}, current_na);
}
int32_t net_known(NetCurrent* net) { return net->known(); }
int32_t net_mean_na(NetCurrent* net) { return net->mean_na(); }

}  // extern "C"
