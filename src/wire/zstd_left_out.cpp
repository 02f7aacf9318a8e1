// SPDX-License-Identifier: Apache-2.0
// Stands in for the parts of the static libzstd that nothing here can reach, so that the linker leaves them out of a
// release: the formats before 1.0 (a body of theirs is refused by its first bytes) and the slowest ways to compress (no
// strategy beyond lazy2 is ever set). The names are the library's; should it change, a release does not link.
#include "base/check.h"

// NOLINTBEGIN(readability-identifier-naming)
#define STINT_LEFT_OUT(name) \
  extern "C" void name() { STINT_CHECK(false); }

#define STINT_LEFT_OUT_VERSION(version)                      \
  STINT_LEFT_OUT(ZSTDv##version##_createDCtx)                \
  STINT_LEFT_OUT(ZSTDv##version##_freeDCtx)                  \
  STINT_LEFT_OUT(ZSTDv##version##_decompress_usingDict)      \
  STINT_LEFT_OUT(ZSTDv##version##_findFrameSizeInfoLegacy)   \
  STINT_LEFT_OUT(ZSTDv##version##_getFrameParams)            \
  STINT_LEFT_OUT(ZBUFFv##version##_createDCtx)               \
  STINT_LEFT_OUT(ZBUFFv##version##_freeDCtx)                 \
  STINT_LEFT_OUT(ZBUFFv##version##_decompressInitDictionary) \
  STINT_LEFT_OUT(ZBUFFv##version##_decompressContinue)

STINT_LEFT_OUT_VERSION(05)
STINT_LEFT_OUT_VERSION(06)
STINT_LEFT_OUT_VERSION(07)

STINT_LEFT_OUT(ZSTD_compressBlock_btopt)
STINT_LEFT_OUT(ZSTD_compressBlock_btopt_dictMatchState)
STINT_LEFT_OUT(ZSTD_compressBlock_btopt_extDict)
STINT_LEFT_OUT(ZSTD_compressBlock_btultra)
STINT_LEFT_OUT(ZSTD_compressBlock_btultra2)
STINT_LEFT_OUT(ZSTD_compressBlock_btultra_dictMatchState)
STINT_LEFT_OUT(ZSTD_compressBlock_btultra_extDict)
STINT_LEFT_OUT(ZSTD_updateTree)
// NOLINTEND(readability-identifier-naming)
