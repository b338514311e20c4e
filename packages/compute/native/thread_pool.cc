#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace salmon {
namespace {

inline void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

struct Job {
  const std::function<void(int64_t)>* work;
  int64_t count;
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
};

/** Waits a moment without sleeping: regions follow each other closely, and to be woken takes as long as a small region. */
template <typename Condition>
void Spin(const Condition& met) {
  constexpr auto kMoment = std::chrono::microseconds(100);
  const auto until = std::chrono::steady_clock::now() + kMoment;
  while (!met()) {
    for (int i = 0; i < 16; i++) Pause();
    if (std::chrono::steady_clock::now() > until) return;
  }
}

class Pool {
 public:
  explicit Pool(int workers) {
    // Detached: the process may exit while they sleep, and joining from a static destructor can deadlock.
    for (int i = 0; i < workers; i++) std::thread([this] { Loop(); }).detach();
    workers_ = workers;
  }

  void Run(Job& job) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      generation_++;
      running_ = workers_;
    }
    wake_.notify_all();
    Work(job);
    Spin([this] { return running_ == 0; });
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
    job_ = nullptr;
  }

  static void Work(Job& job) {
    for (int64_t i = job.next.fetch_add(1); i < job.count; i = job.next.fetch_add(1)) {
      try {
        (*job.work)(i);
      } catch (...) {
        std::lock_guard<std::mutex> lock(job.mutex);
        if (!job.error) job.error = std::current_exception();
        job.next.store(job.count);
      }
    }
  }

 private:
  void Loop() {
    uint64_t seen = 0;
    for (;;) {
      Job* job;
      Spin([&] { return generation_ != seen; });
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_ != seen; });
        seen = generation_;
        job = job_;
      }
      if (job != nullptr) Work(*job);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--running_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> running_{0};
  int workers_ = 0;
};

std::mutex pool_mutex;  // one parallel region at a time, also when Node worker threads call in
Pool* pool = nullptr;
int threads_wanted = 1;
int pool_size = 1;

}  // namespace

void SetThreads(int threads) {
  std::lock_guard<std::mutex> lock(pool_mutex);
  threads_wanted = std::max(1, threads);
}

int Threads() {
  std::lock_guard<std::mutex> lock(pool_mutex);
  return threads_wanted;
}

void ParallelFor(int64_t count, const std::function<void(int64_t)>& work) {
  if (count <= 0) return;
  std::lock_guard<std::mutex> lock(pool_mutex);
  Job job;
  job.work = &work;
  job.count = count;
  if (threads_wanted == 1 || count == 1) {
    Pool::Work(job);
  } else {
    if (pool == nullptr || pool_size != threads_wanted) {
      pool = new Pool(threads_wanted - 1);  // an earlier pool of another size stays asleep
      pool_size = threads_wanted;
    }
    pool->Run(job);
  }
  if (job.error) std::rethrow_exception(job.error);
}

void ParallelBlocks(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& work) {
  const int64_t blocks = std::max<int64_t>(1, std::min<int64_t>(Threads() * 4, count / std::max<int64_t>(1, grain)));
  ParallelFor(blocks, [&](int64_t i) { work(count * i / blocks, count * (i + 1) / blocks); });
}

}  // namespace salmon
