// Intel's bfloat16 tiles (AMX), where the compiler knows them.
#pragma once
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && __GNUC__ >= 11
#define SALMON_TILES 1
#include <immintrin.h>

#include <cstdint>

namespace salmon {

/** Eight tiles of 16 rows of 64 bytes. In static memory: the compiler believes that the load reads its first bytes only. */
alignas(64) inline constexpr uint8_t kTileConfig[64] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0,
                                                        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0};

__attribute__((target("amx-tile,amx-bf16"))) inline void BeginTiles() { _tile_loadconfig(kTileConfig); }

__attribute__((target("amx-tile,amx-bf16"))) inline void EndTiles() { _tile_release(); }

}  // namespace salmon

#endif
