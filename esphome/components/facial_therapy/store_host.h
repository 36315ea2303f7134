#pragma once
#ifdef USE_HOST
#include <string>

#include "record.h"

namespace esphome::facial_therapy {

/// A file per node, in the directory of FACIAL_THERAPY_STATE, else ESPHOME_PREFDIR, else ~/.facial_therapy.
class HostStore final : public ::facial_therapy::Store {
 public:
  Load load(::facial_therapy::Memory::Bytes& bytes) override;
  bool save(const ::facial_therapy::Memory::Bytes& bytes) override;

 private:
  std::string directory_() const;
  std::string path_() const;
};

}  // namespace esphome::facial_therapy
#endif
