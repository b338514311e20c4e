#pragma once
#include <cstdint>
#include <functional>

namespace salmon {

/** Sets the number of threads for all later calls of ParallelFor (the caller's thread is one of them). */
void SetThreads(int threads);
int Threads();

/** Runs work(i) for i in [0, count), each index once, over the threads; returns when all are done and rethrows the first error. */
void ParallelFor(int64_t count, const std::function<void(int64_t)>& work);

/** Splits [0, count) into blocks of at least `grain` and runs work(begin, end) over the threads. */
void ParallelBlocks(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& work);

}  // namespace salmon
