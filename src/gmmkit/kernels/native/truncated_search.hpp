// What a truncated pass tries a row with, what it keeps of that, and what it draws.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "truncated_api.hpp"
#include "vector.hpp"

namespace gmmkit {
namespace TARGET {
namespace {

// Candidates that are scored together.
constexpr int CHUNK = 64;

// SplitMix64's finaliser (Steele, Lea & Flood 2014).
inline std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

inline int drawn(std::uint64_t key, std::uint64_t stream, int draw, int k) {
    const std::uint64_t bits = mixed(key ^ mixed(stream + 0x9E3779B97F4A7C15u * std::uint64_t(draw + 1)));
    return int(((bits >> 32) * std::uint64_t(k)) >> 32);
}

// Components that one row (or one component) is tried with, each once.
struct Tried {
    std::vector<std::uint32_t> stamps;
    std::vector<std::int32_t> ids;
    std::vector<double> scores;
    std::uint32_t stamp = 0;
    int count = 0, k;

    // Room for all, and for a last vector of eight; scores of a chunk. What is no component is one that was tried.
    explicit Tried(int k_)
        : stamps(std::size_t(k_) + 1, 0), ids(std::size_t(k_) + LANES), scores(CHUNK + LANES), k(k_) {}

    void begin() {
        count = 0;
        if (++stamp == 0) {
            std::fill(stamps.begin(), stamps.end(), 0);
            stamp = 1;
        }
        stamps[k] = stamp;
    }
    void exclude(int c) { stamps[c] = stamp; }
    // Without a jump, which could not be foreseen.
    void propose(std::int32_t c) {
        std::uint32_t& at = stamps[std::uint32_t(c) < std::uint32_t(k) ? c : k];
        ids[count] = c;
        count += at != stamp;
        at = stamp;
    }
    void propose(const std::int32_t* from, int n) {
        for (int i = 0; i < n; ++i) propose(from[i]);
    }
    // What is in the cells of row i.
    void enter(const Candidates& from, int i) {
        for (int e = 0; e < from.n_entries; ++e) {
            const std::int32_t cell = from.entries[std::size_t(i) * from.n_entries + e];
            if (std::uint32_t(cell) < std::uint32_t(from.n_cells))
                propose(from.members + from.starts[cell], from.starts[cell + 1] - from.starts[cell]);
        }
    }
};

// The best so far, best first; of equal ones, that which came first.
struct Best {
    std::vector<std::int32_t> ids;
    std::vector<double> scores;
    std::vector<char> open;  // whether neighbours are still to be tried
    int most, count = 0;

    explicit Best(int most_) : ids(most_ + LANES), scores(most_ + LANES), open(most_), most(most_) {}

    void add(std::int32_t id, double score) {
        if (count == most && !(score > scores[most - 1])) return;
        int place = count < most ? count++ : most - 1;
        for (; place > 0 && score > scores[place - 1]; --place) {
            scores[place] = scores[place - 1];
            ids[place] = ids[place - 1];
            open[place] = open[place - 1];
        }
        scores[place] = score;
        ids[place] = id;
        open[place] = 1;
    }

    // The best of the first few whose neighbours are still to be tried, which they then are; −1: none.
    std::int32_t next(int beam) {
        for (int place = 0; place < std::min(beam, count); ++place)
            if (open[place]) {
                open[place] = 0;
                return ids[place];
            }
        return -1;
    }
};

}  // namespace
}  // namespace TARGET
}  // namespace gmmkit
