// Threads of one call: they begin and end with it, so that nothing is left for a fork or an exit to trip over.
#pragma once
#include <atomic>
#include <exception>
#include <new>
#include <thread>
#include <vector>

namespace gmmkit {

// Call work() in so many threads, the caller's among them, or in fewer where no more are to be had. That one of them had
// too little memory is thrown when all have ended.
template <typename Work>
void on_threads(int n_threads, Work work) {
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
    take_part();
    for (auto& other : others) other.join();
    if (starved) throw std::bad_alloc();
}

}  // namespace gmmkit
