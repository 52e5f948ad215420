// Numbers that tell partitions of the rows apart, however their groups are numbered.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace gmmkit {

// A group is marked by the sum of its rows' random marks; sums are mixed (the finaliser of Steele, Lea & Flood 2014,
// SplitMix64) and added. Integers that wrap around: any order gives the same number.
inline void partition_keys(const std::int32_t* labels, const std::uint64_t* marks, int count, int n, int groups,
                           std::uint64_t* keys) {
    std::vector<std::uint64_t> sums(groups);
    for (int s = 0; s < count; ++s) {
        std::fill(sums.begin(), sums.end(), 0);
        for (int i = 0; i < n; ++i) sums[labels[std::size_t(s) * n + i]] += marks[i];
        std::uint64_t key = 0;
        for (std::uint64_t x : sums) {
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
            key += x ^ (x >> 31);
        }
        keys[s] = key;
    }
}

}  // namespace gmmkit
