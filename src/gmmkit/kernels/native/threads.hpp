// Threads of one call: they begin and end with it, so that nothing is left for a fork or an exit to trip over.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <new>
#include <thread>
#include <vector>

namespace gmmkit {
namespace TARGET {
namespace {

// Call work() in so many threads, the caller's among them, or in fewer where no more are to be had; and before the
// caller's, begun(how many there are). That one of them had too little memory is thrown when all have ended.
template <typename Work, typename Begun>
void on_threads(int n_threads, Work work, Begun begun) {
    std::atomic<bool> starved{false};
    const auto take_part = [&] {
        try {
            work();
        } catch (...) {  // there is nothing else that they throw
            starved = true;
        }
    };
    std::vector<std::thread> others;
    try {
        for (int i = 1; i < n_threads; ++i) others.emplace_back(take_part);
    } catch (const std::exception&) {
        // No more threads are to be had, or no memory for them: those that are there do it all.
    }
    begun(int(others.size()) + 1);
    take_part();
    for (auto& other : others) other.join();
    if (starved) throw std::bad_alloc();
}

// To be woken takes longer than threads of their own processors have to wait for each other. Where that did not help, as
// where there are fewer processors than threads, who waits soon lets others have his.
class Patience {
  public:
    template <typename Ready>
    void wait(Ready ready) {
        for (int i = 0; i < turns_; ++i) {
            if (ready()) {
                turns_ = std::min(2 * turns_, MOST);
                return;
            }
            pause();
        }
        turns_ = std::max(turns_ / 2, FEWEST);
        for (int i = 0; !ready(); ++i) {
            if (i < YIELDS) std::this_thread::yield();
            else std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    }

  private:
    static constexpr int FEWEST = 16, MOST = 2048, YIELDS = 500;
    int turns_ = MOST;

    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
};

// Where threads wait for each other before they go on together.
class Gate {
  public:
    // Must be told how many there are, which those that come before then wait for.
    void open(int members) { members_.store(members, std::memory_order_release); }

    // Whoever comes last calls last(), before any goes on.
    template <typename Last>
    void pass(Patience& patience, Last last) {
        int members = 0;
        patience.wait([&] { return (members = members_.load(std::memory_order_acquire)) != 0; });
        const unsigned round = rounds_.load(std::memory_order_relaxed);
        if (inside_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
            inside_.store(0, std::memory_order_relaxed);
            last();
            rounds_.store(round + 1, std::memory_order_release);
        } else {
            patience.wait([&] { return rounds_.load(std::memory_order_acquire) != round; });
        }
    }

  private:
    std::atomic<int> members_{0}, inside_{0};
    std::atomic<unsigned> rounds_{0};
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
