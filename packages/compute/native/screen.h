// Screening: which entries of x W^T may lie above their thresholds, told from products in low precision with a bound of their error.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

// Products of bytes, where the compiler knows them.
#if defined(__x86_64__) && defined(__GNUC__) && __GNUC__ >= 11
#define SALMON_BYTES 1
#endif

namespace salmon {

struct ScreenTask {
  const float* x;  // [batch * d]
  int64_t batch, d;
  const float* rows;  // [latents * d]
  int64_t latents;
  const float* bias;  // [latents] or null
  const float* low;   // [latents]
};

/** Rows whose marks share a word. */
constexpr int64_t kMarkRows = 32;
/** Latents marked at a time: in low precision they stay in the second-level cache. */
constexpr int64_t kMarkLatents = 128;

/** Holds the batch in low precision; latents are brought into it a block at a time. */
class Screener {
 public:
  virtual ~Screener() = default;
  /**
   * For latents first .. first + count - 1 (at most kMarkLatents): bit r % 32 of marks[i * words + r / 32] says whether row r may lie above. Words:
   * batch / 32, rounded up. A pair that is not marked lies below; a pair with a NaN is marked.
   */
  virtual void Mark(int64_t first, int64_t count, uint32_t* marks) const = 0;
};

/** Ways to screen, in order of preference. */
enum class ScreenPath { kTiles = 0, kBytes512 = 1, kBytes256 = 2, kBytesPlain = 3 };
constexpr int kScreenPaths = 4;

/** Whether this processor runs it (tried where a virtual machine may announce what it does not run). */
bool HasScreen(ScreenPath path);

/** The fastest one, or null where none beats the float32 product. */
const ScreenPath* BestScreen();

std::unique_ptr<Screener> TileScreener(const ScreenTask& task);
std::unique_ptr<Screener> ByteScreener(const ScreenTask& task, ScreenPath path);

struct Entries {
  std::vector<int32_t> starts;  // [latents + 1]
  std::vector<int32_t> row;
  std::vector<float> value;
};

/** The entries of x rows^T + bias above `low`; false, and none, where so many pairs are near that the float32 product costs less. */
bool ScreenEntries(const ScreenTask& task, ScreenPath path, Entries& entries);

/** What an entry of latent f must exceed before its bias is added, less the rounding of that sum. */
float LimitOf(const ScreenTask& task, int64_t f);

}  // namespace salmon
